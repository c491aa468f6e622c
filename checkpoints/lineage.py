"""Acting on a store without its agent: what the command line and a worker call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from checkpoints.errors import CheckpointError, HeadMoved, PlanRefused
from checkpoints.identifiers import new_id
from checkpoints.records import (
    EFFECT,
    EFFECT_STARTED,
    Checkpoint,
    Directive,
    Draft,
    Head,
    RestorePlan,
    Status,
)
from checkpoints.stores.base import ReadableStore, RestorableStore, Store
from checkpoints.stores.heads import check_head


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


def fork(
    store: Store,
    checkpoint: Checkpoint,
    *,
    thread_id: str,
    now: datetime,
    agent_id: str | None = None,
) -> Checkpoint:
    """Begin a new thread at a checkpoint and return its first one; the old thread stays as it is.

    What the old thread has done outside counts as done in the new one too. Raises PlanRefused when
    the thread exists, CorruptCheckpoint when the state cannot be read; then nothing was written.
    """
    agent_id = agent_id or checkpoint.agent_id
    origin = {name: getattr(checkpoint, name) for name in ("agent_id", "thread_id")}
    draft = Draft(
        id=new_id(),
        agent_id=agent_id,
        thread_id=thread_id,
        step=checkpoint.step,
        created_at=now,
        step_name=checkpoint.step_name,
        iteration=checkpoint.iteration,
        status=Status.INTERRUPTED,
        metadata={**checkpoint.metadata, "forked_from": {**origin, "checkpoint_id": checkpoint.id}},
    )
    state = store.load(checkpoint)
    try:
        check_head(store.head(agent_id, thread_id), None)
        _copy_effects(store, checkpoint, draft)
        return store.put(draft, state, expected_head=None)
    except HeadMoved as error:
        raise PlanRefused(
            f"{agent_id!r} has a thread {thread_id!r} already; nothing was written, choose "
            "another name"
        ) from error


def _copy_effects(store: Store, origin: Checkpoint, first: Draft) -> None:
    """Copy them before the thread begins: whoever resumes it must not do them again."""
    for kind in (EFFECT, EFFECT_STARTED):
        entries = store.entries(origin.agent_id, origin.thread_id, kind=kind)
        agent_id, thread_id = first.agent_id, first.thread_id
        store.record([replace(e, agent_id=agent_id, thread_id=thread_id) for e in entries])
