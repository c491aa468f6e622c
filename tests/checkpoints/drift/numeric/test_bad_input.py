"""Whatever numbers come, nothing breaks and nothing is claimed that is not so."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from math import inf, nan
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkpoints.drift.numeric import SeriesDetector
from tests.checkpoints.drift.numeric.series import latencies, levels, signals


@given(st.lists(st.one_of(st.floats(), st.integers(), st.booleans()), max_size=120))
@settings(max_examples=150, deadline=None)
def test_no_number_raises(values: list[float]) -> None:
    detector = SeriesDetector("anything")
    signals(detector, values * 3)
    json.dumps(detector.to_dict(), allow_nan=False)


@pytest.mark.parametrize("value", ["12", b"12", None, [1.0], {"a": 1}, 1 + 2j, object()])
def test_what_is_no_number_is_refused_and_not_counted(value: Any) -> None:
    detector = SeriesDetector("latency")
    before = detector.to_dict()
    with pytest.raises(TypeError, match="latency is measured in numbers"):
        detector.update(value)
    assert detector.to_dict() == before


@pytest.mark.parametrize("value", [Decimal("2.1"), Fraction(21, 10), True, 10**400, -(10**400)])
def test_other_numbers_are_taken(value: Any) -> None:
    detector = SeriesDetector("latency")
    detector.update(value)
    assert detector.index == 0


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0, 1e-300, 1e300, 7])
def test_a_constant_is_no_flatline(value: float) -> None:
    assert signals(SeriesDetector("steps"), [value] * 500) == []


def test_a_constant_that_changes_is_found() -> None:
    assert len(signals(SeriesDetector("workers"), [8.0] * 60 + [3.0] * 60)) == 1


def test_gaps_are_counted_and_learnt_from_by_nobody() -> None:
    values = latencies(300)
    holes = [gap for value in values for gap in (value, nan, inf, -inf)]
    detector = SeriesDetector("latency")
    assert signals(detector, holes) == []
    assert detector.index == 1199
    whole = SeriesDetector("latency")
    signals(whole, values)
    assert detector.band == whole.band


def test_ten_points_say_nothing() -> None:
    detector = SeriesDetector("latency")
    assert signals(detector, [1.0] * 5 + [1e9] * 5) == []
    assert detector.band is None


def test_times_in_any_order_change_nothing() -> None:
    values = latencies(100) + latencies(30, seed=2, middle=6.0)
    ordered, mixed = SeriesDetector("latency"), SeriesDetector("latency")
    times = [Random(n).choice([0.0, 5.0, -1e12, 1e12]) for n in range(len(values))]
    plain = [ordered.update(value) is not None for value in values]
    assert plain == [mixed.update(v, at) is not None for v, at in zip(values, times, strict=True)]


@pytest.mark.parametrize("scale", [1e-120, 1e-9, 1.0, 1e9, 1e120])
def test_the_unit_does_not_matter(scale: float) -> None:
    values = latencies(100) + latencies(30, seed=2, middle=6.0)
    here = [s.index for s in signals(SeriesDetector("m"), [scale * v for v in values])]
    assert here == [s.index for s in signals(SeriesDetector("m"), values)]


def test_memory_does_not_grow() -> None:
    detector = SeriesDetector("latency")
    sizes = []
    for seed in range(40):
        signals(detector, levels(1000, seed=seed, middle=40.0))
        sizes.append(len(json.dumps(detector.to_dict())))
    assert max(sizes) < 10_000


def test_a_rare_change_of_a_constant_is_not_remarkable_each_time() -> None:
    random = Random(5)
    values = [2.0 + (random.random() < 0.03) for _ in range(2000)]
    assert len(signals(SeriesDetector("retries"), values)) <= 1


def test_a_random_walk_is_given_up_on_after_a_few_levels() -> None:
    place, values = 500.0, []
    for step in levels(3000):
        place += step
        values.append(place)
    assert len(signals(SeriesDetector("position"), values)) <= 6
