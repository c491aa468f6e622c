"""Pruning: what of a thread stays and what goes, each with the reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

from checkpoints import retention
from checkpoints.connectors import langgraph_native
from checkpoints.errors import (
    AmbiguousReference,
    CheckpointNotFound,
    CorruptCheckpoint,
    PlanRefused,
)
from checkpoints.plans import Doomed, Kept, ThreadPrune, ThreadPruned
from checkpoints.records import Checkpoint, Head, Kind, Status
from checkpoints.retention import RetentionPolicy
from checkpoints.stores.base import ReadableStore
from checkpoints.stores.operable import PrunableStore, Trash

MAY_RUN = "saved before an operation that may still run"
CHANGED = "its content is not what the plan saw"


def prunable(store: ReadableStore) -> PrunableStore:
    """Return the store as one that can prune. Raises PlanRefused with the store's own reason."""
    capabilities = store.capabilities
    if not capabilities.prune or not isinstance(store, PrunableStore):
        reason = capabilities.reasons.get("prune", "nothing can be removed from this kind of store")
        raise PlanRefused(f"a prune is not possible here: {reason}; nothing was removed")
    return store


def plan_prune(
    store: ReadableStore,
    agent_id: str | None,
    thread_id: str,
    policy: RetentionPolicy,
    *,
    now: datetime,
    released: AbstractSet[str] = frozenset(),
) -> ThreadPrune:
    """Say what a policy keeps and removes of a thread now. Writes nothing.

    ``released`` names pre_operation checkpoints whose operation has completed. What others cannot
    be read without stays; where that cannot be told nothing goes, and a note says why. Raises
    PlanRefused when the store cannot prune, CheckpointNotFound for an unknown thread.
    """
    pruning = prunable(store)
    records = _records(store, agent_id, thread_id)
    exempt = _exempt(pruning, agent_id, thread_id, records, released)
    fates = retention.decide(records, policy, now=now, exempt=exempt, released=released)
    return _planned(pruning, thread_id, records, {**fates.keep}, fates.remove, fates.notes)


def plan_removal(
    store: ReadableStore,
    agent_id: str | None,
    thread_id: str,
    checkpoint_ids: Mapping[str, str],
    *,
    now: datetime,  # noqa: ARG001 - plans are made for a time, this one is the same at any
) -> ThreadPrune:
    """Say what removing these checkpoints (id to reason) would take away now. Writes nothing.

    What must stay whatever is asked for is kept, and so is what others cannot be read without.
    Raises PlanRefused when the store cannot prune, CheckpointNotFound for an unknown thread; ids
    that the thread does not list are named in a note.
    """
    pruning = prunable(store)
    records = _records(store, agent_id, thread_id)
    exempt = _exempt(pruning, agent_id, thread_id, records, checkpoint_ids.keys())
    staying, going = {}, {}
    for record in records:
        if record.id in checkpoint_ids and record.id not in exempt:
            going[record.id] = checkpoint_ids[record.id]
        else:
            staying[record.id] = exempt.get(record.id, "not chosen")
    unknown = checkpoint_ids.keys() - {record.id for record in records}
    notes = [f"the thread does not list {name}" for name in sorted(unknown)]
    return _planned(pruning, thread_id, records, staying, going, notes)


def confirmed(prune: ThreadPrune, again: ThreadPrune) -> tuple[ThreadPrune, dict[str, str]]:
    """Return what a plan and the same plan made again both remove, and why each other one stays.

    What is not listed any more is left in the plan: it may lie in the trash already, which counts.
    """
    kept = {one.checkpoint_id: one.reason for one in again.keep}
    doomed = {one.checkpoint_id: one for one in again.remove}
    stayed: dict[str, str] = {}
    for one in prune.remove:
        now = doomed.get(one.checkpoint_id)
        if one.checkpoint_id in kept:
            stayed[one.checkpoint_id] = kept[one.checkpoint_id]
        elif now is not None and None not in {one.sha256, now.sha256} and now.sha256 != one.sha256:
            stayed[one.checkpoint_id] = CHANGED
    going = tuple(one for one in prune.remove if one.checkpoint_id not in stayed)
    both = replace(
        prune, expected_head=again.expected_head, keep=again.keep, remove=going, notes=again.notes
    )
    return both, stayed


