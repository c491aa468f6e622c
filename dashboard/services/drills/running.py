"""Carrying a drill out, in pieces: each agent once, however many workers and kills there are.

Who claims a drill holds a lease. What an agent's rehearsals came to is written together with how
far the drill has come, only while the lease is one's own.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F

import checkpoints
from checkpoints.drills import Outcome, Rehearsal, rehearse, sweep_scratch
from dashboard import queue
from dashboard.models import Agent, Checkpoint, Drill, DrillOutcome
from dashboard.services.drills.choosing import as_listed, chosen
from dashboard.services.drills.noting import note, worst
from dashboard.stores import open_source

LEASE = timedelta(minutes=3)
PIECE_SECONDS = 10.0
"""A piece ends well within its lease, but for an agent that takes long; then others have a turn."""
LOST_AT_MOST = 2
KEPT_FOR = timedelta(days=90)
LOST = (
    "Rehearsing it was begun twice and never came back: the worker died or hung. The store itself "
    "was only read; look at this agent's checkpoints with `holdfast verify`."
)
logger = structlog.get_logger(__name__)
Now = Callable[[], datetime]


class LeaseLost(Exception):
    """Another worker has taken the drill over."""


@dataclass(slots=True, kw_only=True)
class _Piece:
    """What one worker does of a drill before it lets others have a turn."""

    drill: Drill
    now: Now
    clock: Callable[[], float]
    begun: float = field(init=False)

    def __post_init__(self) -> None:
        self.begun = self.clock()

    @property
    def is_over(self) -> bool:
        return self.clock() - self.begun >= PIECE_SECONDS

    def hold(self) -> None:
        """Prolong the lease. Raises LeaseLost."""
        lease = self.now() + LEASE
        mine = Drill.objects.filter(pk=self.drill.pk, lease_until=self.drill.lease_until)
        if not mine.update(lease_until=lease):
            raise LeaseLost
        self.drill.lease_until = lease


def carry_out(*, drill_pk: int, now: Now, clock: Callable[[], float] = time.monotonic) -> None:
    """Do a piece of a drill, or find that another worker is at it or has done it.

    Whatever goes wrong with the store ends in the drill's outcome, never in an exception.
    """
    drill = _claim(drill_pk, now())
    if drill is None:
        return
    sweep_scratch(scratch_of_rehearsals())
    piece = _Piece(drill=drill, now=now, clock=clock)
    try:
        is_done = _rehearse_agents(piece)
    except LeaseLost:
        return
    except Exception as error:  # noqa: BLE001 - a store can fail in any way; the task must not
        _finish(piece, _diagnosis(drill, error))
        return
    if is_done:
        _finish(piece, "")
    else:
        _let_go(piece)


def scratch_of_rehearsals() -> Path:
    """Return the folder of this installation in which rehearsals make theirs."""
    return Path(settings.DATA_DIR) / "rehearsals"


def _claim(drill_pk: int, now: datetime) -> Drill | None:
    """Take the right to go on by one conditional update; count a worker that never came back.

    One drill runs at a time: operations must find a worker that is free.
    """
    if Drill.objects.filter(lease_until__gte=now).exists():
        return None
    values = {"lease_until": now + LEASE, "started_at": now}
    rows = Drill.objects.filter(pk=drill_pk, finished_at=None)
    started = rows.exclude(started_at=None).values_list("started_at", flat=True).first()
    values["started_at"] = started or now
    free = rows.filter(lease_until=None).update(**values)
    if not free and not rows.filter(lease_until__lt=now).update(**values, lost=F("lost") + 1):
        return None
    return Drill.objects.select_related("source__project", "agent").filter(pk=drill_pk).first()


def _rehearse_agents(piece: _Piece) -> bool:
    """Go through the agents that are left; say whether none is."""
    with open_source(piece.drill.source) as store:
        while (agent := _next_agent(piece.drill)) is not None:
            piece.hold()
            rehearsed = _rehearsed(piece, store, agent)
            with transaction.atomic():
                piece.hold()
                note(piece.drill, agent, rehearsed, piece.now())
            piece.drill.last_agent, piece.drill.lost = agent.pk, 0
            if piece.is_over:
                return _next_agent(piece.drill) is None
    return True


def _next_agent(drill: Drill) -> Agent | None:
    rows = Agent.objects.filter(source=drill.source_id, pk__gt=drill.last_agent)
    if drill.agent_id is not None:
        rows = rows.filter(pk=drill.agent_id)
    return rows.order_by("pk").first()


def _rehearsed(
    piece: _Piece, store: checkpoints.ReadableStore, agent: Agent
) -> list[tuple[Checkpoint | None, Rehearsal]]:
    rows = chosen(piece.drill, agent)
    if piece.drill.lost >= LOST_AT_MOST:
        return [(row, _lost(row, agent)) for row in rows[:1]]
    done: list[tuple[Checkpoint | None, Rehearsal]] = []
    for row in rows:
        piece.hold()
        record = as_listed(store, row)
        folder = scratch_of_rehearsals()
        done.append((row, rehearse(store, record, folder=folder, now=piece.now())))
    return done


def _lost(row: Checkpoint, agent: Agent) -> Rehearsal:
    return Rehearsal(
        checkpoint_id=row.checkpoint_id,
        agent_id=agent.agent_id,
        thread_id=row.thread.thread_id,
        outcome=Outcome.FAILED,
        reason=LOST,
        finding="undecodable",
    )


def _finish(piece: _Piece, failure: str) -> None:
    drill, now = piece.drill, piece.now()
    counts = Drill.objects.filter(pk=drill.pk).values(*DrillOutcome.values).first() or {}
    outcome = DrillOutcome.FAILED.value if failure else worst(Counter(counts))
    with transaction.atomic():
        mine = Drill.objects.filter(pk=drill.pk, lease_until=drill.lease_until)
        if mine.update(lease_until=None, finished_at=now, outcome=outcome, message=failure):
            Drill.objects.filter(source=drill.source_id, finished_at__lt=now - KEPT_FOR).delete()
            _hint_next()


def _let_go(piece: _Piece) -> None:
    with transaction.atomic():
        mine = Drill.objects.filter(pk=piece.drill.pk, lease_until=piece.drill.lease_until)
        if mine.update(lease_until=None, hinted_at=piece.now()):
            _hint_next()


def _hint_next() -> None:
    """Ask for the drill that waits longest."""
    waiting = Drill.objects.filter(finished_at=None, lease_until=None).order_by("hinted_at", "pk")
    if (following := waiting.first()) is not None:
        queue.enqueue_drill(following.pk)


def _diagnosis(drill: Drill, error: Exception) -> str:
    if isinstance(error, checkpoints.TransientStoreError):
        return f"{error}. The next drill tries it again."
    if isinstance(error, checkpoints.CheckpointError):
        return f"{str(error).rstrip('.')}. No agent of this source is proven by this drill."
    logger.error("drill failed", drill=drill.pk, exc_info=error)
    return f"The drill failed ({type(error).__name__}); the log says more."
