"""What every store in SQL does, given its transactions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from checkpoints.errors import CheckpointNotFound
from checkpoints.measures import Space
from checkpoints.records import (
    Checkpoint,
    Directive,
    Draft,
    Head,
    State,
)
from checkpoints.stores.drafts import (
    first_or_conflict,
    move_done,
    next_heads,
    refuse_trashed,
    saved_before,
    saved_chain,
)
from checkpoints.stores.framing import Chain, Places, Unplaced
from checkpoints.stores.heads import check_head, moved
from checkpoints.stores.ledger import missing
from checkpoints.stores.operations import Operations
from checkpoints.stores.sql import (
    marks,
    measuring,
    rows,
)
from checkpoints.stores.sql.journal import SqlJournal
from checkpoints.stores.sql.reading import SqlReading
from checkpoints.stores.sql.rows import Before, Db
from checkpoints.stores.sql.tending import SqlTending
from checkpoints.stores.sql.transactions import BaseGone, Landed


class SqlStore(Operations, SqlReading, SqlTending, SqlJournal):
    """Checkpoints as rows: record and frame beside each other, heads moved by compare-and-set."""

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
            done = move_done(marks.moved_by(db, operation_id), checkpoint)
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
            marks.remember_move(db, thread.thread, head)
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
            marks.pin(db, checkpoint.id, reason, now)

    def unpin(self, checkpoint: Checkpoint) -> None:
        """Take the exemption back."""
        with self._writing() as db:
            marks.unpin(db, checkpoint.id)

    def space(self) -> Space:
        """Return what the whole store takes up."""
        with self._reading() as db:
            if db is None:
                return Space(stored=0, free=0, orphaned=0, trashed=0)
            stored, free = self._taken(db)
            return Space(
                stored=stored,
                free=free,
                orphaned=measuring.quarantined(db),
                trashed=measuring.trashed(db),
            )

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
        if (base is not None and before.base is None) or _lacks_base(db, chain):
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


def _firsts(db: Db, chain: Chain, before: Before) -> Iterator[Checkpoint | None]:
    """Yield what was saved first under each id, None where nothing was."""
    known = before.known is not None
    for number, prepared in enumerate(chain):
        if number:
            known = rows.place(db, prepared.record.id) is not None
        yield _first(db, prepared.record) if known else None


def _lacks_base(db: Db, chain: Chain) -> bool:
    """Say whether a frame behind the first stands on a row that was there and is gone."""
    bases = {prepared.packed.base for prepared in chain[1:]} - {None}
    return any(not isinstance(b, Unplaced) and not rows.is_there(db, b) for b in bases)


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
