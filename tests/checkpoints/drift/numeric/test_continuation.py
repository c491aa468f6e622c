"""A detector that was stored and restored goes on as if nothing had been."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkpoints.drift.numeric import SeriesDetector
from checkpoints.drift.signals import Signal
from tests.checkpoints.drift.numeric.series import latencies, levels, signals

START = datetime(2026, 1, 1, tzinfo=UTC)


def stored(detector: SeriesDetector) -> SeriesDetector:
    return SeriesDetector.from_dict(json.loads(json.dumps(detector.to_dict())))


def told(detector: SeriesDetector, values: list[float], begin: int) -> list[Signal | None]:
    return [
        detector.update(value, START + timedelta(seconds=begin + n))
        for n, value in enumerate(values)
    ]


PIECES = st.lists(
    st.tuples(
        st.sampled_from(["latency", "level", "flat", "count"]),
        st.integers(5, 60),
        st.floats(0.1, 20.0),
    ),
    min_size=1,
    max_size=6,
)


def made(pieces: list[tuple[str, int, float]]) -> list[float]:
    values: list[float] = []
    for seed, (form, count, middle) in enumerate(pieces):
        if form == "latency":
            values += latencies(count, seed=seed, middle=middle)
        elif form == "level":
            values += levels(count, seed=seed, middle=middle)
        else:
            values += [float(round(middle))] * count if form == "flat" else range(count)
    return values


@given(pieces=PIECES, part=st.floats(0.0, 1.0), sensitivity=st.floats(0.0, 1.0))
@settings(max_examples=150, deadline=None)
def test_the_restored_detector_says_the_same(
    pieces: list[tuple[str, int, float]], part: float, sensitivity: float
) -> None:
    values = made(pieces)
    cut = int(part * len(values))
    whole = SeriesDetector("metric", sensitivity=sensitivity)
    halves = SeriesDetector("metric", sensitivity=sensitivity)
    expected = told(whole, values, 0)
    found = told(halves, values[:cut], 0)
    restored = stored(halves)
    assert found + told(restored, values[cut:], cut) == expected
    assert restored.to_dict() == whole.to_dict()


def test_it_may_be_stored_after_each_point() -> None:
    values = latencies(80) + latencies(40, seed=2, middle=7.0) + [3.0] * 30
    whole, detector = SeriesDetector("latency"), SeriesDetector("latency")
    for value in values:
        detector = stored(detector)
        assert detector.update(value) == whole.update(value)


def test_what_was_called_usual_is_stored() -> None:
    detector = SeriesDetector("latency")
    signals(detector, latencies(100) + latencies(10, seed=2, middle=3.5))
    detector.learn_normal()
    assert stored(detector).to_dict() == detector.to_dict()


@pytest.mark.parametrize("values", [{}, {"metric": "m"}, {"metric": "m", "sensitivity": 0.5}])
def test_what_is_no_state_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not the state of a series detector"):
        SeriesDetector.from_dict(values)


def test_a_state_with_a_hole_is_refused() -> None:
    state = SeriesDetector("latency", baseline=latencies(50)).to_dict()
    state["baseline"] = {"center": 1.0}
    with pytest.raises(ValueError, match="begin with a new one"):
        SeriesDetector.from_dict(state)
