"""Schedules: adding, changing, pausing and removing them. Running them is ``runs``'s."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from dashboard import access, queue
from dashboard.models import PruneSchedule, ScheduledRun, User
from dashboard.models.retention import MOST_PERCENT
from dashboard.selectors.retention import Target
from dashboard.selectors.schedules import find_schedule, target_of_schedule
from dashboard.services import audit
from dashboard.services.retention.errors import RetentionRefused
from dashboard.services.retention.rhythms import next_run

MOST_HOURS = 24 * 366
MINUTES_OF_DAY = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a schedule is to be: every so many hours, or at a minute of the day."""

    name: str
    every_hours: int | None = None
    minute_of_day: int | None = None
    weekday: int | None = None
    most_percent: int = MOST_PERCENT

    def check(self) -> None:
        """Raise RetentionRefused for what cannot be."""
        if not self.name.strip():
            raise RetentionRefused("Give the schedule a name; nothing was changed.")
        if (self.every_hours is None) == (self.minute_of_day is None):
            raise RetentionRefused(
                "A schedule runs every so many hours, or at a time of the day; nothing was changed."
            )
        self._check_numbers()

    def _check_numbers(self) -> None:
        if self.every_hours is not None and not 1 <= self.every_hours <= MOST_HOURS:
            raise RetentionRefused(f"A schedule runs every 1 to {MOST_HOURS} hours.")
        if self.minute_of_day is not None and not 0 <= self.minute_of_day < MINUTES_OF_DAY:
            raise RetentionRefused("A time of the day lies from 00:00 to 23:59.")
        if self.weekday is not None and (
            self.minute_of_day is None or self.weekday not in range(7)
        ):
            raise RetentionRefused("A day of the week goes with a time of the day.")
        if not 1 <= self.most_percent <= 100:
            raise RetentionRefused("The limit lies from 1 to 100 percent.")


def add_schedule(*, user: User, target: Target, wanted: Wanted, now: datetime) -> PruneSchedule:
    """Let what the policies do not keep of a target be pruned by itself.

    Raises Forbidden, Hidden, LoginTooOld, or RetentionRefused.
    """
    _require(user, target, now)
    wanted.check()
    if target.thread is not None:
        raise RetentionRefused("A schedule is about a project, a source or an agent.")
    schedule = PruneSchedule(**asdict(wanted), created_by=user, created_at=now)
    setattr(schedule, target.level, target.row)
    schedule.next_run_at = next_run(schedule, now)
    with transaction.atomic():
        schedule.save(force_insert=True)
        _record(user, "schedule.added", schedule, now)
    return schedule


def change_schedule(
    *, user: User, schedule_pk: int, wanted: Wanted, now: datetime
) -> PruneSchedule:
    """Let a schedule run at other times, or with another limit.

    Raises NotFound, Forbidden, LoginTooOld, or RetentionRefused.
    """
    schedule = find_schedule(user=user, schedule_pk=schedule_pk)
    _require(user, target_of_schedule(schedule), now)
    wanted.check()
    for name, value in asdict(wanted).items():
        setattr(schedule, name, value)
    schedule.next_run_at = next_run(schedule, now)
    with transaction.atomic():
        schedule.save(update_fields=[*asdict(wanted), "next_run_at"])
        _record(user, "schedule.changed", schedule, now)
    return schedule


def pause(*, user: User, schedule_pk: int, now: datetime) -> PruneSchedule:
    """Let a schedule rest. Raises NotFound, Forbidden."""
    schedule = find_schedule(user=user, schedule_pk=schedule_pk)
    access.require(user, "operate", target_of_schedule(schedule).project)
    with transaction.atomic():
        if PruneSchedule.objects.filter(pk=schedule.pk, paused_at=None).update(paused_at=now):
            _record(user, "schedule.paused", schedule, now)
    schedule.refresh_from_db()
    return schedule


def resume(*, user: User, schedule_pk: int, now: datetime) -> PruneSchedule:
    """Let a schedule run again; what it missed it does not make up for.

    Raises NotFound, Forbidden, LoginTooOld.
    """
    schedule = find_schedule(user=user, schedule_pk=schedule_pk)
    _require(user, target_of_schedule(schedule), now)
    following = next_run(schedule, now, due_at=schedule.next_run_at)
    paused = PruneSchedule.objects.filter(pk=schedule.pk, paused_at__isnull=False)
    with transaction.atomic():
        if paused.update(paused_at=None, next_run_at=following):
            _record(user, "schedule.resumed", schedule, now)
    schedule.refresh_from_db()
    return schedule


def remove_schedule(*, user: User, schedule_pk: int, now: datetime) -> str:
    """Take a schedule away and return its name. What it has asked for goes on.

    Raises NotFound, Forbidden.
    """
    schedule = find_schedule(user=user, schedule_pk=schedule_pk)
    access.require(user, "operate", target_of_schedule(schedule).project)
    with transaction.atomic():
        _record(user, "schedule.removed", schedule, now)
        schedule.delete()
    return schedule.name


def run_now(*, user: User, schedule_pk: int, now: datetime) -> ScheduledRun:
    """Let a schedule run at once; its next time stays as it is.

    Raises NotFound, Forbidden, LoginTooOld, or RetentionRefused while a run of it has not ended.
    """
    schedule = find_schedule(user=user, schedule_pk=schedule_pk)
    _require(user, target_of_schedule(schedule), now)
    try:
        with transaction.atomic():
            run = ScheduledRun.objects.create(
                schedule=schedule, due_at=now, asked_by=user, hinted_at=now
            )
            _record(user, "schedule.run", schedule, now)
            queue.enqueue_scheduled_run(run.pk)
    except IntegrityError as error:
        raise RetentionRefused(
            f"A run of {schedule.name} has not ended yet; no second one was begun."
        ) from error
    return run


def _require(user: User, target: Target, now: datetime) -> None:
    access.require(user, "operate", target.project)
    access.require_recent_login(user, now)


def _record(user: User, action: str, schedule: PruneSchedule, now: datetime) -> None:
    target = target_of_schedule(schedule)
    details = {
        "about": target.words,
        "rhythm": schedule.rhythm,
        "most_percent": schedule.most_percent,
    }
    audit.record(
        user=user,
        action=action,
        target=schedule.name,
        details=details,
        project=target.project,
        now=now,
    )
