"""The base of stores that answer from a ledger and keep their bodies apart."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from checkpoints.bodies.encryption import Keyring
from checkpoints.errors import CheckpointNotFound
from checkpoints.forks import renew_in_children
from checkpoints.records import (
    Changes,
    Checkpoint,
    Directive,
    Draft,
    Head,
    Pin,
    State,
    Thread,
)
from checkpoints.stores.cursors import position_of
from checkpoints.stores.drafts import first_or_conflict, move_done, refuse_trashed, saved_chain
from checkpoints.stores.events import Event, EventName
from checkpoints.stores.heads import check_head, moved
from checkpoints.stores.journaled_entries import JournaledEntries
from checkpoints.stores.journaled_tending import JournaledTending
from checkpoints.stores.ledger import Ledger, missing, with_cursor
from checkpoints.stores.operations import Operations


class JournaledStore(Operations, JournaledTending, JournaledEntries):
    """Everything that a ledger can answer; subclasses keep the bodies and the journal."""

    url: str

    def __init__(self, url: str, keys: Keyring | None = None) -> None:
        self.url = url
        self._keys = keys
        self._ledger = Ledger()
        self._lock = threading.RLock()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Take locks that no other thread of the parent holds."""
        self._lock = threading.RLock()

    @abstractmethod
    def _identity(self) -> str:
        """Return what a cursor of this store begins with, nothing while it is empty."""

    @abstractmethod
    def _put_chain(
        self, drafts: Sequence[tuple[Draft, State]], expected: str | None
    ) -> list[Checkpoint]:
        """Save checkpoints, each behind the one before. Raises PartlySaved."""

    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        """Save durably and make it the head, in one step, before returning."""
        return self.put_many([(draft, state)], expected_head=expected_head)[0]

    def put_many(
        self, drafts: Sequence[tuple[Draft, State]], *, expected_head: str | None
    ) -> list[Checkpoint]:
        """Save a chain of one thread's checkpoints durably; the last becomes the head."""
        return saved_chain(drafts, expected_head, self._put_chain)

    def threads(self) -> Iterator[Thread]:
        """Yield every thread, most recently updated first."""
        with self._reading() as ledger:
            keys = [key for key, ids in ledger.by_thread.items() if ids]
            keys.sort(key=lambda key: ledger.moved_at.get(key, 0), reverse=True)
            views = [ledger.thread(key) for key in keys]
        yield from views

    def history(
        self, agent_id: str | None, thread_id: str, *, limit: int | None = None
    ) -> list[Checkpoint]:
        """Return a thread's checkpoints, newest first, without states."""
        with self._reading() as ledger:
            keys = ledger.thread_keys(agent_id, thread_id)
            found = [record for key in keys for record in ledger.history(key)]
        if not keys:
            raise CheckpointNotFound(f"there is no thread {thread_id!r} in {self.url}")
        if len(keys) > 1:
            found.sort(key=lambda record: record.created_at, reverse=True)
        return found[:limit]

    def get(
        self,
        checkpoint_id: str,
        *,
        thread_id: str | None = None,
        namespace: str | None = None,
    ) -> Checkpoint:
        """Return one record."""
        if namespace:
            raise CheckpointNotFound(missing(checkpoint_id, thread_id))
        with self._reading() as ledger:
            return ledger.find(checkpoint_id, thread_id)

    @abstractmethod
    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return a checkpoint's state, checked against its digest."""

    @abstractmethod
    def fields(self, checkpoint: Checkpoint) -> Mapping[str, Any]:
        """Return a checkpoint's state as a mapping of its fields."""

    @abstractmethod
    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored bytes as they are."""

    def head(self, agent_id: str | None, thread_id: str) -> Head | None:
        """Return what the next run of the thread resumes from."""
        with self._reading() as ledger:
            for key in ledger.thread_keys(agent_id, thread_id):
                return ledger.heads.get(key)
        return None

    def set_head(
        self,
        checkpoint: Checkpoint,
        *,
        expected: str | None,
        now: datetime,
        operation_id: str | None = None,
        reason: str | None = None,
        directive: Directive | None = None,
    ) -> Head:
        """Move the head of the checkpoint's thread, if it still is ``expected``."""
        with self._exclusive() as ledger:
            done = move_done(ledger.moves.get(operation_id or ""), checkpoint)
            if done is not None:
                return done
            ledger.find(checkpoint.id, checkpoint.thread_id)
            current = ledger.heads.get((checkpoint.agent_id, checkpoint.thread_id))
            check_head(current, expected)
            head = moved(
                current,
                checkpoint,
                now=now,
                operation_id=operation_id,
                reason=reason,
                directive=directive,
            )
            self._record(Event(name=EventName.HEAD_MOVED, head=head))
        return head

    def take_directive(self, head: Head) -> Directive | None:
        """Return the directive left with this head and clear it, so that it is obeyed once."""
        with self._exclusive() as ledger:
            current = ledger.heads.get((head.agent_id, head.thread_id))
            if current is None or current.version != head.version or current.directive is None:
                return None
            cleared = replace(current, directive=None)
            self._record(Event(name=EventName.HEAD_MOVED, head=cleared))
        return current.directive

    def pin(self, checkpoint: Checkpoint, *, reason: str, now: datetime) -> None:
        """Exempt a checkpoint from retention."""
        with self._exclusive() as ledger:
            ledger.find(checkpoint.id, checkpoint.thread_id)
            pin = Pin(checkpoint_id=checkpoint.id, reason=reason, pinned_at=now)
            self._record(Event(name=EventName.PINNED, pin=pin))

    def unpin(self, checkpoint: Checkpoint) -> None:
        """Take the exemption back."""
        with self._exclusive():
            self._record(Event(name=EventName.UNPINNED, checkpoint_ids=(checkpoint.id,)))

    def pins(self) -> list[Pin]:
        """Return all pins."""
        with self._reading() as ledger:
            return list(ledger.pins.values())

    def changes(self, cursor: str | None, *, limit: int = 500) -> Changes:
        """Return what was written after ``cursor``."""
        with self._reading() as ledger:
            identity = self._identity()
            position = position_of(cursor, identity, self._last_position(ledger))
            after, changes = ledger.changes(position or 0, limit)
        return with_cursor(
            changes, f"{identity}:{after}" if identity else "", reset=position is None
        )

    def _last_position(self, ledger: Ledger) -> int:
        return ledger.position

    def close(self) -> None:
        """Let go of files and connections."""


def refuse_known(ledger: Ledger, record: Checkpoint) -> Checkpoint | None:
    """Return the first record of a save that is repeated, None when it is a new one.

    Raises PlanRefused for another content under the same id, or when it lies in the trash.
    """
    known = ledger.records.get(record.id)
    if known is not None:
        return first_or_conflict(known, record)
    if record.id in ledger.trashed:
        raise refuse_trashed(record.id)
    return None
