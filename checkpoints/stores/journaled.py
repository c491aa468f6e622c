"""The base of stores that answer from a ledger and keep their bodies apart."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from checkpoints.bodies.encryption import Keyring
from checkpoints.errors import CheckpointNotFound, StoreError
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
from checkpoints.stores.drafts import first_or_conflict, move_done, refuse_trashed, saved_chain
from checkpoints.stores.entry_journal import JournaledEntries
from checkpoints.stores.erasure import erasure, erasure_of_all
from checkpoints.stores.events import Event, EventName
from checkpoints.stores.heads import RestoresByHead, check_head, dangling_heads, moved
from checkpoints.stores.ledger import Ledger, missing, removal_of, with_cursor


class JournaledStore(RestoresByHead, JournaledEntries, ABC):
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
    def _delete_body(self, record: Checkpoint) -> int:
        """Delete a body for good and return the bytes freed."""

    @abstractmethod
    def _damage(self, record: Checkpoint, *, deep: bool) -> str | None:
        """Say why a checkpoint cannot be read, if so.

        Raises StoreError when that cannot be known now.
        """

    @abstractmethod
    def _put_away(self, record: Checkpoint, why: str, now: datetime) -> None:
        """Move a body into quarantine with its bytes kept."""

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

    def erase(
        self,
        agent_id: str,
        thread_id: str,
        checkpoint_ids: Sequence[str] | None = None,
        *,
        now: datetime,
    ) -> int:
        """Delete checkpoints of one thread for good; return how many there were."""
        key = (agent_id, thread_id)
        with self._exclusive() as ledger:
            if checkpoint_ids is None:
                event = erasure_of_all(ledger, key, now)
            else:
                event = erasure(ledger, key, checkpoint_ids, now)
            if event is None:
                return 0
            gone = {removal.checkpoint_id for removal in event.removals}
            going = [record for record in ledger.kept() if record.id in gone]
            self._record(event)
            for record in going:
                self._delete_body(record)
        return len(going)

    def changes(self, cursor: str | None, *, limit: int = 500) -> Changes:
        """Return what was written after ``cursor``."""
        with self._reading() as ledger:
            identity = self._identity()
            position = position_of(cursor, identity, self._last_position(ledger))
            after, changes = ledger.changes(position or 0, limit)
        return with_cursor(
            changes, f"{identity}:{after}" if identity else "", reset=position is None
        )

    def verify(self) -> Iterator[Finding]:
        """Check every body by its checksum and yield each thing that is wrong."""
        return self._verify(deep=False)

    def verify_deep(self) -> Iterator[Finding]:
        """Like verify, and decode every state against its digest."""
        return self._verify(deep=True)

    def repair(self, *, now: datetime) -> list[Finding]:
        """Move what cannot be read into quarantine, with its bytes kept.

        Nothing else is changed: a head that loses its checkpoint stays where it is.
        """
        with self._exclusive() as ledger:
            lost = [(r, why) for r in ledger.kept() if (why := self._damage(r, deep=True))]
            for record, why in lost:
                self._put_away(record, why, now)
            removals = tuple(removal_of(record, why, now) for record, why in lost)
            if removals:
                self._record(Event(name=EventName.QUARANTINED, removals=removals))
        return [_found("quarantined", r, f"{why}; its bytes are in quarantine") for r, why in lost]

    def _verify(self, *, deep: bool) -> Iterator[Finding]:
        with self._reading() as ledger:
            heads, records = list(ledger.heads.values()), ledger.kept()
            listed = set(ledger.records)
            lost = [pin for name, pin in ledger.pins.items() if name in ledger.gone]
        yield from dangling_heads(heads, listed)
        for record in records:
            finding = self._finding(record, deep=deep)
            if finding is not None:
                yield finding
        for pin in lost:
            yield Finding(
                kind="dangling_pin",
                message="what it pinned is not listed any more; unpin it",
                checkpoint_id=pin.checkpoint_id,
            )

    def _finding(self, record: Checkpoint, *, deep: bool) -> Finding | None:
        """Say what is wrong with a checkpoint, unless it was removed meanwhile."""
        try:
            why = self._damage(record, deep=deep)
        except StoreError as error:
            why = str(error)
        if why is None:
            return None
        with self._reading() as ledger:
            kept = ledger.keeps(record)
        return _found("corrupt_checkpoint", record, why) if kept else None

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


def _found(kind: str, record: Checkpoint, why: str) -> Finding:
    return Finding(
        kind=kind,
        message=f"{record.id}: {why}",
        checkpoint_id=record.id,
        thread_id=record.thread_id,
    )
