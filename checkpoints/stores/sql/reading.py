"""Reading rows: what is there, what is in it, and what is new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from checkpoints.bodies.chains import Link
from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint
from checkpoints.records import (
    Changes,
    Checkpoint,
    Head,
    Pin,
    Thread,
)
from checkpoints.stores.cursors import position_of
from checkpoints.stores.fields import StateFields
from checkpoints.stores.ledger import missing
from checkpoints.stores.sql import (
    following,
    marks,
    rows,
)
from checkpoints.stores.sql.rows import Db, ThreadRow
from checkpoints.stores.sql.transactions import SqlTransactions, Told


class SqlReading(SqlTransactions):
    """Everything that only looks at rows."""

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

    def pins(self) -> list[Pin]:
        """Return all pins."""
        with self._glancing() as db:
            return marks.pins(db) if db else []

    def changes(self, cursor: str | None, *, limit: int = 500) -> Changes:
        """Return what was written after ``cursor``."""
        with self._following() as told:
            if told is None:
                return Changes(cursor=cursor or "")
            position = position_of(cursor, told.identity, told.last)
            changes = self._changes(told, position or 0, limit)
        return replace(changes, cursor=f"{told.identity}:{changes.cursor}", reset=position is None)

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
        last = following.last_position(db, after, limit, horizon)
        complete = last is None or following.last_position(db, last, 1, horizon) is None
        end = after if last is None else last
        return Changes(
            cursor=str(end),
            checkpoints=tuple(following.gained(db, after, end)),
            threads=tuple(self._views(db, following.touched(db, after, end))),
            removals=tuple(following.removed(db, after, end)),
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


def _history(db: Db, agent_id: str | None, thread_id: str, limit: int | None) -> list[Any] | None:
    if agent_id is not None:
        thread = rows.thread_row(db, agent_id, thread_id)
        threads = [thread] if thread else []
    else:
        threads = rows.thread_rows_of(db, thread_id)
    threads = [thread for thread in threads if thread.is_there]
    found = [row for thread in threads for row in rows.newest(db, thread, limit)]
    return found if threads else None
