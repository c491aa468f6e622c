"""An error rate that rises is said once; a constant one, however high, is not."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.drift.generators.errors import error_series
from benchmarks.drift.kinds import of_errors, three_failures
from benchmarks.drift.labelled import lines, scored
from checkpoints.drift.error_rate import NEW_NORMAL, BinaryDetector
from checkpoints.drift.signals import Direction, Signal, SignalKind
from tests.checkpoints.drift.hostile import TIMES, VALUES


def run(detector: BinaryDetector, failures: list[bool]) -> list[Signal]:
    return [signal for failed in failures if (signal := detector.update(failed))]


def by_chance(seed: int, rate: float, count: int) -> list[bool]:
    random = Random(seed)
    return [random.random() < rate for _ in range(count)]


def test_labelled_error_rates_are_found_as_promised(data_dir: Path) -> None:
    rows = list(lines("errors_dev.jsonl.gz"))
    score, naive = (scored(rows, rule)["all"] for rule in (of_errors, three_failures))

    assert score.f1 >= 0.80
    assert score.per_thousand <= 0.25
    assert score.f1 > naive.f1 + 0.1


@pytest.mark.parametrize("seed", [21, 22, 23])
def test_series_that_were_never_looked_at_are_found_as_promised(seed: int) -> None:
    score = scored(list(error_series(seed, each=8)), of_errors)["all"]

    assert score.f1 >= 0.80
    assert score.per_thousand <= 0.3


def test_a_signal_says_from_where_and_against_what() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    detector = BinaryDetector("tool errors")
    signals = [
        signal
        for minute in range(80)
        if (signal := detector.update(minute >= 60, start + timedelta(minutes=minute)))
    ]

    (signal,) = signals
    assert (signal.kind, signal.direction) == (SignalKind.ERROR_RATE, Direction.UP)
    assert (signal.onset, signal.onset_at) == (60, start + timedelta(minutes=60))
    assert signal.score > signal.threshold
    assert signal.evidence.baseline_n == 60
    words = "tool errors: 3 of the last 3 failed (100%), against 0.0% of 60 before"
    assert str(signal) == words


def test_an_episode_is_said_once_and_the_next_one_again() -> None:
    detector = BinaryDetector()
    signals = run(detector, [*[False] * 60, *[True] * 30, *[False] * 60, *[True] * 30])

    assert [signal.onset for signal in signals] == [60, 150]


@pytest.mark.parametrize(("rate", "most"), [(0.0, 0), (0.1, 0.9), (0.3, 2), (1.0, 0)])
def test_an_agent_that_always_failed_as_often_hardly_ever_alarms(rate: float, most: float) -> None:
    alarms = sum(len(run(BinaryDetector(), by_chance(seed, rate, 400))) for seed in range(20))

    assert alarms <= most * 8  # thousand points


def test_ten_points_are_no_certainty() -> None:
    assert not run(BinaryDetector(), [True] * 10)
    assert not run(BinaryDetector(sensitivity=1.0), [False] * 5 + [True] * 5)


def test_a_rate_that_stays_raised_becomes_normal() -> None:
    detector = BinaryDetector()
    run(detector, by_chance(1, 0.02, 200))
    (signal,) = run(detector, by_chance(2, 0.5, NEW_NORMAL + 400))

    assert signal.index < 230
    assert detector.rate > 0.4


def test_not_drift_makes_the_present_rate_the_baseline() -> None:
    detector = BinaryDetector()
    run(detector, [False] * 50)
    assert run(detector, [True, False] * 20)

    detector.learn_normal()

    assert not run(detector, [True, False] * 100)


def test_a_share_of_failures_counts_as_that_share() -> None:
    detector = BinaryDetector()
    values = [0.0] * 50 + [0.5] * 30

    assert [place for place, share in enumerate(values) if detector.update(share)]


def test_higher_sensitivity_finds_more() -> None:
    def found(sensitivity: float | str) -> int:
        rows = list(error_series(5, each=2))
        return sum(len(run(BinaryDetector(sensitivity=sensitivity), row["x"])) for row in rows)

    assert found("low") < found("medium") < found("high")


@pytest.mark.parametrize("sensitivity", [-0.1, 1.1, math.nan, "much", None, True])
def test_a_sensitivity_that_is_none_is_refused(sensitivity: Any) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        BinaryDetector(sensitivity=sensitivity)


def test_what_is_no_share_tells_nothing() -> None:
    detector = BinaryDetector()
    run(detector, [False] * 50)
    before = detector.rate

    for value in [*VALUES, 2.0, -1]:
        for at in TIMES:
            assert detector.update(value, at) is None

    assert detector.rate == before


@given(st.lists(st.one_of(st.booleans(), st.floats(0, 1)), max_size=200), st.integers(0, 200))
def test_it_goes_on_exactly_where_it_was_stored(failures: list[float], cut: int) -> None:
    whole, first = BinaryDetector(), BinaryDetector()
    expected = [whole.update(share, float(place)) for place, share in enumerate(failures)]
    got = [first.update(share, float(place)) for place, share in enumerate(failures[:cut])]
    second = BinaryDetector.from_dict(json.loads(json.dumps(first.to_dict())))
    got += [second.update(share, float(cut + at)) for at, share in enumerate(failures[cut:])]

    assert got == expected
    assert second.to_dict() == whole.to_dict()


def test_its_state_does_not_grow() -> None:
    detector = BinaryDetector()
    run(detector, by_chance(3, 0.1, 20_000))

    assert len(json.dumps(detector.to_dict())) < 500
