"""Deleting checkpoints for good, past the trash, heads and pinned ones too."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from checkpoints.bodies.encryption import Keyring
from checkpoints.records import Checkpoint, Head
from checkpoints.stores.heads import ERASED, erased_head
from checkpoints.stores.sql import entries, marks, rows
from checkpoints.stores.sql.removing import Due, delete
from checkpoints.stores.sql.rows import Db, ThreadRow

_GOING = "SELECT id, position, length(frame), trashed FROM checkpoints WHERE thread = ?"


class _Going(NamedTuple):
    """A checkpoint that is to be erased; ``size`` is that of its frame in bytes."""

    id: str
    position: int
    size: int
    trashed: int | None


def erase(
    db: Db, thread: ThreadRow, ids: Sequence[str], keys: Keyring | None, now: datetime
) -> int:
    """Delete some checkpoints of a thread, with what names them; return how many there were."""
    going = _some(db, thread, ids)
    head = thread.readable_head
    listed = {row.id for row in going if row.trashed is None}
    left = head if head and head.checkpoint_id in listed else None
    following = _ancestor(db, thread, left.checkpoint_id, listed) if left else None
    _delete(db, thread, going, keys, now)
    if left is not None:
        _move_head(db, thread, left, following or _newest(db, thread), now)
    gone = [row.id for row in going]
    entries.forget_naming(db, thread.agent_id, thread.thread_id, gone)
    for checkpoint_id in ids:
        values = (checkpoint_id, thread.thread)
        db.execute("DELETE FROM quarantine WHERE id = ? AND thread = ?", values)
    return len(going)


def erase_all(db: Db, thread: ThreadRow, keys: Keyring | None, now: datetime) -> int:
    """Delete all that a thread has; only its row stays, so that its removals can be told."""
    going = _all(db, thread)
    _delete(db, thread, going, keys, now)
    rows.drop_head(db, thread.thread, rows.next_position(db))
    for table in ("moves", "quarantine"):
        db.execute(f"DELETE FROM {table} WHERE thread = ?", (thread.thread,))
    return len(going)


def _some(db: Db, thread: ThreadRow, ids: Sequence[str]) -> list[_Going]:
    found = (
        db.execute(f"{_GOING} AND id = ?", (thread.thread, checkpoint_id)).fetchone()
        for checkpoint_id in dict.fromkeys(ids)
    )
    return sorted((_Going(*row) for row in found if row), key=lambda row: row.position)


def _all(db: Db, thread: ThreadRow) -> list[_Going]:
    """Return those that are listed and those in the trash: each has an index of its own."""
    found = [
        _Going(*row)
        for where in ("IS NULL", "IS NOT NULL")
        for row in db.execute(f"{_GOING} AND trashed {where}", (thread.thread,))
    ]
    return sorted(found, key=lambda row: row.position)


def _ancestor(db: Db, thread: ThreadRow, start: str, going: Container[str]) -> Checkpoint | None:
    """Return the nearest ancestor that is listed and stays."""
    for name in _lineage(db, start):
        place = rows.place(db, name)
        if name not in going and place and (place[1], place[2]) == (thread.thread, None):
            return rows.find(db, name)
    return None


def _lineage(db: Db, start: str) -> Iterator[str]:
    """Yield the ancestors of a checkpoint, each once, as far as they are there."""
    seen = {start}
    record = rows.kept(db, start)
    while record is not None and record.parent_id is not None and record.parent_id not in seen:
        yield record.parent_id
        seen.add(record.parent_id)
        record = rows.kept(db, record.parent_id)


def _newest(db: Db, thread: ThreadRow) -> Checkpoint | None:
    found = rows.newest(db, thread, 1)
    return rows.record_of(found[0]) if found else None


def _delete(
    db: Db, thread: ThreadRow, going: Sequence[_Going], keys: Keyring | None, now: datetime
) -> None:
    """Delete rows and pins. That they went is told behind everything that there was."""
    listed = [row for row in going if row.trashed is None]
    for row in listed:
        rows.add_event(
            db,
            "erased",
            position=rows.next_position(db),
            thread=thread.thread,
            at=now,
            checkpoint_id=row.id,
            reason=ERASED,
        )
    delete(db, [Due(row.position, row.size, thread.thread) for row in going], keys)
    rows.count(db, thread.thread, -len(listed))
    for row in going:
        marks.unpin(db, row.id)


def _move_head(db: Db, thread: ThreadRow, left: Head, to: Checkpoint | None, now: datetime) -> None:
    position = rows.next_position(db)
    if to is None:
        rows.drop_head(db, thread.thread, position)
        return
    rows.move_head(db, thread.thread, erased_head(left, to, now), position)
    rows.add_event(
        db,
        "head_moved",
        position=position,
        thread=thread.thread,
        at=now,
        checkpoint_id=to.id,
    )
