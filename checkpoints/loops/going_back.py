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

_DONE_BY_A_RESTORE = {Strategy.RESTORE_CHECKPOINT, Strategy.RETRY_CURRENT_STEP}


def is_done_by_the_restore(directive: Directive) -> bool:
    """Whether nothing is left to do once the head it was left with has been resumed from."""
    named = directive.parameters.get("checkpoint_id")
    return directive.strategy in _DONE_BY_A_RESTORE and named is None


def lineage(manager: CheckpointManager) -> list[Checkpoint]:
    """Return the head and what it descends from, newest first."""
    by_id = {record.id: record for record in manager.history()}
    head = manager.store.head(manager.agent_id, manager.thread_id)
    return list(ancestors(by_id, head.checkpoint_id if head else None))


def head_of(manager: CheckpointManager) -> Checkpoint | None:
    """Return the record of the thread's head."""
    head = manager.store.head(manager.agent_id, manager.thread_id)
    return manager.store.get(head.checkpoint_id, thread_id=manager.thread_id) if head else None


def newest(manager: CheckpointManager, fits: Callable[[Checkpoint], bool]) -> Checkpoint | None:
    """Return the newest checkpoint that the head descends from and that fits."""
    return next((record for record in lineage(manager) if fits(record)), None)


def before_step(manager: CheckpointManager, step_name: str) -> Checkpoint | None:
    """Return the checkpoint that the newest step of this name went on from."""
    records = iter(lineage(manager))
    named = any(record.step_name == step_name for record in records)
    before = (record for record in records if record.kind is not Kind.PRE_OPERATION)
    return next(before, None) if named else None


def sound_before_head(manager: CheckpointManager) -> Checkpoint | None:
    """Return the newest routine checkpoint before the head in which no drift was found."""
    return next((record for record in lineage(manager)[1:] if is_sound(record)), None)


def is_sound(record: Checkpoint) -> bool:
    """Whether it was saved in the course of things, and not while drift lasted."""
    return record.kind is Kind.ROUTINE and "drift" not in record.metadata


def follow(manager: CheckpointManager, error: HeadMoved) -> dict[str, Any]:
    """Return the state of the head that an operator restored while the agent ran.

    Raises ``error`` again where another writer moved the head: two processes that follow each
    other would repeat each other's work for ever. So too where it tells of another thread, on
    which a step worked.
    """
    head = manager.store.head(manager.agent_id, manager.thread_id)
    if head is None or not (head.operation_id or head.reason) or not _tells_of(manager, error):
        raise error
    logger.info("going on from %s: %s", head.checkpoint_id, head.reason or "restored")
    return manager.resume() or {}


def _tells_of(manager: CheckpointManager, error: HeadMoved) -> bool:
    """Whether the head that was moved is that of the manager's thread."""
    return any(record.id in {error.expected, error.actual} for record in manager.history())
