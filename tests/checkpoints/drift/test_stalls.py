"""A silence that is too long for this agent is said once, while it lasts or after it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.drift.generators.gaps import daily_series, gap_series, median_gaps
from benchmarks.drift.kinds import of_days, of_gaps
from benchmarks.drift.labelled import scored
from checkpoints.drift.signals import At, SignalKind
from checkpoints.drift.stalls import WARM_UP, StallDetector
from tests.checkpoints.drift.hostile import TIMES, VALUES

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def steady(count: int = 30, seconds: float = 60.0) -> StallDetector:
    detector = StallDetector()
    for step in range(count):
        assert detector.update(START + timedelta(seconds=step * seconds)) is None
    return detector


@pytest.mark.parametrize("seed", [41, 42])
def test_stalls_are_found_as_promised(seed: int) -> None:
    rows = list(gap_series(seed, each=20))
    score = scored(rows, of_gaps)["all"]

    assert score.f1 >= 0.92
    assert score.per_thousand <= 0.3
    assert scored(rows, lambda row: median_gaps(row["x"]))["all"].f1 < 0.2


def test_nights_are_known_from_the_third_day_on_and_a_stall_in_the_daytime_is_found() -> None:
    score = scored(list(daily_series(43, days=9, each=20)), of_days)["all"]

    assert score.f1 >= 0.95
    assert score.false_alarms <= 1


def test_a_gap_is_said_when_it_ends() -> None:
    detector = steady()
    signal = detector.update(START + timedelta(hours=2))

    assert signal is not None
    assert (signal.kind, signal.metric) == (SignalKind.STALL, "gap")
    assert signal.onset_at == START + timedelta(minutes=29)
    assert str(signal) == (
        "nothing was heard for 91 minutes; its pauses have a median of 60 s "
        "and become unusual above 10 minutes"
    )


def test_a_gap_that_lasts_is_said_once_at_the_time_that_was_foretold() -> None:
    detector = steady()
    due = detector.due_at()

    assert isinstance(due, datetime)
    assert due == START + timedelta(minutes=39)
    assert detector.check(due) is None
    assert detector.check(due + timedelta(seconds=1)) is not None
    assert detector.due_at() is None
    assert detector.check(due + timedelta(days=1)) is None
    assert detector.update(due + timedelta(days=2)) is None
    assert detector.check(due + timedelta(days=8)) is not None


def test_few_gaps_are_no_certainty() -> None:
    detector = steady(WARM_UP)

    assert detector.due_at() is None
    assert detector.check(START + timedelta(days=400)) is None


def test_what_recurs_is_usual() -> None:
    detector, now = StallDetector(), 0.0
    alarms = []
    for turn in range(200):
        now += 50.0 if turn % 10 == 9 else 1.0
        alarms += [turn] if detector.update(now) else []

    assert len(alarms) <= 1
    assert detector.update(now + 2_000) is not None


def test_a_clock_that_goes_back_and_repeated_times_do_no_harm() -> None:
    detector = steady()
    for seconds in (0, 60, 60, 29 * 60, 29 * 60):
        assert detector.update(START + timedelta(seconds=seconds)) is None

    assert detector.check(START) is None
    assert detector.update(START + timedelta(hours=2)) is not None


def test_a_time_in_the_far_future_is_one_stall_and_no_more() -> None:
    detector = steady()

    assert detector.update(START + timedelta(days=365_000)) is not None
    assert detector.update(START + timedelta(minutes=31)) is None
    due = detector.due_at()
    assert due is None or (isinstance(due, datetime) and due > START)


def test_times_that_are_none_tell_nothing() -> None:
    detector = steady()
    before = detector.due_at()
    for value in [*TIMES, *VALUES]:
        if type(value) is not datetime:
            assert detector.update(value) is None
            assert detector.check(value) is None

    assert detector.due_at() == before


@pytest.mark.parametrize("at", [at for at in TIMES if type(at) is datetime])
def test_odd_datetimes_raise_nothing(at: datetime) -> None:
    detector = StallDetector()
    for _ in range(20):
        detector.update(at)
        detector.check(at)
        detector.due_at()

    json.dumps(detector.to_dict())


def test_higher_sensitivity_waits_less() -> None:
    def due(sensitivity: float) -> Any:
        detector = StallDetector(sensitivity=sensitivity)
        for step in range(60):
            detector.update(step * 10.0)
        return detector.due_at()

    assert due(0.0) > due(0.25) > due(0.5) > due(0.75) > due(1.0)


@given(st.lists(st.floats(0, 1e7, allow_nan=False), max_size=150), st.integers(0, 150))
def test_it_goes_on_exactly_where_it_was_stored(gaps: list[float], cut: int) -> None:
    moments: list[At] = []
    for gap in gaps:
        moments.append((moments[-1] if moments else 0.0) + gap)  # type: ignore[operator]
    whole, first = StallDetector(), StallDetector()
    expected = [whole.update(at) for at in moments]
    got = [first.update(at) for at in moments[:cut]]
    second = StallDetector.from_dict(json.loads(json.dumps(first.to_dict())))
    got += [second.update(at) for at in moments[cut:]]

    assert got == expected
    assert second.to_dict() == whole.to_dict()
    assert second.due_at() == whole.due_at()


def test_its_state_does_not_grow() -> None:
    detector = StallDetector()
    for step in range(5_000):
        detector.update(step * 61.7 + step % 7)

    assert len(json.dumps(detector.to_dict())) < 4_000
