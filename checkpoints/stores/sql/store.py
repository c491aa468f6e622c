"""What every store in SQL does, given its transactions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from checkpoints.bodies.chains import Link
from checkpoints.bodies.encryption import Keyring
from checkpoints.errors import CheckpointError, CheckpointNotFound, CorruptCheckpoint
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
from checkpoints.stores.drafts import (
    first_or_conflict,
    move_done,
    next_heads,
    refuse_trashed,
    saved_before,
    saved_chain,
)
from checkpoints.stores.fields import StateFields
from checkpoints.stores.framing import Chain, Framing, Places
from checkpoints.stores.heads import RestoresByHead, check_head, moved
from checkpoints.stores.ledger import missing
from checkpoints.stores.sql import care, entries, erasing, rows
from checkpoints.stores.sql.journal import SqlJournal
from checkpoints.stores.sql.rows import Before, Db, ThreadRow

T = TypeVar("T")


class BaseGone(CheckpointError):
    """The checkpoint that a frame was written against was swept meanwhile."""


@dataclass(frozen=True, slots=True)
class Landed:
    """What a save left behind: nothing but the first records when it had been made before.

    ``places`` holds the position of each checkpoint, ``position`` that of the last.
    """

    records: list[Checkpoint]
    places: Places = field(default_factory=Places)
    position: int = 0
    thread: int = 0
    head: Head | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What can be told of changes: within which snapshot, and how far.

    Cursors begin with ``identity``; ``last`` is the position of the last thing in the store.
    Nothing can appear any more at or before ``horizon``.
    """

    db: Db
    identity: str
    last: int
    horizon: int


