"""Forking in stores that agents save into: the first checkpoint of a new thread is a save."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from checkpoints.bodies.states import encode_state
from checkpoints.errors import (
    CheckpointNotFound,
    CorruptCheckpoint,
    HeadMoved,
    PlanRefused,
    UnsupportedState,
)
from checkpoints.identifiers import new_id
from checkpoints.plans import Edit, ForkPlan
from checkpoints.records import (
    EFFECT,
    EFFECT_STARTED,
    Checkpoint,
    Draft,
    Head,
    JournalEntry,
    RestoreTarget,
    State,
    Status,
)
from checkpoints.stores.base import Store
from checkpoints.stores.edits import edited, path_text
from checkpoints.stores.graphs import id_of_copy, is_graphs, rewritten, writes_to_copy
from checkpoints.stores.heads import check_head, effects_since, left_behind, step_label

OPERATION = "operation"
"""The kind of the journal entries that say which operations a thread has seen."""


class ForksBySaving:
    """Forks with what every store can do: load, save, record, and move a head."""

    def plan_fork(
        self: Store,
        checkpoint: Checkpoint,
        *,
        thread_id: str,
        agent_id: str | None = None,
        edits: Sequence[Edit] = (),
    ) -> ForkPlan:
        """Say what a new thread at ``checkpoint`` would hold."""
        if is_graphs(checkpoint):
            raise PlanRefused(
                f"{checkpoint.id} was saved by a LangGraph graph and may need others beside it: "
                "plan its fork with lineage.plan_fork. Nothing was written"
            )
        return planned_fork(self, [checkpoint], agent_id=agent_id, thread_id=thread_id, edits=edits)

    def choose_fork_ids(self: Store, plan: ForkPlan) -> tuple[str, ...]:
        """Choose the ids of the copies; those of a graph's follow from what it calls them."""
        return tuple(_chosen_id(self, plan, target) for target in plan.targets)

    def fork(
        self: Store,
        plan: ForkPlan,
        *,
        written_ids: Sequence[str],
        operation_id: str,
        reason: str,
        now: datetime,
    ) -> Head:
        """Begin the new thread and return its head, once per operation."""
        mark = _mark(plan, written_ids[0], operation_id, reason, now)
        if not _is_marked(self, mark):
            first = _first(self, plan, written_ids, operation_id, now)
            _name_operation(self, first, operation_id, reason, now)
            self.record([mark])
        head = self.head(plan.new_agent_id, plan.new_thread_id)
        if head is None:
            raise PlanRefused(
                f"thread {plan.new_thread_id!r} was begun by this operation and erased since; "
                "nothing was written"
            )
        return head


def planned_fork(
    store: Store,
    copied: Sequence[Checkpoint],
    *,
    agent_id: str | None,
    thread_id: str,
    edits: Sequence[Edit],
) -> ForkPlan:
    """Say what a new thread that begins at the first of these checkpoints would hold."""
    checkpoint = copied[0]
    agent_id = agent_id or checkpoint.agent_id
    if store.head(agent_id, thread_id) is not None:
        raise thread_exists(agent_id, thread_id)
    _require_kept(edited(store.load(checkpoint), edits), edits)
    records = {r.id: r for r in store.history(checkpoint.agent_id, checkpoint.thread_id)}
    head = store.head(checkpoint.agent_id, checkpoint.thread_id)
    left = left_behind(records, head.checkpoint_id if head else None, checkpoint.id)
    return ForkPlan(
        agent_id=checkpoint.agent_id,
        thread_id=checkpoint.thread_id,
        new_agent_id=agent_id,
        new_thread_id=thread_id,
        targets=tuple(_target(record) for record in copied),
        edits=tuple(edits),
        copied_bytes=sum(record.size or 0 for record in copied),
        rerun_steps=tuple(step_label(record) for record in reversed(left)),
        warnings=effects_since(store, checkpoint, {record.id for record in left}),
    )


def begin(
    store: Store, origins: Sequence[Checkpoint], chain: Sequence[tuple[Draft, State]]
) -> Checkpoint:
    """Save a new thread, its first checkpoint last, and return that.

    What the old thread has done outside is copied before. ``chain`` holds the copies of
    ``origins``, in their order. Raises PlanRefused, with none saved, when the thread exists.
    """
    first = chain[-1][0]
    try:
        head = store.head(first.agent_id, first.thread_id)
        if head is None or head.checkpoint_id not in {draft.id for draft, _ in chain}:
            check_head(head, None)
        _copy_effects(store, origins[-1], first)
        ids = {one.id: draft.id for one, (draft, _) in zip(origins, chain, strict=True)}
        writes = writes_to_copy(store, origins)
        store.record(rewritten(writes, first.agent_id, first.thread_id, ids))
        return store.put_many(chain, expected_head=None)[-1]
    except HeadMoved as error:
        raise thread_exists(first.agent_id, first.thread_id) from error


def first_draft(
    origin: Checkpoint,
    *,
    checkpoint_id: str,
    agent_id: str,
    thread_id: str,
    now: datetime,
    **more: Any,
) -> Draft:
    """Return the draft of a new thread's first checkpoint; ``more`` goes to its ``forked_from``."""
    source = {
        "agent_id": origin.agent_id,
        "thread_id": origin.thread_id,
        "checkpoint_id": origin.id,
        **more,
    }
    return Draft(
        id=checkpoint_id,
        agent_id=agent_id,
        thread_id=thread_id,
        step=origin.step,
        created_at=now,
        step_name=origin.step_name,
        iteration=origin.iteration,
        status=Status.INTERRUPTED,
        metadata={**origin.metadata, "forked_from": source},
    )


