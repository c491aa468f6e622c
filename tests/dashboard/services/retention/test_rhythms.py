"""When a schedule runs next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.models import PruneSchedule
from dashboard.services.retention.rhythms import next_run

SATURDAY = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_hours_are_counted_from_when_it_was_due_and_missed_ones_are_one() -> None:
    schedule = PruneSchedule(every_hours=6)
    late = SATURDAY + timedelta(hours=20, minutes=1)

    assert next_run(schedule, late, due_at=SATURDAY) == SATURDAY + timedelta(hours=24)


def test_a_run_at_the_very_time_is_followed_by_the_next() -> None:
    schedule = PruneSchedule(every_hours=6)

    assert next_run(schedule, SATURDAY, due_at=SATURDAY) == SATURDAY + timedelta(hours=6)


@pytest.mark.parametrize(
    ("minute", "weekday", "expected"),
    [
        (13 * 60 + 30, None, datetime(2026, 11, 21, 13, 30, tzinfo=UTC)),
        (12 * 60, None, datetime(2026, 11, 22, 12, 0, tzinfo=UTC)),
        (0, None, datetime(2026, 11, 22, 0, 0, tzinfo=UTC)),
        (3 * 60, 0, datetime(2026, 11, 23, 3, 0, tzinfo=UTC)),
        (12 * 60, 5, datetime(2026, 11, 28, 12, 0, tzinfo=UTC)),
        (12 * 60 + 1, 5, datetime(2026, 11, 21, 12, 1, tzinfo=UTC)),
    ],
)
def test_a_time_of_day_comes_next_on_the_right_day(
    minute: int, weekday: int | None, expected: datetime
) -> None:
    schedule = PruneSchedule(minute_of_day=minute, weekday=weekday)

    assert next_run(schedule, SATURDAY) == expected
