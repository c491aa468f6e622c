"""Finding the checkpoint to go back to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from checkpoints.errors import HeadMoved
from checkpoints.manager import CheckpointManager
from checkpoints.records import Checkpoint, Directive, Kind, Strategy
from checkpoints.stores.heads import ancestors

logger = logging.getLogger("checkpoints")

PREVIOUS = "previous"
"""Where a record's metadata names the routine checkpoint before it: its parent may be one that was
let go, like the one before an operation."""

_DONE_BY_A_RESTORE = {Strategy.RESTORE_CHECKPOINT, Strategy.RETRY_CURRENT_STEP}


def is_done_by_the_restore(directive: Directive) -> bool:
    """Whether nothing is left to do once the head it was left with has been resumed from."""
    named = directive.parameters.get("checkpoint_id")
    return directive.strategy in _DONE_BY_A_RESTORE and named is None


def lineage(manager: CheckpointManager) -> list[Checkpoint]:
    """Return the head and what it descends from, newest first.

    Where a parent was let go it goes on with the routine checkpoint before it, if that is kept.
    """
    by_id = {record.id: record for record in manager.history()}
    head = manager.store.head(manager.agent_id, manager.thread_id)
    found: dict[str, Checkpoint] = {}
    start = head.checkpoint_id if head else None
    while start in by_id and start not in found:
        part = list(ancestors(by_id, start))
        found |= {record.id: record for record in part}
        start = part[-1].metadata.get(PREVIOUS)
    return list(found.values())


def head_of(manager: CheckpointManager) -> Checkpoint | None:
    """Return the record of the thread's head."""
    head = manager.store.head(manager.agent_id, manager.thread_id)
    return manager.store.get(head.checkpoint_id, thread_id=manager.thread_id) if head else None


def previous(head: Checkpoint | None) -> str | None:
    """Return the routine checkpoint that whatever is saved after ``head`` goes on from."""
    if head is None or head.kind is Kind.ROUTINE:
        return head.id if head else None
    return str(head.metadata.get(PREVIOUS, head.id))


def newest(manager: CheckpointManager, fits: Callable[[Checkpoint], bool]) -> Checkpoint | None:
    """Return the newest checkpoint that the head descends from and that fits."""
    return next((record for record in lineage(manager) if fits(record)), None)


def before_step(manager: CheckpointManager, step_name: str) -> Checkpoint | None:
    """Return the checkpoint that the newest step of this name went on from."""
    step = newest(manager, lambda record: record.step_name == step_name)
    if step is None:
        return None
    followed = step.metadata.get(PREVIOUS, step.parent_id)
    return newest(manager, lambda record: record.id == followed)


def sound_before_head(manager: CheckpointManager) -> Checkpoint | None:
    """Return the newest routine checkpoint before the head in which no drift was found."""
    return next((record for record in lineage(manager)[1:] if is_sound(record)), None)


def is_sound(record: Checkpoint) -> bool:
    """Whether it was saved in the course of things, and not while drift lasted."""
    return record.kind is Kind.ROUTINE and "drift" not in record.metadata


def follow(manager: CheckpointManager, error: HeadMoved) -> dict[str, Any]:
    """Return the state of the head that an operator restored while the agent ran.

    Raises ``error`` again where another writer moved the head: two processes that follow each
    other would repeat each other's work for ever.
    """
    head = manager.store.head(manager.agent_id, manager.thread_id)
    if head is None or not (head.operation_id or head.reason):
        raise error
    logger.info("going on from %s: %s", head.checkpoint_id, head.reason or "restored")
    return manager.resume() or {}
