"""Restoring: an earlier checkpoint becomes what the next run resumes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from checkpoints.errors import CheckpointError, PlanRefused
from checkpoints.records import Checkpoint, Directive, Head, RestorePlan
from checkpoints.stores.base import ReadableStore, RestorableStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """How a restore ended.

    ``superseded_by`` is the id of a head that a live writer put over the restored one before it
    could be read back; None when the restore holds.
    """

    head: Head
    previous_head: str | None
    superseded_by: str | None = None


def restorable(store: ReadableStore) -> RestorableStore:
    """Return the store as one that can restore. Raises PlanRefused with the store's own reason."""
    capabilities = store.capabilities
    if not capabilities.restore or not isinstance(store, RestorableStore):
        reason = capabilities.reasons.get("restore", "this kind of store cannot be written to")
        raise PlanRefused(f"restore is not possible here: {reason}; nothing was changed")
    return store


def plan_restore(store: ReadableStore, checkpoint: Checkpoint) -> RestorePlan:
    """Say what restoring ``checkpoint`` would do now.

    Raises PlanRefused when the store cannot do it, CorruptCheckpoint when it cannot be read.
    """
    return restorable(store).plan_restore(checkpoint)


def restore(
    store: ReadableStore,
    plan: RestorePlan,
    *,
    written_ids: Sequence[str],
    operation_id: str,
    reason: str,
    now: datetime,
    directive: Directive | None = None,
) -> Restored:
    """Carry out a plan, then read the head back.

    Done again with the same ``operation_id`` it acts once. Raises HeadMoved or CorruptCheckpoint
    with nothing written.
    """
    head = restorable(store).restore(
        plan,
        written_ids=written_ids,
        operation_id=operation_id,
        reason=reason,
        now=now,
        directive=directive,
    )
    seen = store.head(plan.agent_id, plan.thread_id)
    if seen is None:
        raise CheckpointError(f"thread {plan.thread_id!r} has no head after the restore")
    live = seen.checkpoint_id if seen.checkpoint_id != head.checkpoint_id else None
    return Restored(head=head, previous_head=plan.expected_head, superseded_by=live)
