"""A more sensitive detector finds no less."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkpoints.drift.numeric import SeriesDetector
from checkpoints.drift.numeric.sensitivity import thresholds
from tests.checkpoints.drift.numeric.series import latencies

GRADES = [0.0, 0.25, 0.5, 0.75, 1.0]


def first(values: list[float], sensitivity: float) -> float:
    detector = SeriesDetector("latency", sensitivity=sensitivity)
    found = (n for n, value in enumerate(values) if detector.update(value) is not None)
    return next(found, float("inf"))


@given(seed=st.integers(0, 10_000), factor=st.floats(0.2, 5.0), spread=st.floats(0.05, 1.5))
@settings(max_examples=60, deadline=None)
def test_the_first_signal_never_comes_later(seed: int, factor: float, spread: float) -> None:
    after = latencies(60, seed=seed + 1, middle=2.0 * factor, spread=spread)
    values = latencies(60, seed=seed) + after
    indexes = [first(values, grade) for grade in GRADES]
    assert indexes == sorted(indexes, reverse=True)


def test_thresholds_fall() -> None:
    found = [thresholds(grade) for grade in GRADES]
    for name in ("small", "large", "wide", "point"):
        heights = [getattr(one, name) for one in found]
        assert heights == sorted(heights, reverse=True)


@pytest.mark.parametrize(("word", "number"), [("low", 0.25), ("medium", 0.5), ("high", 0.75)])
def test_words_stand_for_numbers(word: str, number: float) -> None:
    assert SeriesDetector("m", sensitivity=word).sensitivity == number


@pytest.mark.parametrize("value", ["loud", "", -0.1, 1.1, float("nan"), True, None])
def test_another_sensitivity_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="from 0 to 1, or low, medium or high"):
        SeriesDetector("m", sensitivity=value)


def test_of_calm_points_a_test_alarms_about_as_seldom_as_it_says() -> None:
    """Four level tests, one of the variance and one of single points share the false alarms."""
    detector = SeriesDetector("latency", sensitivity=1.0)
    alarms = sum(detector.update(value) is not None for value in latencies(40_000))
    assert alarms < 6 * 40_000 / 1250
