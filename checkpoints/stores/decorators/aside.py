"""Saves that a store holds for another one until they are replayed there.

Each is kept with a note in its metadata: the head that it follows, and whether it is the first
since the last replay. A thread's head carries ``REPLAYED`` as its reason once everything up to it
is in the primary; a checkpoint that must stay is pinned with ``BRANCH``. All of it lies in the
store itself, so that any process, at any time, finds the same.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from checkpoints.errors import CheckpointNotFound, HeadMoved, PlanRefused
from checkpoints.records import Checkpoint, Draft, State
from checkpoints.stores.base import Store

NOTE = "holdfast.fallback"
REPLAYED = "replayed to the primary store"
BRANCH = "a branch: the primary's head had been moved before this was replayed"
_NAMES = tuple(field.name for field in dataclasses.fields(Draft))


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A save that waits to be replayed, as its caller knows it, and the head that it follows."""

    aside: Aside
    record: Checkpoint
    after: str | None
    first: bool

    def draft(self) -> Draft:
        """Return the draft that it was saved from."""
        return Draft(**{name: getattr(self.record, name) for name in _NAMES})


class Aside:
    """One store to fall back on."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def keep(self, draft: Draft, state: State, *, after: str | None) -> Checkpoint:
        """Keep a save that follows ``after``, whatever head this store has of the thread."""
        head = self.store.head(draft.agent_id, draft.thread_id)
        note = {"after": after, "first": head is None or head.reason == REPLAYED}
        noted = replace(draft, metadata={**draft.metadata, NOTE: note})
        own = head.checkpoint_id if head else None
        return plain(self.store.put(noted, state, expected_head=own))

    def waiting(self, agent_id: str, thread_id: str) -> list[Waiting]:
        """Return what waits of a thread, oldest first."""
        head = self.store.head(agent_id, thread_id)
        if head is None or head.reason == REPLAYED:
            return []
        return list(self._newest_waiting(agent_id, thread_id))[::-1]

    def _newest_waiting(self, agent_id: str, thread_id: str) -> Iterator[Waiting]:
        for record in self.store.history(agent_id, thread_id):
            note = record.metadata.get(NOTE)
            if note is None:
                return
            yield Waiting(aside=self, record=plain(record), **note)
            if note["first"]:
                return

    def shown(self, agent_id: str | None, thread_id: str) -> list[Checkpoint]:
        """Return what the primary lacks of a thread: what waits, and branches; newest first."""
        try:
            records = self.store.history(agent_id, thread_id)
        except CheckpointNotFound:
            return []
        agents = {record.agent_id for record in records}
        waiting = {w.record.id for name in agents for w in self.waiting(name, thread_id)}
        branches = {pin.checkpoint_id for pin in self.store.pins() if pin.reason == BRANCH}
        return [plain(record) for record in records if record.id in waiting | branches]

    def find(self, checkpoint_id: str, thread_id: str | None) -> Checkpoint | None:
        """Return a checkpoint that the primary lacks."""
        try:
            record = self.store.get(checkpoint_id, thread_id=thread_id)
        except CheckpointNotFound:
            return None
        shown = self.shown(record.agent_id, record.thread_id)
        return next((item for item in shown if item.id == checkpoint_id), None)

    def leave_as_branch(self, record: Checkpoint) -> None:
        """Have a checkpoint stay here for good, listed, unless another process took it home."""
        with contextlib.suppress(CheckpointNotFound):
            self.store.pin(record, reason=BRANCH, now=record.created_at)

    def settle(self, newest: Checkpoint) -> None:
        """Mark everything up to the newest one as done, then trash what need not stay.

        Changes nothing when another save has come meanwhile.
        """
        with contextlib.suppress(HeadMoved):
            self.store.set_head(newest, expected=newest.id, now=newest.created_at, reason=REPLAYED)
            self._tidy(newest)

    def _tidy(self, newest: Checkpoint) -> None:
        for record in self.store.history(newest.agent_id, newest.thread_id):
            if NOTE in record.metadata and record.id != newest.id:
                with contextlib.suppress(PlanRefused, CheckpointNotFound):
                    self.store.trash({record.id: REPLAYED}, now=newest.created_at)


def plain(record: Checkpoint) -> Checkpoint:
    """Return a record as its caller saved it, without the note."""
    metadata: dict[str, Any] = {k: v for k, v in record.metadata.items() if k != NOTE}
    return replace(record, metadata=metadata)


def following(waiting: Iterable[Waiting], head_id: str | None) -> list[Waiting]:
    """Return what follows a head, one after the other, oldest first."""
    by_after: dict[str | None, Waiting] = {}
    for item in waiting:
        by_after.setdefault(item.after, item)
    chain: list[Waiting] = []
    while (found := by_after.pop(head_id, None)) is not None:
        chain.append(found)
        head_id = found.record.id
    return chain


def chain_of(waiting: list[Waiting]) -> list[Waiting]:
    """Return the chain whose beginning none of them is: where the primary's head is not known."""
    ids = {item.record.id for item in waiting}
    root = next((item.after for item in waiting if item.after not in ids), None)
    return following(waiting, root)
