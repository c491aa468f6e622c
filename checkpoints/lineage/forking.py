"""Forking: a new thread begins at a checkpoint; the old one stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from checkpoints.connectors import langgraph_native
from checkpoints.errors import PlanRefused
from checkpoints.identifiers import new_id
from checkpoints.plans import Edit, ForkPlan
from checkpoints.records import Checkpoint
from checkpoints.stores.base import ReadableStore, Store
from checkpoints.stores.forks import begin, first_draft, planned_fork
from checkpoints.stores.graphs import is_graphs
from checkpoints.stores.operable import ForkableStore


def forkable(store: ReadableStore) -> ForkableStore:
    """Return the store as one that can fork. Raises PlanRefused with the store's own reason."""
    capabilities = store.capabilities
    if not capabilities.fork or not isinstance(store, ForkableStore):
        reason = capabilities.reasons.get("fork", "this kind of store cannot begin a thread")
        raise PlanRefused(f"a fork is not possible here: {reason}; nothing was written")
    return store


def plan_fork(
    store: ReadableStore,
    checkpoint: Checkpoint,
    *,
    thread_id: str,
    agent_id: str | None = None,
    edits: Sequence[Edit] = (),
) -> ForkPlan:
    """Say what a new thread at ``checkpoint`` would hold.

    Raises PlanRefused when the store, or an edit, cannot be; CorruptCheckpoint when the checkpoint
    cannot be read.
    """
    if edits and not store.capabilities.edit:
        reason = store.capabilities.reasons.get("edit", "this kind of store cannot edit states")
        raise PlanRefused(f"an edit is not possible here: {reason}; nothing was written")
    forking = forkable(store)
    if isinstance(store, Store) and is_graphs(checkpoint):
        _refuse_edits(checkpoint, edits)
        copied = langgraph_native.to_fork(store, checkpoint)
        return planned_fork(store, copied, agent_id=agent_id, thread_id=thread_id, edits=())
    return forking.plan_fork(checkpoint, thread_id=thread_id, agent_id=agent_id, edits=edits)


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
    draft = first_draft(
        checkpoint,
        checkpoint_id=new_id(),
        agent_id=agent_id or checkpoint.agent_id,
        thread_id=thread_id,
        now=now,
    )
    return begin(store, [checkpoint], [(draft, store.load(checkpoint))])


def _refuse_edits(checkpoint: Checkpoint, edits: Sequence[Edit]) -> None:
    if edits:
        raise PlanRefused(
            f"{checkpoint.id} was saved by a LangGraph graph, and only its own code can change its "
            "values: fork it without edits, then use update_state. Nothing was written"
        )