def remove(
    store: ReadableStore,
    prune: ThreadPrune,
    *,
    operation_id: str,
    now: datetime,
    trash: Trash | None = None,
) -> ThreadPruned:
    """Move into the trash what a plan dooms and nothing needs by now; what is there counts.

    Raises what the store's ``remove`` raises, with nothing moved.
    """
    wanted = {one.checkpoint_id: one.reason for one in prune.remove}
    try:
        again = plan_removal(store, prune.agent_id, prune.thread_id, wanted, now=now)
    except CheckpointNotFound:
        again = replace(prune, keep=(), remove=())
    both, stayed = confirmed(prune, again)
    done = prunable(store).remove(both, operation_id=operation_id, now=now, trash=trash)
    return replace(done, stayed={**stayed, **done.stayed})


def _records(store: ReadableStore, agent_id: str | None, thread_id: str) -> list[Checkpoint]:
    records = store.history(agent_id, thread_id)
    if agent_id is None and len({record.agent_id for record in records}) > 1:
        raise AmbiguousReference(
            f"several agents have a thread {thread_id!r}; name the agent too. Nothing was changed"
        )
    return records


def _exempt(
    store: PrunableStore,
    agent_id: str | None,
    thread_id: str,
    records: Sequence[Checkpoint],
    released: Collection[str],
) -> dict[str, str]:
    """Return what stays in any case: the store's own reasons last, for they are the strongest."""
    head = store.head(agent_id, thread_id)
    return {
        **_may_run(records, head, released),
        **langgraph_native.exempt(records, head),
        **store.exempt(agent_id, thread_id),
    }


def _may_run(
    records: Sequence[Checkpoint], head: Head | None, released: Collection[str]
) -> dict[str, str]:
    """Return the pre_operation checkpoints of the run that the head says is going on."""
    at = head.checkpoint_id if head else None
    current = next((record for record in records if record.id == at), None)
    if current is None or current.status is not Status.RUNNING:
        return {}
    own = (r for r in records if r.kind is Kind.PRE_OPERATION and r.run_id == current.run_id)
    return {record.id: MAY_RUN for record in own if record.id not in released}


def _planned(
    store: PrunableStore,
    thread_id: str,
    records: Sequence[Checkpoint],
    staying: dict[str, str],
    going: Mapping[str, str],
    notes: Iterable[str],
) -> ThreadPrune:
    """Return the plan, with what is needed moved to what stays."""
    agent_id = records[0].agent_id if records else ""
    notes = list(notes)
    try:
        needed = _needed(store, agent_id, thread_id, records, staying) if going else {}
    except (PlanRefused, CorruptCheckpoint) as error:
        why = "it cannot be told what of this thread can be read without it"
        needed = dict.fromkeys(going, why)
        notes.append(f"nothing of this thread goes: {error}")
    staying |= {name: why for name, why in needed.items() if name in going}
    head = store.head(agent_id, thread_id)
    return ThreadPrune(
        agent_id=agent_id,
        thread_id=thread_id,
        expected_head=head.checkpoint_id if head else None,
        keep=tuple(_kept(r, staying[r.id]) for r in records if r.id in staying),
        remove=tuple(_doomed(r, going[r.id]) for r in records if r.id not in staying),
        notes=tuple(notes),
    )


def _needed(
    store: PrunableStore,
    agent_id: str,
    thread_id: str,
    records: Sequence[Checkpoint],
    kept: Collection[str],
) -> dict[str, str]:
    own = store.needed_by(agent_id, thread_id, kept)
    return {**langgraph_native.needed_by(store, records, {*kept, *own}), **own}


def _kept(record: Checkpoint, reason: str) -> Kept:
    return Kept(checkpoint_id=record.id, reason=reason, namespace=record.namespace)


def _doomed(record: Checkpoint, reason: str) -> Doomed:
    return Doomed(
        checkpoint_id=record.id,
        reason=reason,
        namespace=record.namespace,
        sha256=record.sha256,
        stored_size=record.stored_size,
    )
