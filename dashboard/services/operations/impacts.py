"""What a restore would mean for its agent: read from the store while somebody looks, bounded.

It informs and never decides: where it cannot be told, the restore can be asked for all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import checkpoints
from checkpoints.connectors.marks import FORKED_FROM, OPERATION
from checkpoints.impact import Few, Impact, Rerun
from checkpoints.impact_reading import read_impact
from checkpoints.presentation import summarised
from dashboard import access
from dashboard.models import Checkpoint, Thread, User
from dashboard.models.operations import MAIN_THREAD
from dashboard.services.operations.errors import OperationRefused
from dashboard.services.operations.liveliness import looks_alive
from dashboard.services.operations.opening import open_restorable
from dashboard.services.operations.previews import find_checkpoint, plan_of

LARGEST_STATE = 16 * 1024 * 1024
"""Bytes of a state above which it is not read for a preview."""
SAVES_LOOKED_AT = 100
WRITERS_SHOWN = 10

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """A run that saves into the thread, and whether it looks as if it went on."""

    agent_id: str
    run_id: str
    saved_at: datetime
    alive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreImpact:
    """What a restore would mean; ``problem`` says why ``impact`` is None.

    ``fenced`` says that the store refuses the next save of a run that does not know of it,
    ``rerun_steps`` what its plan names as taken again.
    """

    checkpoint: Checkpoint
    head: Checkpoint | None
    writers: tuple[Writer, ...]
    impact: Impact | None = None
    problem: str = ""
    fenced: bool = False
    rerun_steps: tuple[str, ...] = ()

    @property
    def rerun_summary(self) -> str:
        """The steps that are taken again, in few words."""
        known = self.impact.reruns if self.impact else Few[Rerun]()
        if known.total <= len(self.rerun_steps):
            return summarised(self.rerun_steps)
        more = f" and {known.more:,} more" if known.more else ""
        return summarised([step.name for step in known]) + more

    @property
    def alive(self) -> tuple[Writer, ...]:
        """The runs that look as if they went on."""
        return tuple(writer for writer in self.writers if writer.alive)


def impact_of_restore(*, user: User, checkpoint_pk: int, now: datetime) -> RestoreImpact:
    """Tell what restoring a checkpoint would mean. Raises Checkpoint.DoesNotExist, Hidden."""
    row = find_checkpoint(checkpoint_pk)
    access.require(user, "read", row.thread.agent.source.project)
    told = _read(row)
    return RestoreImpact(
        checkpoint=row,
        head=row.thread.head,
        writers=writers_of(row.thread, now),
        **told,
    )


def _read(row: Checkpoint) -> dict[str, Any]:
    """Return what of the impact the store tells, or the problem."""
    if why := _too_large(row, row.thread.head):
        return {"problem": why}
    try:
        with open_restorable(row.thread.agent.source) as store:
            plan = plan_of(row, store)
            return {
                "impact": read_impact(store, plan),
                "fenced": plan.mode is checkpoints.RestoreMode.MOVE_HEAD,
                "rerun_steps": plan.rerun_steps,
            }
    except (OperationRefused, checkpoints.CheckpointError) as error:
        return {"problem": str(error)}
    except Exception:
        logger.exception("the impact of restoring checkpoint %s could not be told", row.pk)
        return {"problem": "Its state is of a kind that could not be worked through."}


def _too_large(*rows: Checkpoint | None) -> str:
    sizes = [row.size or 0 for row in rows if row is not None]
    if max(sizes) <= LARGEST_STATE:
        return ""
    return f"A state of {max(sizes) / 1_000_000:,.0f} MB is too large to be looked through here."


def writers_of(thread: Thread, now: datetime) -> tuple[Writer, ...]:
    """Return the runs that write a thread, the newest first: each that looks alive, and of each
    agent the last.

    What restores and forks wrote says nothing about them.
    """
    saves = Checkpoint.objects.filter(thread__in=_same_thread(thread))
    own = saves.exclude(metadata__has_any_keys=[OPERATION, FORKED_FROM]).order_by(
        "-created_at", "-pk"
    )
    rows = own.values_list("thread__agent__agent_id", "run_id", "created_at")
    found = [_writer(name, times, now) for name, times in _grouped(rows[:SAVES_LOOKED_AT])]
    newest = sorted(found, key=lambda writer: writer.saved_at, reverse=True)
    last = {writer.agent_id: writer for writer in reversed(newest)}
    told = [writer for writer in newest if writer.alive or writer is last[writer.agent_id]]
    return tuple(told[:WRITERS_SHOWN])


def _same_thread(thread: Thread) -> list[int]:
    """Return the rows of a thread that several agents of a source write; ``main`` is each's own."""
    if thread.thread_id == MAIN_THREAD:
        return [thread.pk]
    rows = Thread.objects.filter(agent__source=thread.agent.source_id)
    return list(rows.filter(thread_id=thread.thread_id).values_list("pk", flat=True))


def _grouped(
    saves: Iterable[tuple[str, str, datetime]],
) -> list[tuple[tuple[str, str], list[datetime]]]:
    ordered = sorted(saves, key=lambda save: (save[0], save[1]))
    return [
        (name, sorted((save[2] for save in group), reverse=True))
        for name, group in groupby(ordered, key=lambda save: (save[0], save[1]))
    ]


def _writer(name: tuple[str, str], newest_first: Sequence[datetime], now: datetime) -> Writer:
    agent_id, run_id = name
    return Writer(
        agent_id=agent_id,
        run_id=run_id,
        saved_at=newest_first[0],
        alive=looks_alive(newest_first[:20], now),
    )
