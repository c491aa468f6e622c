"""A drifting metric as shapes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from dashboard.selectors.drift_series import Bucket, Series
from dashboard.templatetags.storage import tick_of
from dashboard.views.drift_charts import HEIGHT, MOST_SPOTS, WIDTH, Chart, chart

BEGIN = datetime(2026, 5, 1, tzinfo=UTC)


def bucket(at: int, value: float, *, count: int = 1) -> Bucket:
    moment = BEGIN + timedelta(minutes=at)
    return Bucket(
        at=moment,
        until=moment,
        low=value - (count > 1),
        middle=value,
        high=value + (count > 1),
        count=count,
        checkpoint=at,
    )


def drawn(*values: float, onset: int | None = None, count: int = 1) -> Chart:
    series = Series(
        metric="tokens",
        step_name="",
        buckets=tuple(bucket(at, value, count=count) for at, value in enumerate(values)),
        baseline=10.0 if onset is not None else None,
        low=8.0 if onset is not None else None,
        high=12.0 if onset is not None else None,
        onset_at=BEGIN + timedelta(minutes=onset) if onset is not None else None,
        found_at=BEGIN + timedelta(minutes=onset + 1) if onset is not None else None,
    )
    found = chart(series)
    assert found is not None
    return found


def test_nothing_to_draw_is_no_chart() -> None:
    assert chart(Series(metric="tokens", step_name="", buckets=())) is None


def test_the_course_is_parted_at_the_onset() -> None:
    found = drawn(10, 11, 10, 30, 31, onset=3)
    assert found.before.count("L") == 3
    assert found.after.count("L") == 1
    assert [spot.drifted for spot in found.spots] == [False, False, False, True, True]


def test_the_band_lies_within_the_drawing() -> None:
    found = drawn(10, 11, 10, 30, 31, onset=3)
    assert found.band_y is not None
    assert 0 <= found.band_y <= found.band_y + found.band_height <= HEIGHT


def test_a_drift_of_which_all_values_are_drawn_has_no_course_before() -> None:
    assert (
        drawn(30, 31, onset=0).before == "M0.0 " + drawn(30, 31, onset=0).after.split()[1] + " h3"
    )


@pytest.mark.parametrize("values", [(5.0,), (0.0, 0.0), (-3.0, -3.0), (1e300, -1e300), (1e-300,)])
def test_any_values_are_drawn_within_the_drawing(values: tuple[float, ...]) -> None:
    found = drawn(*values)
    places = [float(part) for part in found.before.replace("M", "").replace("L", "").split()[:2]]
    assert 0 <= places[0] <= WIDTH
    assert 0 <= places[1] <= HEIGHT


def test_many_values_are_gathered_into_strips_that_a_pointer_finds() -> None:
    found = drawn(*map(float, range(2_000)))
    assert len(found.spots) <= MOST_SPOTS
    assert found.count == 2_000


def test_values_taken_together_show_from_the_lowest_to_the_highest() -> None:
    assert drawn(5, 6, 7, count=3).envelope
    assert not drawn(5, 6, 7).envelope


def test_times_of_a_few_minutes_are_told_apart_by_their_seconds() -> None:
    short, long = drawn(10, 11, 10), drawn(*[10.0] * 30)
    ticks = [tick_of(at, short.by_minutes, short.by_seconds) for at in short.ticks]
    assert len({re.sub("<[^>]*>", "", tick) for tick in ticks}) == len(ticks)
    assert not long.by_seconds