def thread_exists(agent_id: str, thread_id: str) -> PlanRefused:
    """Return the refusal to fork into a thread that is there."""
    return PlanRefused(
        f"{agent_id!r} has a thread {thread_id!r} already; nothing was written, choose another name"
    )


def _first(
    store: Store, plan: ForkPlan, written_ids: Sequence[str], operation_id: str, now: datetime
) -> Checkpoint:
    """Save the fork's first checkpoint, or find the one that this operation has saved before."""
    found = _saved_before(store, plan, written_ids[0], operation_id)
    if found is not None:
        return found
    origins = [_as_planned(store, plan, target) for target in reversed(plan.targets)]
    ids = {one.id: name for one, name in zip(origins, reversed(written_ids), strict=True)}
    chain = [_copy(store, plan, one, ids, operation_id, now) for one in origins]
    try:
        return begin(store, origins, chain)
    except PlanRefused:
        found = _saved_before(store, plan, written_ids[0], operation_id)
        if found is None:
            raise
        return found


def _copy(
    store: Store,
    plan: ForkPlan,
    origin: Checkpoint,
    ids: Mapping[str, str],
    operation_id: str,
    now: datetime,
) -> tuple[Draft, State]:
    """Return a checkpoint as the new thread keeps it; only the first one is edited."""
    edits = plan.edits if origin.id == plan.targets[0].checkpoint_id else ()
    more = {"edited": [path_text(edit.path) for edit in edits]} if edits else {}
    draft = first_draft(
        origin,
        checkpoint_id=ids[origin.id],
        agent_id=plan.new_agent_id,
        thread_id=plan.new_thread_id,
        now=now,
        operation_id=operation_id,
        **more,
    )
    return replace(draft, parent_id=ids.get(origin.parent_id or "")), edited(
        store.load(origin), edits
    )


def _saved_before(
    store: Store, plan: ForkPlan, written_id: str, operation_id: str
) -> Checkpoint | None:
    try:
        record = store.get(written_id, thread_id=plan.new_thread_id)
    except CheckpointNotFound:
        return None
    origin = record.metadata.get("forked_from")
    own = isinstance(origin, Mapping) and origin.get("operation_id") == operation_id
    return record if own and record.agent_id == plan.new_agent_id else None


def _as_planned(store: Store, plan: ForkPlan, target: RestoreTarget) -> Checkpoint:
    record = store.get(target.checkpoint_id, thread_id=plan.thread_id)
    if target.sha256 is not None and record.sha256 != target.sha256:
        raise CorruptCheckpoint(
            f"{record.id} is not what the plan saw: its digest differs; nothing was written",
            checkpoint_id=record.id,
        )
    return record


def _name_operation(
    store: Store, first: Checkpoint, operation_id: str, reason: str, now: datetime
) -> None:
    """Have the new thread's head name the operation, unless a run has gone on from it."""
    try:
        store.set_head(first, expected=first.id, now=now, operation_id=operation_id, reason=reason)
    except (HeadMoved, CheckpointNotFound):
        return


def _mark(
    plan: ForkPlan, written_id: str, operation_id: str, reason: str, now: datetime
) -> JournalEntry:
    """Return the entry by which a redo knows that it was done, whatever became of the thread."""
    return JournalEntry(
        agent_id=plan.new_agent_id,
        thread_id=plan.new_thread_id,
        kind=OPERATION,
        key=operation_id,
        recorded_at=now,
        data={"kind": "fork", "reason": reason, "first": written_id},
    )


def _is_marked(store: Store, mark: JournalEntry) -> bool:
    found = store.entries(mark.agent_id, mark.thread_id, kind=mark.kind, prefix=mark.key)
    return any(entry.key == mark.key for entry in found)


def _copy_effects(store: Store, origin: Checkpoint, first: Draft) -> None:
    """Copy them before the thread begins: whoever resumes it must not do them again."""
    for kind in (EFFECT, EFFECT_STARTED):
        entries = store.entries(origin.agent_id, origin.thread_id, kind=kind)
        agent_id, thread_id = first.agent_id, first.thread_id
        store.record([replace(e, agent_id=agent_id, thread_id=thread_id) for e in entries])


def _require_kept(state: Mapping[str, Any], edits: Sequence[Edit]) -> None:
    """Raise PlanRefused for an edited state that no store could keep."""
    if not edits:
        return
    try:
        encode_state(state)
    except UnsupportedState as error:
        raise PlanRefused(f"the edited state cannot be kept: {error}") from error


def _target(record: Checkpoint) -> RestoreTarget:
    return RestoreTarget(checkpoint_id=record.id, namespace=record.namespace, sha256=record.sha256)


def _chosen_id(store: Store, plan: ForkPlan, target: RestoreTarget) -> str:
    record = store.get(target.checkpoint_id, thread_id=plan.thread_id)
    if is_graphs(record):
        return id_of_copy(record, plan.new_agent_id, plan.new_thread_id)
    return new_id()
