"""What is kept of checkpoints by their ids: pins, and the heads that operations made."""

from __future__ import annotations

from datetime import datetime

from checkpoints.errors import CorruptCheckpoint
from checkpoints.records import Head, Pin
from checkpoints.stores.record_bytes import (
    microseconds,
    pack_head,
    time_of,
    unpack_head,
)
from checkpoints.stores.sql.rows import Db, as_bytes


def moved_by(db: Db, operation_id: str | None) -> Head | None:
    """Return the head that an operation made, however long ago."""
    sql = (
        "SELECT t.agent_id, t.thread_id, m.head FROM moves m JOIN threads t "
        "ON t.thread = m.thread WHERE m.operation_id = ?"
    )
    row = db.execute(sql, (operation_id,)).fetchone()
    return unpack_head(as_bytes(row[2]), agent_id=row[0], thread_id=row[1]) if row else None


def remember_move(db: Db, thread: int, head: Head) -> None:
    """Keep the head that an operation made, so that it never makes it again."""
    if head.operation_id is not None:
        values = (head.operation_id, thread, pack_head(head))
        db.execute("INSERT INTO moves (operation_id, thread, head) VALUES (?, ?, ?)", values)


def pin(db: Db, checkpoint_id: str, reason: str, at: datetime) -> None:
    """Pin a checkpoint, or change the reason."""
    unpin(db, checkpoint_id)
    sql = "INSERT INTO pins (checkpoint_id, reason, pinned_at) VALUES (?, ?, ?)"
    db.execute(sql, (checkpoint_id, reason, microseconds(at)))


def unpin(db: Db, checkpoint_id: str) -> None:
    """Take a pin back, if there is one."""
    db.execute("DELETE FROM pins WHERE checkpoint_id = ?", (checkpoint_id,))


def pins(db: Db) -> list[Pin]:
    """Return all pins. Raises CorruptCheckpoint."""
    sql = "SELECT checkpoint_id, reason, pinned_at FROM pins ORDER BY pinned_at"
    return [_pin(*row) for row in db.execute(sql)]


def _pin(checkpoint_id: str, reason: str, at: int) -> Pin:
    try:
        return Pin(checkpoint_id=checkpoint_id, reason=reason, pinned_at=time_of(at))
    except (TypeError, OverflowError) as error:
        raise CorruptCheckpoint(f"the pin of {checkpoint_id} is damaged: {error}") from error


def pinned(db: Db) -> set[str]:
    """Return the ids that are pinned."""
    return {row[0] for row in db.execute("SELECT checkpoint_id FROM pins")}
