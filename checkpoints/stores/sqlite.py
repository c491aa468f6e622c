"""The default store: one SQLite file, many processes, durable before a save returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from checkpoints.bodies.body import Body, pack, unpack
from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint
from checkpoints.records import (
    Capabilities,
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
from checkpoints.stores import sqlite_rows as rows
from checkpoints.stores.cursors import position_of
from checkpoints.stores.drafts import (
    finished,
    first_or_conflict,
    move_done,
    next_head,
    refuse_trashed,
)
from checkpoints.stores.heads import RestoresByHead, check_head, dangling_heads, unreadable
from checkpoints.stores.ledger import missing, refuse_kept
from checkpoints.stores.sqlite_file import SqliteFile
from checkpoints.stores.sqlite_schema import addition
from checkpoints.stores.urls import StoreUrl


class SqliteStore(RestoresByHead):
    """Checkpoints as rows: record and body beside each other, heads moved by compare-and-set."""

    def __init__(self, path: Path, url: str) -> None:
        self.url = url
        self._file = SqliteFile(path)

    @property
    def capabilities(self) -> Capabilities:
        """Everything that this version offers; only reading where the file holds foreign parts."""
        with self._file.reading() as db:
            added = addition(db) if db else None
        if added is None:
            return super().capabilities
        reason = f"the file holds {added!r}, which Holdfast did not lay"
        return Capabilities(reasons={**super().capabilities.reasons, "restore": reason})

    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        """Save durably and make it the head, in one step, before returning."""
        body = pack(state)
        record = finished(draft, body)
        with self._file.writing() as db:
            stored = rows.find(db, record.id)
            if stored is not None:
                return first_or_conflict(stored, record)
            if rows.in_trash(db, record.id):
                raise refuse_trashed(record.id)
            head = next_head(
                rows.head(db, record.agent_id, record.thread_id),
                record,
                expected=expected_head,
            )
            position = rows.next_position(db)
            rows.insert(db, record, position, body.data)
            rows.write_head(db, head, position)
        return record

    def threads(self) -> Iterator[Thread]:
        """Yield every thread, most recently updated first."""
        with self._file.reading() as db:
            if db is None:
                return
            keys = db.execute("SELECT agent_id, thread_id FROM heads ORDER BY position DESC")
            views = [rows.thread(db, *key) for key in keys.fetchall()]
        yield from views

    def history(
        self, agent_id: str | None, thread_id: str, *, limit: int | None = None
    ) -> list[Checkpoint]:
        """Return a thread's checkpoints, newest first, without states."""
        count = -1 if limit is None else limit
        with self._file.reading() as db:
            found = [] if db is None else rows.newest(db, agent_id, thread_id, count)
        if not found and limit != 0:
            raise CheckpointNotFound(f"there is no thread {thread_id!r} in {self.url}")
        return [rows.record(row) for row in found]

    def get(
        self,
        checkpoint_id: str,
        *,
        thread_id: str | None = None,
        namespace: str | None = None,
    ) -> Checkpoint:
        """Return one record."""
        with self._file.reading() as db:
            record = None if db is None or namespace else rows.find(db, checkpoint_id)
        if record is None or thread_id not in (None, record.thread_id):
            raise CheckpointNotFound(missing(checkpoint_id, thread_id))
        return record

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return a checkpoint's state, checked against its digest."""
        if checkpoint.damage:
            raise CorruptCheckpoint(
                f"{checkpoint.id}: {checkpoint.damage}", checkpoint_id=checkpoint.id
            )
        data = self.raw(checkpoint)
        body = Body(data=data, size=checkpoint.size or 0, sha256=checkpoint.sha256 or "")
        return unpack(body, checkpoint_id=checkpoint.id)

    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored bytes as they are."""
        with self._file.reading() as db:
            row = db and rows.one(db, rows.BODY, checkpoint.id)
        if not row:
            raise CorruptCheckpoint(
                f"{checkpoint.id}: its body is gone", checkpoint_id=checkpoint.id
            )
        return bytes(row[0])

    def head(self, agent_id: str | None, thread_id: str) -> Head | None:
        """Return what the next run of the thread resumes from."""
        with self._file.reading() as db:
            return None if db is None else rows.head(db, agent_id, thread_id)

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
        with self._file.writing() as db:
            done = move_done(rows.moved_by(db, operation_id), checkpoint)
            if done is not None:
                return done
            record = rows.find(db, checkpoint.id)
            if record is None:
                raise CheckpointNotFound(missing(checkpoint.id, None))
            current = rows.head(db, record.agent_id, record.thread_id)
            check_head(current, expected)
            head = Head(
                agent_id=record.agent_id,
                thread_id=record.thread_id,
                checkpoint_id=record.id,
                version=current.version + 1 if current else 1,
                moved_at=now,
                operation_id=operation_id,
                reason=reason,
                directive=directive,
            )
            rows.write_head(db, head, rows.next_position(db))
            rows.remember_move(db, head)
        return head

    def take_directive(self, head: Head) -> Directive | None:
        """Return the directive left with this head and clear it, so that it is obeyed once."""
        if head.directive is None:
            return None
        with self._file.writing() as db:
            current = rows.head(db, head.agent_id, head.thread_id)
            if current is None or current.version != head.version or current.directive is None:
                return None
            rows.write_head(db, replace(current, directive=None), rows.next_position(db))
        return current.directive

    def pin(self, checkpoint: Checkpoint, *, reason: str, now: datetime) -> None:
        """Exempt a checkpoint from retention."""
        with self._file.writing() as db:
            if rows.find(db, checkpoint.id) is None:
                raise CheckpointNotFound(missing(checkpoint.id, None))
            row = (checkpoint.id, reason, now.isoformat())
            db.execute("INSERT OR REPLACE INTO pins VALUES (?, ?, ?)", row)

    def unpin(self, checkpoint: Checkpoint) -> None:
        """Take the exemption back."""
        with self._file.writing() as db:
            db.execute("DELETE FROM pins WHERE checkpoint_id = ?", (checkpoint.id,))

    def pins(self) -> list[Pin]:
        """Return all pins."""
        with self._file.reading() as db:
            found = db.execute("SELECT * FROM pins").fetchall() if db else []
        return [rows.pin(row) for row in found]

    def trash(self, checkpoints: Mapping[str, str], *, now: datetime) -> list[Removal]:
        """Move checkpoints (id to reason) into the trash."""
        if not checkpoints:
            return []
        with self._file.writing() as db:
            refuse_kept(checkpoints, rows.kept(db))
            position = rows.next_position(db)
            return [rows.trash(db, i, reason, position, now) for i, reason in checkpoints.items()]

    def untrash(self, checkpoint_ids: Sequence[str]) -> int:
        """Bring checkpoints back from the trash; return how many came."""
        with self._file.writing() as db:
            return sum(rows.untrash(db, checkpoint_id) for checkpoint_id in checkpoint_ids)

    def sweep(self, *, before: datetime) -> int:
        """Delete for good what went to the trash before a time; return the bytes freed."""
        with self._file.writing() as db:
            return rows.sweep(db, before)

    def changes(self, cursor: str | None, *, limit: int = 500) -> Changes:
        """Return what was written after ``cursor``."""
        with self._file.reading() as db:
            if db is None:
                return Changes(cursor=cursor or "")
            store_id = rows.store_id(db)
            position = position_of(cursor, store_id, rows.position(db))
            changes = rows.changes(db, position or 0, limit)
        return replace(changes, cursor=f"{store_id}:{changes.cursor}", reset=position is None)

    def verify(self) -> Iterator[Finding]:
        """Read everything and yield each thing that is wrong."""
        with self._file.reading() as db:
            found = rows.everything(db) if db else []
            heads = rows.heads(db) if db else []
            damaged = rows.damaged_heads(db) if db else []
        for agent_id, thread_id in damaged:
            yield Finding(
                kind="damaged_head",
                message=f"the head of agent {agent_id!r} cannot be read; restore a checkpoint",
                thread_id=thread_id,
            )
        yield from dangling_heads(heads, {record.id for record in found})
        yield from unreadable(found, self.load)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def open_url(url: StoreUrl) -> SqliteStore:
    """Open a file; it is created by the first save."""
    return SqliteStore(url.path, url.text)