class SqlStore(RestoresByHead, SqlJournal, ABC):
    """Checkpoints as rows: record and frame beside each other, heads moved by compare-and-set."""

    def __init__(self, url: str, keys: Keyring | None = None) -> None:
        self.url = url
        self._framing = Framing(keys)

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Db | None]:
        """Give a connection within one snapshot, or None while nothing was ever saved here."""

    def _inspecting(self) -> AbstractContextManager[Db | None]:
        """Give a connection for a long look at everything, which keeps nobody from saving."""
        return self._reading()

    def _damage(self, db: Db) -> Iterable[Finding]:
        """Say what the database itself knows to be wrong with it."""
        return ()

    def _glancing(self) -> AbstractContextManager[Db | None]:
        """Like ``_reading``, for one statement alone."""
        return self._reading()

    @abstractmethod
    def _writing(self) -> AbstractContextManager[Db]:
        """Give a connection within one durable transaction, alone; roll it back on any error."""

    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        """Save durably and make it the head, in one step, before returning."""
        return self.put_many([(draft, state)], expected_head=expected_head)[0]

    def put_many(
        self, drafts: Sequence[tuple[Draft, State]], *, expected_head: str | None
    ) -> list[Checkpoint]:
        """Save a chain of one thread's checkpoints in one transaction: all of them or none."""
        return saved_chain(drafts, expected_head, self._put_chain)

    def _put_chain(
        self, drafts: Sequence[tuple[Draft, State]], expected: str | None
    ) -> list[Checkpoint]:
        chain = self._framing.prepare_chain(drafts, after=expected, fetch=self._chain)
        try:
            landed = self._kept(chain, expected)
        except BaseGone:
            chain = self._framing.prepare_chain(drafts, after=None, fetch=self._chain)
            landed = self._kept(chain, expected)
        if landed.head is not None:
            self._framing.chain_landed(chain, landed.places)
        return landed.records

    def threads(self) -> Iterator[Thread]:
        """Yield every thread, most recently updated first."""
        with self._reading() as db:
            there = [row for row in rows.thread_rows(db) if row.is_there] if db else []
            views = self._views(db, there) if db else []
        yield from views

    def history(
        self, agent_id: str | None, thread_id: str, *, limit: int | None = None
    ) -> list[Checkpoint]:
        """Return a thread's checkpoints, newest first, without states."""
        with self._reading() as db:
            found = _history(db, agent_id, thread_id, limit) if db else None
        if found is None:
            raise CheckpointNotFound(f"there is no thread {thread_id!r} in {self.url}")
        records = [rows.record_of(row) for row in found]
        if agent_id is None and len({record.agent_id for record in records}) > 1:
            records.sort(key=lambda record: record.created_at, reverse=True)
        return records[:limit]

    def get(
        self,
        checkpoint_id: str,
        *,
        thread_id: str | None = None,
        namespace: str | None = None,
    ) -> Checkpoint:
        """Return one record."""
        with self._glancing() as db:
            record = None if db is None or namespace else rows.find(db, checkpoint_id)
        if record is None or thread_id not in (None, record.thread_id):
            raise CheckpointNotFound(missing(checkpoint_id, thread_id))
        return record

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return a checkpoint's state, each field checked."""
        return self._framing.load(checkpoint, self._links(checkpoint))

    def fields(self, checkpoint: Checkpoint) -> Mapping[str, Any]:
        """Return the state as a mapping that decodes a field when it is asked for."""
        return StateFields(self._framing.stored(checkpoint, self._links(checkpoint)))

    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored bytes as they are: its frame, without those that it stands on."""
        return self._links(checkpoint)[0].data

    def head(self, agent_id: str | None, thread_id: str) -> Head | None:
        """Return what the next run of the thread resumes from."""
        with self._glancing() as db:
            row = rows.thread_row(db, agent_id, thread_id) if db else None
        return row.unpacked() if row else None

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
        with self._writing() as db:
            done = move_done(rows.moved_by(db, operation_id), checkpoint)
            if done is not None:
                return done
            record = rows.find(db, checkpoint.id)
            thread = rows.thread_row(db, record.agent_id, record.thread_id) if record else None
            if record is None or thread is None:
                raise CheckpointNotFound(missing(checkpoint.id, None))
            current = thread.unpacked()
            check_head(current, expected)
            head = moved(
                current,
                record,
                now=now,
                operation_id=operation_id,
                reason=reason,
                directive=directive,
            )
            _move(db, thread.thread, head, at=now)
            rows.remember_move(db, thread.thread, head)
        return head

    def take_directive(self, head: Head) -> Directive | None:
        """Return the directive left with this head and clear it, so that it is obeyed once."""
        if head.directive is None:
            return None
        with self._writing() as db:
            thread = rows.thread_row(db, head.agent_id, head.thread_id)
            current = thread.unpacked() if thread else None
            if thread is None or current is None or current.version != head.version:
                return None
            if current.directive is not None:
                _move(db, thread.thread, replace(current, directive=None), at=head.moved_at)
        return current.directive

    def pin(self, checkpoint: Checkpoint, *, reason: str, now: datetime) -> None:
        """Exempt a checkpoint from retention."""
        with self._writing() as db:
            if rows.find(db, checkpoint.id) is None:
                raise CheckpointNotFound(missing(checkpoint.id, None))
            rows.pin(db, checkpoint.id, reason, now)

    def unpin(self, checkpoint: Checkpoint) -> None:
        """Take the exemption back."""
        with self._writing() as db:
            rows.unpin(db, checkpoint.id)

    def pins(self) -> list[Pin]:
        """Return all pins."""
        with self._glancing() as db:
            return rows.pins(db) if db else []

    def trash(self, checkpoints: Mapping[str, str], *, now: datetime) -> list[Removal]:
        """Move checkpoints (id to reason) into the trash."""
        if not checkpoints:
            return []
        with self._writing() as db:
            return care.trash(db, checkpoints, now)

    def untrash(self, checkpoint_ids: Sequence[str]) -> int:
        """Bring checkpoints back from the trash; return how many came."""
        with self._writing() as db:
            return sum(care.untrash(db, checkpoint_id) for checkpoint_id in checkpoint_ids)

    def sweep(self, *, before: datetime) -> int:
        """Delete for good what went to the trash before a time; return the bytes freed.

        What stands on a deleted frame is written anew first, in the same transaction.
        """
        with self._writing() as db:
            swept = care.sweep(db, before, self._framing.keys)
        self._framing.forget()
        return swept

    def erase(
        self,
        agent_id: str,
        thread_id: str,
        checkpoint_ids: Sequence[str] | None = None,
        *,
        now: datetime,
    ) -> int:
        """Delete checkpoints of one thread for good; return how many there were.

        What stands on a deleted frame is written anew first, in the same transaction.
        """
        with self._glancing() as there:
            if there is None:
                return 0
        with self._writing() as db:
            thread = rows.thread_row(db, agent_id, thread_id)
            if checkpoint_ids is None:
                entries.forget_thread(db, agent_id, thread_id)
            erased = self._erase(db, thread, checkpoint_ids, now) if thread else 0
        self._framing.forget()
        return erased

    def _erase(
        self, db: Db, thread: ThreadRow, checkpoint_ids: Sequence[str] | None, now: datetime
    ) -> int:
        if checkpoint_ids is None:
            return erasing.erase_all(db, thread, self._framing.keys, now)
        return erasing.erase(db, thread, checkpoint_ids, self._framing.keys, now)

    def changes(self, cursor: str | None, *, limit: int = 500) -> Changes:
        """Return what was written after ``cursor``."""
        with self._following() as told:
            if told is None:
                return Changes(cursor=cursor or "")
            position = position_of(cursor, told.identity, told.last)
            changes = self._changes(told, position or 0, limit)
        return replace(changes, cursor=f"{told.identity}:{changes.cursor}", reset=position is None)

    def verify(self) -> Iterator[Finding]:
        """Read every frame and record, and yield each thing that is wrong."""
        with self._inspecting() as db:
            findings = [*self._damage(db), *care.verify(db)] if db else []
        yield from findings

    def verify_deep(self) -> Iterator[Finding]:
        """Like verify, and decode every state against its digest."""
        with self._inspecting() as db:
            findings = [*self._damage(db), *care.verify(db)] if db else []
            named = {finding.checkpoint_id for finding in findings}
            if db is not None:
                findings += care.undecodable(db, self._framing, named)
        yield from findings

    def repair(self, *, now: datetime) -> list[Finding]:
        """Move what cannot be read into quarantine, with its bytes kept."""
        with self._writing() as db:
            moved_away = care.quarantine(db, now)
        self._framing.forget()
        return moved_away

    def rebuild(self, *, now: datetime) -> int:
        """Remake threads, counts and heads from the frames' own records.

        A head that can be read stays; one that cannot becomes the thread's newest checkpoint.
        """
        with self._writing() as db:
            listed = care.rebuild(db, now)
        self._framing.forget()
        return listed

    def _kept(self, chain: Chain, expected: str | None) -> Landed:
        """Keep a save durably. Raises BaseGone when it must be written whole."""
        return self._saving(lambda db: self._save(db, chain, expected))

    def _save(self, db: Db, chain: Chain, expected: str | None) -> Landed:
        """Write checkpoints and their head. Everything that may be refused is refused before."""
        base = chain[0].packed.base
        before = rows.before_save(db, chain[0].record, base)
        firsts = saved_before(list(_firsts(db, chain, before)))
        if firsts is not None:
            return Landed(firsts)
        current = before.thread.unpacked() if before.thread else None
        heads = next_heads(current, [prepared.record for prepared in chain], expected=expected)
        if base is not None and before.base is None:
            raise BaseGone
        return self._written(db, chain, before, heads[-1])

    def _written(self, db: Db, chain: Chain, before: Before, head: Head) -> Landed:
        position, places = before.position, Places()
        thread = before.thread.thread if before.thread else rows.add_thread(db, head, position)
        for number, prepared in enumerate(chain):
            position = rows.next_position(db) if number else position
            rows.insert(db, prepared, places, position=position, thread=thread)
            places.known[prepared.record.id] = position
        rows.move_head(db, thread, head, position, gained=len(chain))
        records = [prepared.record for prepared in chain]
        return Landed(records, places, position, thread, head)

    @contextmanager
    def _following(self) -> Iterator[Told | None]:
        """Give a snapshot and how far what was written until now is told, None where nothing is."""
        with self._reading() as db:
            if db is None:
                yield None
                return
            last = rows.next_position(db) - 1
            yield Told(db, rows.store_id(db), last=last, horizon=last)

    def _changes(self, told: Told, after: int, limit: int) -> Changes:
        """Return the changes behind a position; ``cursor`` is the last position among them."""
        db, horizon = told.db, told.horizon
        last = rows.last_position(db, after, limit, horizon)
        complete = last is None or rows.last_position(db, last, 1, horizon) is None
        end = after if last is None else last
        return Changes(
            cursor=str(end),
            checkpoints=tuple(rows.gained(db, after, end)),
            threads=tuple(self._views(db, rows.touched(db, after, end))),
            removals=tuple(rows.removed(db, after, end)),
            complete=complete,
        )

    def _views(self, db: Db, threads: Iterable[ThreadRow]) -> list[Thread]:
        return rows.views(db, threads)

    def _chain(self, checkpoint_id: str) -> list[Link]:
        with self._glancing() as db:
            return rows.chain(db, checkpoint_id) if db else []

    def _links(self, checkpoint: Checkpoint) -> list[Link]:
        if checkpoint.damage:
            raise CorruptCheckpoint(
                f"{checkpoint.id}: {checkpoint.damage}", checkpoint_id=checkpoint.id
            )
        links = self._chain(checkpoint.id)
        if not links:
            raise CorruptCheckpoint(
                f"{checkpoint.id}: its frame is gone", checkpoint_id=checkpoint.id
            )
        return links


def _firsts(db: Db, chain: Chain, before: Before) -> Iterator[Checkpoint | None]:
    """Yield what was saved first under each id, None where nothing was."""
    known = before.known
    for number, prepared in enumerate(chain):
        if number:
            known = rows.place(db, prepared.record.id)
        yield None if known is None else _first(db, prepared.record)


def _first(db: Db, record: Checkpoint) -> Checkpoint:
    """Return the record that was saved first under this id, if it is the same checkpoint."""
    stored = rows.find(db, record.id)
    if stored is None:
        raise refuse_trashed(record.id)
    return first_or_conflict(stored, record)


def _move(db: Db, thread: int, head: Head, *, at: datetime) -> None:
    position = rows.next_position(db)
    rows.move_head(db, thread, head, position)
    rows.add_event(
        db,
        "head_moved",
        position=position,
        thread=thread,
        at=at,
        checkpoint_id=head.checkpoint_id,
    )


def _history(db: Db, agent_id: str | None, thread_id: str, limit: int | None) -> list[Any] | None:
    if agent_id is not None:
        thread = rows.thread_row(db, agent_id, thread_id)
        threads = [thread] if thread else []
    else:
        threads = rows.thread_rows_of(db, thread_id)
    threads = [thread for thread in threads if thread.is_there]
    found = [row for thread in threads for row in rows.newest(db, thread.thread, limit)]
    return found if threads else None
