"""Mending the rows of a store in SQL."""

from __future__ import annotations

from datetime import datetime

from checkpoints.records import Finding, Head
from checkpoints.stores.record_bytes import microseconds, pack_head
from checkpoints.stores.sql import rows
from checkpoints.stores.sql.rows import Db, ThreadRow
from checkpoints.stores.sql.verifying import Row, checked, findings_of_head, lost_finding


def quarantine(db: Db, now: datetime) -> list[Finding]:
    """Move each row that cannot be read into quarantine and tell of it."""
    moved = []
    threads = {row.thread: row for row in rows.thread_rows(db)}
    for row in [row for row in checked(db) if row.lost is not None]:
        _move_away(db, row, now)
        finding = lost_finding(row, threads.get(row.thread))
        moved.append(
            Finding(
                kind="quarantined",
                message=f"{finding.message}; its bytes are kept in quarantine",
                checkpoint_id=finding.checkpoint_id,
                thread_id=finding.thread_id,
            )
        )
    gone = {finding.checkpoint_id for finding in moved}
    heads = (finding for row in threads.values() for finding in findings_of_head(row, ()))
    return [*moved, *(finding for finding in heads if finding.checkpoint_id in gone)]


def _move_away(db: Db, row: Row, now: datetime) -> None:
    position = rows.next_position(db)  # before the row that may hold the last one goes
    db.execute(
        "INSERT INTO quarantine (position, id, thread, base, record, frame, reason, at) "
        "SELECT position, id, thread, base, record, frame, ?, ? FROM checkpoints "
        "WHERE position = ?",
        (row.lost, microseconds(now), row.position),
    )
    db.execute("DELETE FROM checkpoints WHERE position = ?", (row.position,))
    if not row.trashed:
        rows.count(db, row.thread, -1)
    rows.add_event(
        db,
        "quarantined",
        position=position,
        thread=row.thread,
        at=now,
        checkpoint_id=row.id,
        reason=row.lost,
    )


def rebuild(db: Db, now: datetime) -> int:
    """List threads that were lost, count anew, and give a head to those whose own is damaged."""
    _list_lost_threads(db, now)
    db.execute(
        "UPDATE threads SET checkpoints = (SELECT count(*) FROM checkpoints c "
        "WHERE c.thread = threads.thread AND c.trashed IS NULL)"
    )
    for row in rows.thread_rows(db):
        _mend_head(db, row, now)
    return int(db.execute("SELECT count(*) FROM checkpoints WHERE trashed IS NULL").fetchone()[0])


def _list_lost_threads(db: Db, now: datetime) -> None:
    sql = (
        "SELECT thread, max(position) FROM checkpoints WHERE trashed IS NULL AND thread NOT IN "
        "(SELECT thread FROM threads) GROUP BY thread"
    )
    for thread, position in db.execute(sql).fetchall():
        head = _head_at(db, position, now, version=1)
        listed = rows.thread_row(db, head.agent_id, head.thread_id) if head else None
        if listed is not None:
            sql = "UPDATE checkpoints SET thread = ? WHERE thread = ?"
            db.execute(sql, (listed.thread, thread))
        elif head is not None:
            values = (thread, head.agent_id, head.thread_id, position, pack_head(head))
            db.execute(
                "INSERT INTO threads (thread, agent_id, thread_id, position, checkpoints, head) "
                "VALUES (?, ?, ?, ?, 0, ?)",
                values,
            )


def _mend_head(db: Db, row: ThreadRow, now: datetime) -> None:
    """Make the newest checkpoint the head of a thread whose own cannot be read."""
    if row.readable_head is not None:
        return
    sql = "SELECT max(position), count(*) FROM checkpoints WHERE trashed IS NULL AND thread = ?"
    position, count = db.execute(sql, (row.thread,)).fetchone()
    head = None if position is None else _head_at(db, position, now, version=count)
    if head is None:
        return
    db.execute(
        "UPDATE threads SET agent_id = ?, thread_id = ? WHERE thread = ?",
        (head.agent_id, head.thread_id, row.thread),
    )
    at = rows.next_position(db)
    rows.move_head(db, row.thread, head, at)
    rows.add_event(db, "head_moved", position=at, thread=row.thread, at=now)


def _head_at(db: Db, position: int, now: datetime, *, version: int) -> Head | None:
    """Return a head at a checkpoint, as its own record names it."""
    (name,) = db.execute("SELECT id FROM checkpoints WHERE position = ?", (position,)).fetchone()
    record = rows.find(db, name)
    if record is None or record.damage:
        return None
    return Head(
        agent_id=record.agent_id,
        thread_id=record.thread_id,
        checkpoint_id=record.id,
        version=version,
        moved_at=now,
        reason="remade by rebuild",
    )
