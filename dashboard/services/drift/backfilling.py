"""Reading numbers out of states that were there before: in pieces, once each, until it is done.

Who claims a backfill holds a lease; how far it has come is written with what was read, only while
the claim is one's own. At its end the detectors learn anew from all that is recorded.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

from dashboard import access, queue
from dashboard.models import (
    Agent,
    AgentWatch,
    BackfillState,
    Checkpoint,
    DriftBackfill,
    Source,
    StateMetrics,
    User,
)
from dashboard.selectors.drift_rows import find_watched
from dashboard.selectors.errors import NotFound
from dashboard.services import audit
from dashboard.services.drift import detectors
from dashboard.services.drift.errors import DriftRefused
from dashboard.services.drift.reading import Budget, read_rows
from dashboard.services.drift.watches import lock, overtake

LEASE: Final = timedelta(minutes=2)
HINT_LOST_AFTER: Final = timedelta(seconds=30)
PIECE_SECONDS: Final = 10.0
PIECE_BYTES: Final = 64_000_000
AT_ONCE: Final = 100
LOST_AT_MOST: Final = 3
LOST: Final = "Reading was begun three times and never came back: the worker died or hung."
Now = Callable[[], datetime]


def begin_backfill(
    *, user: User, source_pk: int | None = None, agent_pk: int | None = None, now: datetime
) -> DriftBackfill:
    """Ask for the states of a source, or of one agent, to be read for their numbers.

    Raises NotFound, Forbidden, DriftRefused while one has not ended.
    """
    source, agent = _find(user, source_pk, agent_pk)
    access.require(user, "operate", source.project_id)
    if not source.connected:
        raise DriftRefused(
            f"Agents only report about {source.name}, so no state of it can be read. Connect it on "
            "the Sources page first."
        )
    made = DriftBackfill(source=None if agent else source, agent=agent, asked_by=user)
    made.created_at = made.hinted_at = now
    rows = _rows(made)
    made.total = rows.count()
    made.last_pk = rows.order_by("-pk").values_list("pk", flat=True).first() or 0
    try:
        with transaction.atomic():
            made.save(force_insert=True)
            queue.enqueue_drift_backfill(made.pk)
            _record(user, made, "asked", now)
    except IntegrityError as error:
        raise DriftRefused(
            "Its states are being read already; no second time was begun."
        ) from error
    return made


def cancel_backfill(*, user: User, backfill_pk: int, now: datetime) -> DriftBackfill:
    """End a backfill where it is; what was read stays. Raises NotFound, Forbidden."""
    found = find_backfill(user=user, backfill_pk=backfill_pk)
    access.require(user, "operate", _source(found).project_id)
    with transaction.atomic():
        running = DriftBackfill.objects.filter(pk=found.pk, state=BackfillState.RUNNING)
        if running.update(
            state=BackfillState.CANCELLED, finished_at=now, lease_until=None, claim=F("claim") + 1
        ):
            _record(user, found, "cancelled", now)
    found.refresh_from_db()
    return found


def find_backfill(*, user: User, backfill_pk: int) -> DriftBackfill:
    """Return a backfill that ``user`` may see. Raises NotFound, Forbidden."""
    access.require(user, "read")
    related = ("source__project", "agent__source__project")
    rows = DriftBackfill.objects.select_related(*related).filter(pk=backfill_pk)
    seen = access.projects(user, "read")
    mine = Q(source__project__in=seen) | Q(agent__source__project__in=seen)
    found = rows.filter(mine).first()
    if found is None:
        raise NotFound("There is no such backfill. See how the agent is watched.")
    return found


def carry_on(*, backfill_pk: int, now: Now, clock: Callable[[], float] = time.monotonic) -> bool:
    """Do a piece of a backfill; say whether it was one's own to do."""
    mine = _claim(backfill_pk, now())
    if mine is None:
        return False
    budget = Budget(clock=clock, seconds=PIECE_SECONDS, most_bytes=PIECE_BYTES)
    while not budget.is_spent:
        rows = list(_rest(mine)[:AT_ONCE])
        if not rows:
            _finish(mine, now())
            return True
        if not _read_some(mine, rows, budget, now()):
            return True
    if _held(mine).update(lease_until=None, lost=0, hinted_at=now()):
        queue.enqueue_drift_backfill(mine.pk)
    return True


