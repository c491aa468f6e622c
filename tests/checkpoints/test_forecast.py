"""The line through sizes: what it says, when it says nothing, and how often it is right."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from checkpoints.forecast import Point, forecast, student_quantile, trend

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MB = 10**6


def line(size: Callable[[int], float], days: int = 20) -> list[Point]:
    return [Point(START + day * DAY, round(size(day))) for day in range(days)]


def test_a_straight_line_goes_on() -> None:
    found = forecast(line(lambda day: 5 * MB + day * MB), START + 50 * DAY)
    assert found is not None
    assert (found.low, found.expected, found.high) == (55 * MB, 55 * MB, 55 * MB)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_few_samples_are_not_enough_yet(count: int) -> None:
    assert trend(line(lambda day: day * MB, count)) is None


def test_less_than_a_day_is_not_enough_yet() -> None:
    hours = [Point(START + timedelta(hours=hour), hour * MB) for hour in range(24)]
    assert trend(hours) is None
    assert trend([*hours, Point(START + DAY, 24 * MB)]) is not None


def test_a_prune_begins_the_line_anew() -> None:
    grown = line(lambda day: 100 * MB + 10 * day * MB, 30)
    later = [Point(START + day * DAY, 20 * MB + (day - 30) * MB) for day in range(30, 40)]
    found = trend(grown + later)
    assert found is not None
    assert (found.since, found.points) == (START + 30 * DAY, 10)
    assert found.at(START + 60 * DAY).expected == 50 * MB


def test_right_after_a_prune_nothing_is_said() -> None:
    points = [*line(lambda day: 100 * MB + day * MB, 30), Point(START + 30 * DAY, MB)]
    assert trend(points) is None


def test_a_small_drop_does_not_begin_anew() -> None:
    found = trend(line(lambda day: 100 * MB - (10 * MB if day > 10 else 0) + day * MB))
    assert found is not None
    assert found.points == 20


def test_a_store_that_never_changes_stays_as_it_is() -> None:
    found = trend(line(lambda _: 7 * MB))
    assert found is not None
    assert found.at(START + 100 * DAY).expected == 7 * MB
    assert found.reaches(8 * MB) is None


def test_an_empty_store_stays_empty() -> None:
    assert forecast(line(lambda _: 0), START + 30 * DAY) is not None


def test_a_store_that_shrinks_is_never_below_nothing() -> None:
    found = forecast(line(lambda day: (100 - day) * MB), START + 500 * DAY)
    assert found is not None
    assert (found.expected, found.low) == (0, 0)


def test_a_limit_is_reached_when_the_line_says() -> None:
    found = trend(line(lambda day: day * MB))
    assert found is not None
    reach = found.reaches(50 * MB)
    assert reach is not None
    assert abs(reach.expected - (START + 50 * DAY)) < timedelta(minutes=1)


def test_a_limit_that_was_reached_is_reached_now() -> None:
    found = trend(line(lambda day: day * MB))
    assert found is not None
    reach = found.reaches(10 * MB)
    assert reach is not None
    assert reach.expected == START + 19 * DAY


def test_a_limit_too_far_ahead_is_not_foretold() -> None:
    found = trend(line(lambda day: day * MB))
    assert found is not None
    assert found.reaches(10**6 * MB) is None


@pytest.mark.parametrize("seed", range(20))
def test_a_limit_is_reached_between_the_earliest_and_the_latest(seed: int) -> None:
    chance = random.Random(seed)
    found = trend(line(lambda day: day * MB + chance.gauss(100 * MB, 3 * MB), 40))
    assert found is not None
    reach = found.reaches(200 * MB)
    assert reach is not None
    assert reach.earliest <= reach.expected
    assert reach.latest is None or reach.expected <= reach.latest


@pytest.mark.parametrize("seed", range(20))
def test_the_interval_widens_with_the_distance(seed: int) -> None:
    chance = random.Random(seed)
    found = trend(line(lambda day: day * MB + chance.gauss(900 * MB, MB)))
    assert found is not None
    widths = [
        said.high - said.low for said in (found.at(START + day * DAY) for day in range(20, 200, 20))
    ]
    assert all(near < far for near, far in pairwise(widths))


@pytest.mark.parametrize("count", [5, 8, 30, 90])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95])
def test_it_covers_the_truth_about_as_often_as_it_says(count: int, confidence: float) -> None:
    chance = random.Random(f"{count} {confidence}")
    tries, covered = 2_000, 0
    for _ in range(tries):
        slope, noise = chance.uniform(0.1, 5) * MB, chance.uniform(0.1, 5) * MB

        def size(day: int, slope: float = slope, noise: float = noise) -> float:
            return 1_000 * MB + slope * day + chance.gauss(0, noise)

        at = START + (count + 30) * DAY
        found = forecast(line(size, count), at, confidence=confidence)
        assert found is not None
        covered += found.low <= size(count + 30) <= found.high
    assert covered / tries == pytest.approx(confidence, abs=0.035)


TABLE = {
    (0.05, 3): 3.182446,
    (0.05, 4): 2.776445,
    (0.05, 10): 2.228139,
    (0.05, 30): 2.042272,
    (0.05, 100): 1.983972,
    (0.10, 3): 2.353363,
    (0.10, 8): 1.859548,
    (0.50, 3): 0.764892,
    (0.50, 60): 0.678601,
    (0.01, 5): 4.032143,
}


@pytest.mark.parametrize(("asked", "quantile"), TABLE.items(), ids=str)
def test_quantiles_are_those_of_the_tables(asked: tuple[float, int], quantile: float) -> None:
    assert student_quantile(*asked) == pytest.approx(quantile, rel=1e-4)


def test_quantiles_of_too_few_are_refused() -> None:
    with pytest.raises(ValueError, match="three degrees of freedom"):
        student_quantile(0.1, 2)
