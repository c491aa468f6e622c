"""When a schedule runs next. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from dashboard.models import PruneSchedule

DAY = timedelta(days=1)


def next_run(
    schedule: PruneSchedule, after: datetime, *, due_at: datetime | None = None
) -> datetime:
    """Return the first time after ``after`` at which a schedule is due.

    ``due_at`` is when it was due last, from which hours are counted. However many times were
    missed, the next is one.
    """
    if schedule.every_hours is not None:
        return _in_step(schedule.every_hours, after, due_at or after)
    minutes = timedelta(minutes=schedule.minute_of_day or 0)
    midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
    days = (midnight + minutes + DAY * ahead for ahead in range(9))
    wanted = schedule.weekday
    return next(day for day in days if day > after and (wanted is None or day.weekday() == wanted))


def _in_step(hours: int, after: datetime, due_at: datetime) -> datetime:
    step = timedelta(hours=hours)
    behind = max(after - due_at, timedelta(0))
    return due_at + step * (behind // step + 1)