def hint_again(*, now: datetime) -> None:
    """Ask for the backfills that nobody is at."""
    free = Q(lease_until=None, hinted_at__lt=now - HINT_LOST_AFTER) | Q(lease_until__lt=now)
    waiting = DriftBackfill.objects.filter(free, state=BackfillState.RUNNING)
    for pk in list(waiting.values_list("pk", flat=True)):
        waiting.filter(pk=pk).update(hinted_at=now)
        queue.enqueue_drift_backfill(pk)


def _claim(backfill_pk: int, now: datetime) -> DriftBackfill | None:
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    rows = DriftBackfill.objects.filter(free, pk=backfill_pk, state=BackfillState.RUNNING)
    with transaction.atomic():
        if not rows.update(lease_until=now + LEASE, claim=F("claim") + 1, lost=F("lost") + 1):
            return None
        related = ("source__project", "agent__source__project")
        mine = DriftBackfill.objects.select_related(*related).get(pk=backfill_pk)
    if mine.lost > LOST_AT_MOST:
        _end(mine, BackfillState.FAILED, mine.message or LOST, now)
        return None
    return mine


def _held(mine: DriftBackfill) -> QuerySet[DriftBackfill]:
    return DriftBackfill.objects.filter(pk=mine.pk, claim=mine.claim, state=BackfillState.RUNNING)


def _read_some(mine: DriftBackfill, rows: list[Checkpoint], budget: Budget, now: datetime) -> bool:
    """Read some states and write down how far it came; say whether it may go on."""
    whole = Budget(clock=budget.clock, seconds=4 * PIECE_SECONDS, most_bytes=4 * PIECE_BYTES)
    _, message = read_rows(_source(mine), rows, now=now, budget=whole)
    budget.spent += whole.spent
    if message:
        _held(mine).update(lease_until=now + timedelta(seconds=30), message=message)
        return False
    read = StateMetrics.objects.filter(checkpoint__in=rows)
    unread = read.exclude(message="").count()
    mine.upto = rows[-1].pk
    return bool(
        _held(mine).update(
            upto=mine.upto,
            done=F("done") + len(rows),
            unread=F("unread") + unread,
            bytes_read=F("bytes_read") + whole.spent,
            lease_until=now + LEASE,
            message="",
            lost=0,
        )
    )


def _rest(mine: DriftBackfill) -> QuerySet[Checkpoint]:
    rows = _rows(mine).filter(pk__gt=mine.upto, pk__lte=mine.last_pk)
    return rows.select_related("thread__agent").order_by("pk")


def _rows(mine: DriftBackfill) -> QuerySet[Checkpoint]:
    rows = Checkpoint.objects.filter(removed_at=None, namespace="", state_metrics=None)
    if mine.agent_id is not None:
        return rows.filter(thread__agent=mine.agent_id)
    return rows.filter(thread__agent__source=mine.source_id)


def _finish(mine: DriftBackfill, now: datetime) -> None:
    """Let the detectors learn anew from all that is recorded, then end it."""
    whose = Q(pk=mine.agent_id) if mine.agent_id is not None else Q(agent__source=mine.source_id)
    for agent_pk in list(AgentWatch.objects.filter(whose).values_list("pk", flat=True)):
        if not _held(mine).update(lease_until=now + LEASE):
            return
        with transaction.atomic():
            watch = lock(agent_pk)
            detectors.save(watch, detectors.learned(watch), {})
            overtake(watch)
    queue.enqueue_drift()
    _end(mine, BackfillState.DONE, "", now)


def _end(mine: DriftBackfill, state: BackfillState, message: str, now: datetime) -> None:
    _held(mine).update(state=state, finished_at=now, lease_until=None, message=message)


def _source(mine: DriftBackfill) -> Source:
    if mine.agent is not None:
        return mine.agent.source
    if mine.source is None:
        raise AssertionError("a backfill has a source or an agent")
    return mine.source


def _find(user: User, source_pk: int | None, agent_pk: int | None) -> tuple[Source, Agent | None]:
    if agent_pk is not None:
        agent = find_watched(user=user, agent_pk=agent_pk)
        return agent.source, agent
    access.require(user, "read")
    rows = Source.objects.select_related("project").filter(pk=source_pk or 0)
    source = access.visible(user, rows).first()
    if source is None:
        raise NotFound("There is no such source; nothing was begun. Choose one in the list.")
    return source, None


def _record(user: User, made: DriftBackfill, what: str, now: datetime) -> None:
    source = _source(made)
    audit.record(
        user=user,
        action=f"drift_backfill.{what}",
        target=made.agent.agent_id if made.agent else source.name,
        details={"backfill": made.pk},
        now=now,
        project=source.project_id,
    )
