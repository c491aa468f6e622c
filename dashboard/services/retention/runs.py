"""Carrying schedules out: each due time once, however many workers there are.

Who moves ``next_run_at`` on makes the run, in one transaction. What a run asks for in a source is
written together with the row that says so, of which there is one: carried out twice, after a
worker was killed or by one that slept too long, it asks for nothing a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from dashboard import access, queue
from dashboard.models import (
    Agent,
    Operation,
    OperationState,
    PruneSchedule,
    RunOutcome,
    ScheduledPrune,
    ScheduledRun,
    Source,
)
from dashboard.models.operations import OPEN_STATES
from dashboard.selectors.retention import read_book
from dashboard.services import operations
from dashboard.services.operations import NothingToRemove, OperationRefused, Scope
from dashboard.services.operations.plans import PrunePlan
from dashboard.services.retention.prunes import wanted_by
from dashboard.services.retention.rhythms import next_run

LEASE = timedelta(minutes=5)
HINT_LOST_AFTER = timedelta(seconds=15)
MAX_ATTEMPTS = 5
KEPT_FOR = timedelta(days=90)
"""How long it is kept what a run came to."""
NOT_ENDED = (OperationState.DRAFT, OperationState.PENDING_APPROVAL, *OPEN_STATES)
SECOND_PERSON = "Its project wants somebody's approval of each prune."
logger = structlog.get_logger(__name__)
Now = Callable[[], datetime]


def begin_due(*, now: datetime) -> list[int]:
    """Begin what is due and hint again at what nobody took up; return the runs' numbers.

    What was missed while no worker was there is made up for by one run.
    """
    due = PruneSchedule.objects.filter(paused_at=None, next_run_at__lte=now)
    begun = [run.pk for schedule in due if (run := _begin(schedule, now)) is not None]
    return begun + _hint_again(now)


def carry_out(*, run_pk: int, now: Now) -> None:
    """Do a run, or find that another worker is at it or has done it."""
    run = _claim(run_pk, now())
    if run is None:
        return
    for source in _sources(run.schedule):
        if not run.prunes.filter(source=source).exists():
            _in_source(run, source, now())
        ScheduledRun.objects.filter(pk=run.pk).update(lease_until=now() + LEASE)
    ScheduledRun.objects.filter(pk=run.pk, finished_at=None).update(
        finished_at=now(), lease_until=None
    )


def _begin(schedule: PruneSchedule, now: datetime) -> ScheduledRun | None:
    """Make the run for a due time, unless another worker was first or the last has not ended."""
    due_at = schedule.next_run_at
    same = PruneSchedule.objects.filter(pk=schedule.pk, next_run_at=due_at, paused_at=None)
    try:
        with transaction.atomic():
            if not same.update(next_run_at=next_run(schedule, now, due_at=due_at)):
                return None
            run = ScheduledRun.objects.create(schedule=schedule, due_at=due_at, hinted_at=now)
            schedule.runs.filter(finished_at__isnull=False, due_at__lt=now - KEPT_FOR).delete()
            queue.enqueue_scheduled_run(run.pk)
    except IntegrityError:
        return None
    return run


def _hint_again(now: datetime) -> list[int]:
    lost = _unclaimed(now).filter(hinted_at__lt=now - HINT_LOST_AFTER)
    hinted = []
    for run in lost.only("pk", "hinted_at"):
        if _unclaimed(now).filter(pk=run.pk, hinted_at=run.hinted_at).update(hinted_at=now):
            queue.enqueue_scheduled_run(run.pk)
            hinted.append(run.pk)
    return hinted


def _unclaimed(now: datetime) -> QuerySet[ScheduledRun]:
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    return ScheduledRun.objects.filter(free, finished_at=None)


def _claim(run_pk: int, now: datetime) -> ScheduledRun | None:
    if (
        not _unclaimed(now)
        .filter(pk=run_pk)
        .update(
            lease_until=now + LEASE,
            attempts=F("attempts") + 1,
            started_at=Coalesce("started_at", now),
        )
    ):
        return None
    related = ("schedule__project", "schedule__source__project", "schedule__agent__source__project")
    return ScheduledRun.objects.select_related(*related, "asked_by", "schedule__created_by").get(
        pk=run_pk
    )


def _sources(schedule: PruneSchedule) -> Iterable[Source]:
    """Return the sources that a schedule reaches; of a project those that may be opened."""
    if schedule.agent is not None:
        return [schedule.agent.source]
    if schedule.source is not None:
        return [schedule.source]
    rows = Source.objects.filter(project=schedule.project, connected=True)
    return list(rows.select_related("project").order_by("pk"))


def _in_source(run: ScheduledRun, source: Source, now: datetime) -> None:
    """Ask once for what the policies want done in a source, or note why nothing is asked for."""
    if run.attempts > MAX_ATTEMPTS:
        message = f"It was begun {MAX_ATTEMPTS} times and never ended."
        _note(run, source, RunOutcome.REFUSED, message, now)
        return
    try:
        _prune(run, source, now)
    except IntegrityError:
        logger.info("another worker has asked", run=run.pk, source=source.pk)
    except NothingToRemove:
        _note(run, source, RunOutcome.NOTHING, "Every checkpoint is kept.", now)
    except OperationRefused as error:
        _note(run, source, RunOutcome.REFUSED, str(error), now)
    except Exception as error:
        logger.exception("scheduled prune not planned", run=run.pk, source=source.pk)
        message = f"It could not be planned ({type(error).__name__}); the log says more."
        _note(run, source, RunOutcome.REFUSED, message, now)


def _prune(run: ScheduledRun, source: Source, now: datetime) -> None:
    maker = run.schedule.created_by
    if not access.may(maker, "operate", source.project):
        message = (
            f"{maker.get_username()}, who made this schedule, may no longer operate here. Remove "
            "it, and let somebody make it who may."
        )
        _note(run, source, RunOutcome.REFUSED, message, now)
        return
    if (earlier := _not_ended(run, source)) is not None:
        state = earlier.get_state_display().lower()
        message = f"The prune of an earlier run has not ended: {state}."
        _note(run, source, RunOutcome.SKIPPED, message, now)
        return
    scope = Scope(source=source, agent=run.schedule.agent)
    wanted = wanted_by(read_book([source.project]), scope)
    if not wanted:
        _note(run, source, RunOutcome.NOTHING, "The policies keep everything here.", now)
        return
    draft = operations.draft_prune(
        user=None,
        scope=scope,
        wanted=wanted,
        idempotency_key=f"schedule-{run.schedule_id}-run-{run.pk}-source-{source.pk}",
        now=now,
        about=f"the schedule {run.schedule.name}",
    )
    _ask(run, draft, now)


def _ask(run: ScheduledRun, draft: Operation, now: datetime) -> None:
    held = why_held(run.schedule, draft)
    who = f", run by {run.asked_by.get_username()}" if run.asked_by is not None else ""
    reason = f"The schedule {run.schedule.name}, {run.schedule.rhythm}{who}."
    approved_by_two = draft.source.project.requires_approval
    with transaction.atomic():
        ScheduledPrune.objects.create(
            run=run,
            source=draft.source,
            operation=draft,
            outcome=RunOutcome.HELD if held or approved_by_two else RunOutcome.PRUNING,
            message=held or (SECOND_PERSON if approved_by_two else ""),
            at=now,
        )
        operations.begin_unattended(draft, reason=reason, now=now, held=held)


def why_held(schedule: PruneSchedule, draft: Operation) -> str:
    """Return why a person must look at what a run wants to remove, empty when none need to."""
    plan = PrunePlan.from_dict(draft.plan)
    agents = Agent.objects.filter(source=draft.source)
    indexed = agents.aggregate(held=Sum("checkpoint_count"))["held"] or 0
    total = max(indexed, plan.kept + plan.doomed)
    if plan.doomed * 100 <= total * schedule.most_percent:
        return ""
    return (
        f"It would remove {plan.doomed:,} of the source's {total:,} checkpoints, more than the "
        f"{schedule.most_percent} % that this schedule may remove by itself. Nothing was removed; "
        "look at the plan and approve it, or cancel it and change the policy."
    )


def _not_ended(run: ScheduledRun, source: Source) -> Operation | None:
    """Return what an earlier run asked for in this source and what has not come to an end."""
    prunes = ScheduledPrune.objects.filter(run__schedule=run.schedule_id, source=source)
    rows = Operation.objects.defer("plan", "result").filter(state__in=NOT_ENDED)
    return rows.filter(pk__in=prunes.values("operation")).first()


def _note(
    run: ScheduledRun, source: Source, outcome: RunOutcome, message: str, now: datetime
) -> None:
    """Write down what a run came to where it asked for nothing, unless another worker has."""
    values = {"outcome": outcome, "message": message, "at": now}
    ScheduledPrune.objects.get_or_create(run=run, source=source, defaults=values)
