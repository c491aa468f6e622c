"""The base of stores that answer from a ledger and keep their bodies apart."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from checkpoints.errors import CheckpointNotFound
from checkpoints.forks import renew_in_children
from checkpoints.records import (
    Changes,
    Checkpoint,
    Directive,
    Draft,
    Finding,
    Head,
    Pin,
    Removal,
    State,
    Thread,
)
from checkpoints.stores.cursors import position_of
from checkpoints.stores.drafts import first_or_conflict, move_done, next_head, refuse_trashed
from checkpoints.stores.heads import RestoresByHead, check_head, dangling_heads, unreadable
from checkpoints.stores.ledger import Event, EventName, Ledger, missing, with_cursor


class JournaledStore(RestoresByHead, ABC):
    """Everything that a ledger can answer; subclasses keep the bodies and the journal."""

    url: str

    def __init__(self, url: str) -> None:
        self.url = url
        self._ledger = Ledger()
        self._lock = threading.RLock()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Take a lock that no other thread of the parent holds."""
        self._lock = threading.RLock()

    @abstractmethod
    def _identity(self) -> str:
        """Return what a cursor of this store begins with."""

    @abstractmethod
    def _current(self) -> Ledger:
        """Return the ledger with everything that other processes wrote."""

    @abstractmethod
    def _exclusive(self) -> contextlib.AbstractContextManager[Ledger]:
        """Keep every other writer out and give the current ledger."""

    @abstractmethod
    def _record(self, event: Event) -> None:
        """Write an event durably and apply it. Called within ``_exclusive``."""

    @abstractmethod
    def _pack(self, draft: Draft, state: State) -> tuple[Checkpoint, bytes]:
        """Return the record of a draft and the bytes that hold its state."""

    @abstractmethod
    def _write_body(self, record: Checkpoint, data: bytes) -> None:
        """Keep a body durably."""

    @abstractmethod
    def _delete_body(self, record: Checkpoint) -> int:
        """Delete a body for good and return the bytes freed."""

    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        """Save durably and make it the head, in one step, before returning."""
        record, data = self._pack(draft, state)
        key = (draft.agent_id, draft.thread_id)
        with self._exclusive() as ledger:
            if draft.id in ledger.records:
                return first_or_conflict(ledger.records[draft.id], record)
            if draft.id in ledger.trashed:
                raise refuse_trashed(draft.id)
            head = next_head(ledger.heads.get(key), record, expected=expected_head)
            self._write_body(record, data)
            self._record(Event(name=EventName.PUT, checkpoint=record, head=head))
        return record

    def threads(self) -> Iterator[Thread]:
        """Yield every thread, most recently updated first."""
        ledger = self._current()
        views = [ledger.thread(key) for key, ids in list(ledger.by_thread.items()) if ids]
        yield from sorted(views, key=_last_moved, reverse=True)

    def history(
        self, agent_id: str | None, thread_id: str, *, limit: int | None = None
    ) -> list[Checkpoint]:
        """Return a thread's checkpoints, newest first, without states."""
        ledger = self._current()
        keys = ledger.thread_keys(agent_id, thread_id)
        if not keys:
            raise CheckpointNotFound(f"there is no thread {thread_id!r} in {self.url}")
        found = [record for key in keys for record in ledger.history(key)]
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
        return self._current().find(checkpoint_id, thread_id)

    @abstractmethod
    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return a checkpoint's state, checked against its digest."""

    @abstractmethod
    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored bytes as they are."""

    def head(self, agent_id: str | None, thread_id: str) -> Head | None:
        """Return what the next run of the thread resumes from."""
        ledger = self._current()
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
            head = Head(
                agent_id=checkpoint.agent_id,
                thread_id=checkpoint.thread_id,
                checkpoint_id=checkpoint.id,
                version=current.version + 1 if current else 1,
                moved_at=now,
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
        return list(self._current().pins.values())

    def trash(self, checkpoints: Mapping[str, str], *, now: datetime) -> list[Removal]:
        """Move checkpoints (id to reason) into the trash."""
        with self._exclusive() as ledger:
            removals = ledger.removable(checkpoints, now)
            if removals:
                self._record(Event(name=EventName.TRASHED, removals=removals))
        return list(removals)

    def untrash(self, checkpoint_ids: Sequence[str]) -> int:
        """Bring checkpoints back from the trash; return how many came."""
        with self._exclusive() as ledger:
            found = tuple(i for i in checkpoint_ids if i in ledger.trashed)
            if found:
                self._record(Event(name=EventName.UNTRASHED, checkpoint_ids=found))
        return len(found)

    def sweep(self, *, before: datetime) -> int:
        """Delete for good what went to the trash before a time; return the bytes freed."""
        with self._exclusive() as ledger:
            old = [record for record, gone in ledger.trashed.values() if gone.removed_at < before]
            if old:
                ids = tuple(record.id for record in old)
                self._record(Event(name=EventName.SWEPT, checkpoint_ids=ids))
            return sum(self._delete_body(record) for record in old)

    def changes(self, cursor: str | None, *, limit: int = 500) -> Changes:
        """Return what was written after ``cursor``."""
        ledger = self._current()
        position = position_of(cursor, self._identity(), len(ledger.events))
        after, changes = ledger.changes(position or 0, limit)
        identity = self._identity()
        return with_cursor(
            changes, f"{identity}:{after}" if identity else "", reset=position is None
        )

    def verify(self) -> Iterator[Finding]:
        """Read everything and yield each thing that is wrong."""
        ledger = self._current()
        yield from dangling_heads(ledger.heads.values(), ledger.records)
        yield from unreadable(list(ledger.records.values()), self.load)

    def close(self) -> None:
        """Let go of files and connections."""


def _last_moved(thread: Thread) -> float:
    return thread.updated_at.timestamp() if thread.updated_at else 0.0
