"""Schedules by which what policies do not keep is pruned, and what their last runs came to."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery

from dashboard import access
from dashboard.models import Operation, PruneSchedule, ScheduledPrune, ScheduledRun, User
from dashboard.selectors.errors import NotFound
from dashboard.selectors.retention import Target, target_of

RUNS_SHOWN = 30
_RELATED = ("project", "source__project", "agent__source__project", "created_by")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """A schedule with its last run, and whether one has not ended."""

    schedule: PruneSchedule
    target: Target
    last: ScheduledRun | None
    running: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePage:
    """A schedule with its last runs, newest first."""

    row: ScheduleRow
    runs: tuple[ScheduledRun, ...]
    operated: bool


def schedules_of(*, user: User) -> tuple[ScheduleRow, ...]:
    """Return all schedules that somebody may see, those that run next first."""
    rows = _visible(user).prefetch_related(Prefetch("runs", _last_runs(), to_attr="last_runs"))
    return tuple(_row(schedule) for schedule in rows.order_by("next_run_at", "pk"))


def schedule_page(*, user: User, schedule_pk: int) -> SchedulePage:
    """Return a schedule with what its runs came to. Raises NotFound."""
    schedule = find_schedule(user=user, schedule_pk=schedule_pk)
    runs = tuple(_runs().filter(schedule=schedule).order_by("-due_at")[:RUNS_SHOWN])
    row = ScheduleRow(
        schedule=schedule,
        target=target_of_schedule(schedule),
        last=runs[0] if runs else None,
        running=any(run.finished_at is None for run in runs),
    )
    operated = access.may(user, "operate", row.target.project)
    return SchedulePage(row=row, runs=runs, operated=operated)


def find_schedule(*, user: User, schedule_pk: int) -> PruneSchedule:
    """Return a schedule that somebody may see. Raises NotFound."""
    found = _visible(user).filter(pk=schedule_pk).first()
    if found is None:
        raise NotFound("There is no such schedule. It may have been removed; see the list.")
    return found


def target_of_schedule(schedule: PruneSchedule) -> Target:
    """Return what a schedule is about."""
    row = schedule.agent or schedule.source or schedule.project
    if row is None:
        raise ValueError("a schedule is about something")
    return target_of(row)


def _visible(user: User) -> QuerySet[PruneSchedule]:
    mine = access.projects(user)
    within = Q(project__in=mine) | Q(source__project__in=mine) | Q(agent__source__project__in=mine)
    return PruneSchedule.objects.select_related(*_RELATED).filter(within)


def _runs() -> QuerySet[ScheduledRun]:
    operations = Operation.objects.defer("plan", "result")
    prunes = ScheduledPrune.objects.select_related("source").prefetch_related(
        Prefetch("operation", operations)
    )
    return ScheduledRun.objects.select_related("asked_by").prefetch_related(
        Prefetch("prunes", prunes)
    )


def _last_runs() -> QuerySet[ScheduledRun]:
    """Return the last run of each schedule, which is also the one that may not have ended."""
    newest = ScheduledRun.objects.filter(schedule=OuterRef("schedule")).order_by("-due_at", "-pk")
    return _runs().filter(pk=Subquery(newest.values("pk")[:1]))


def _row(schedule: PruneSchedule) -> ScheduleRow:
    runs: list[ScheduledRun] = vars(schedule)["last_runs"]
    return ScheduleRow(
        schedule=schedule,
        target=target_of_schedule(schedule),
        last=runs[0] if runs else None,
        running=bool(runs) and runs[0].finished_at is None,
    )
