"""Pruning and erasing in Holdfast's own stores, which keep their trash themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, runtime_checkable

from checkpoints.errors import CheckpointNotFound, PlanRefused, TransientStoreError
from checkpoints.plans import Doomed, ThreadErased, ThreadErasure, ThreadPrune, ThreadPruned
from checkpoints.records import Checkpoint, Head, JournalEntry, RestoreTarget
from checkpoints.stores.base import Store
from checkpoints.stores.forks import OPERATION
from checkpoints.stores.operable import PrunableStore, Trash
from checkpoints.stores.record_bytes import EPOCH

ATTEMPTS = 8
"""How often a removal is looked at again when others save, pin or remove meanwhile."""
UNDONE = "this operation was undone"
CHANGED = "its content is not what the plan saw"


@runtime_checkable
class TrashKeeping(Store, PrunableStore, Protocol):
    """A store that can say what lies in its trash."""

    def in_trash(self, agent_id: str | None, thread_id: str) -> list[Checkpoint]:
        """Return the records of a thread that lie in the trash, in no order."""
        ...


class PrunesToTrash:
    """Prunes with ``trash`` and ``untrash``, which move all of what they are given or nothing."""

    def exempt(self: Store, agent_id: str | None, thread_id: str) -> dict[str, str]:
        """Return why the head and pins stay."""
        pins = {pin.checkpoint_id: pin.reason for pin in self.pins()}
        return exempted(pins, self.head(agent_id, thread_id))

    def needed_by(
        self, agent_id: str | None, thread_id: str, kept: Collection[str]
    ) -> dict[str, str]:
        """Return nothing: what stands on a removed one is written anew before that is deleted."""
        return {}

    def remove(
        self: TrashKeeping,
        prune: ThreadPrune,
        *,
        operation_id: str,
        now: datetime,
        trash: Trash | None = None,
    ) -> ThreadPruned:
        """Move what a plan dooms into the trash; what is there already counts.

        An operation that was undone removes nothing any more, however late it is delivered again:
        what it moved while it was undone it brings back itself.
        """
        stayed = {one.checkpoint_id: UNDONE for one in prune.remove}
        for _ in range(ATTEMPTS):
            if _is_undone(self, prune, operation_id):
                return ThreadPruned(removed=(), stayed=stayed)
            sorted_out = _sorted_out(self, prune)
            try:
                self.trash(sorted_out.going, now=now)
            except (PlanRefused, CheckpointNotFound):
                continue
            if _is_undone(self, prune, operation_id):
                self.untrash(list(sorted_out.going))
                return ThreadPruned(removed=(), stayed=stayed)
            return ThreadPruned(removed=sorted_out.removed, stayed=sorted_out.stayed)
        raise TransientStoreError(
            f"others change thread {prune.thread_id!r} all the time; nothing was removed, try again"
        )

    def trashed(
        self: TrashKeeping,
        agent_id: str | None,
        thread_id: str,
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> dict[str, str | None]:
        """Return which of a thread's checkpoints lie in the trash, whoever put them there."""
        return {record.id: record.sha256 for record in self.in_trash(agent_id, thread_id)}

    def put_back(
        self: TrashKeeping,
        agent_id: str | None,
        thread_id: str,
        checkpoint_ids: Sequence[str],
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> dict[str, str]:
        """Bring checkpoints back out of the trash to their old places.

        The operation that removed them is remembered as undone.
        """
        lying = {record.id: record for record in self.in_trash(agent_id, thread_id)}
        _note_undone(self, agent_id, thread_id, operation_id, lying.values())
        if self.untrash([name for name in checkpoint_ids if name in lying]) == len(checkpoint_ids):
            return {}
        listed = {record.id for record in listed_of(self, agent_id, thread_id)}
        why = "it lies in the trash no more: it was deleted for good"
        return {name: why for name in checkpoint_ids if name not in listed}


class ErasesForGood:
    """Erases with ``erase``, then reads back."""

    def erase_thread(
        self: TrashKeeping,
        erasure: ThreadErasure,
        *,
        operation_id: str,
        now: datetime,
        trash: Trash | None = None,
    ) -> ThreadErased:
        """Erase, also what of it lies in the trash, and read back that it is gone."""
        agent_id, thread_id = erasure.agent_id, erasure.thread_id
        changed = _changed(_everything(self, agent_id, thread_id), erasure.targets)
        going = [t.checkpoint_id for t in erasure.targets if t.checkpoint_id not in changed]
        if going:
            self.erase(agent_id, thread_id, going, now=now)
        if erasure.whole and not _everything(self, agent_id, thread_id):
            self.erase(agent_id, thread_id, now=now)
        left = _everything(self, agent_id, thread_id)
        return ThreadErased(
            agent_id=agent_id,
            thread_id=thread_id,
            erased=tuple(t for t in erasure.targets if t.checkpoint_id not in left),
            remaining=_remaining(erasure, left, changed),
            erased_at=now,
        )


def exempted(pins: Mapping[str, str], head: Head | None) -> dict[str, str]:
    """Return why pins (id to reason) and the head stay."""
    found = {name: f"pinned: {reason}" for name, reason in pins.items()}
    return found if head is None else {**found, head.checkpoint_id: "the head"}


def listed_of(store: Store, agent_id: str | None, thread_id: str) -> list[Checkpoint]:
    """Return what a thread lists, nothing where there is no such thread."""
    try:
        return store.history(agent_id, thread_id)
    except CheckpointNotFound:
        return []


class _Sorted(NamedTuple):
    """What goes into the trash now, all that lies there then, and what stays, with the reasons."""

    going: dict[str, str]
    removed: tuple[str, ...]
    stayed: dict[str, str]


def _sorted_out(store: TrashKeeping, prune: ThreadPrune) -> _Sorted:
    agent_id, thread_id = prune.agent_id, prune.thread_id
    listed = {record.id: record for record in listed_of(store, agent_id, thread_id)}
    lying = {record.id: record for record in store.in_trash(agent_id, thread_id)}
    exempt = store.exempt(agent_id, thread_id)
    found = _Sorted({}, (), {})
    removed = []
    for doomed in prune.remove:
        why = _stays_because(doomed, listed, lying, exempt)
        if why is not None:
            found.stayed[doomed.checkpoint_id] = why
            continue
        removed.append(doomed.checkpoint_id)
        if doomed.checkpoint_id in listed:
            found.going[doomed.checkpoint_id] = doomed.reason
    return found._replace(removed=tuple(removed))


def _all_stay(prune: ThreadPrune) -> ThreadPruned:
    return ThreadPruned(removed=(), stayed={one.checkpoint_id: UNDONE for one in prune.remove})


def _stays_because(
    doomed: Doomed,
    listed: Mapping[str, Checkpoint],
    lying: Mapping[str, Checkpoint],
    exempt: Mapping[str, str],
) -> str | None:
    name = doomed.checkpoint_id
    record = listed.get(name) or lying.get(name)
    if record is None:
        return "it is not there any more"
    if doomed.sha256 is not None and record.sha256 != doomed.sha256:
        return CHANGED
    return exempt.get(name) if name in listed else None


def _everything(store: TrashKeeping, agent_id: str, thread_id: str) -> dict[str, Checkpoint]:
    """Return what there is of a thread, in the trash or not."""
    found = [*store.in_trash(agent_id, thread_id), *listed_of(store, agent_id, thread_id)]
    return {record.id: record for record in found}


def _is_undone(store: Store, prune: ThreadPrune, operation_id: str) -> bool:
    key = f"{operation_id}/undone"
    found = store.entries(prune.agent_id, prune.thread_id, kind=OPERATION, prefix=key)
    return any(entry.key == key for entry in found)


def _note_undone(
    store: Store,
    agent_id: str | None,
    thread_id: str,
    operation_id: str,
    lying: Iterable[Checkpoint],
) -> None:
    """Remember it before anything comes back: who removes looks for this note afterwards."""
    newest = {record.agent_id: record.created_at for record in sorted(lying, key=_created)}
    if agent_id is not None:
        newest.setdefault(agent_id, EPOCH)
    entries = [
        JournalEntry(
            agent_id=agent,
            thread_id=thread_id,
            kind=OPERATION,
            key=f"{operation_id}/undone",
            recorded_at=at,
        )
        for agent, at in newest.items()
    ]
    store.record(entries)


def _changed(there: Mapping[str, Checkpoint], targets: Sequence[RestoreTarget]) -> set[str]:
    return {
        target.checkpoint_id
        for target in targets
        if target.sha256 is not None
        and target.checkpoint_id in there
        and there[target.checkpoint_id].sha256 != target.sha256
    }


def _remaining(
    erasure: ThreadErasure, left: Mapping[str, Checkpoint], changed: Collection[str]
) -> dict[str, str]:
    named = {target.checkpoint_id for target in erasure.targets}
    found = {
        name: CHANGED if name in changed else "it was saved again while it was erased"
        for name in left
        if name in named
    }
    if erasure.whole:
        since = "it was saved after the plan was made; plan again to erase it too"
        found |= {name: since for name in left if name not in named}
    return found


def _created(record: Checkpoint) -> datetime:
    return record.created_at
