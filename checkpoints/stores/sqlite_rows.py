"""The rows of a SQLite store: one function per statement."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

import orjson

from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint, PermanentStoreError
from checkpoints.records import Changes, Checkpoint, Head, Pin, Removal, Thread
from checkpoints.stores.heads import standing
from checkpoints.stores.journal import head_from
from checkpoints.stores.ledger import missing

BODY = "SELECT CAST(body AS BLOB) FROM checkpoints WHERE id = ?"
_LISTED = "SELECT record, id, agent_id, thread_id FROM checkpoints"
_NEWEST = f"{_LISTED} WHERE thread_id = ? AND agent_id = ? ORDER BY saved DESC LIMIT ?"
_NEWEST_OF_ANY_AGENT = f"{_LISTED} WHERE thread_id = ? ORDER BY saved DESC LIMIT ?"
_COLUMNS = "id, position, saved, agent_id, thread_id, record, body"
_UNKNOWN_TIME = datetime.fromtimestamp(0, UTC)
_LAST_POSITION = """
SELECT max(position) FROM (
    SELECT position FROM (
        SELECT position FROM checkpoints WHERE position > :after ORDER BY position LIMIT :limit
    ) UNION SELECT position FROM (
        SELECT position FROM heads WHERE position > :after ORDER BY position LIMIT :limit
    ) UNION SELECT position FROM (
        SELECT position FROM trash WHERE position > :after ORDER BY position LIMIT :limit
    ) ORDER BY position LIMIT :limit
)
"""


def _json(value: Any) -> bytes:
    return orjson.dumps(value.to_dict() if isinstance(value, Checkpoint) else value)


def insert(db: sqlite3.Connection, record: Checkpoint, position: int, body: bytes) -> None:
    """Write one checkpoint."""
    names = (record.id, position, position, record.agent_id, record.thread_id)
    values = (*names, _json(record), body)
    db.execute(f"INSERT INTO checkpoints ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", values)


def pin(row: tuple[str, str, str]) -> Pin:
    """Return the pin of a row."""
    checkpoint_id, reason, pinned_at = row
    try:
        at = datetime.fromisoformat(pinned_at)
    except (ValueError, TypeError) as error:
        raise CorruptCheckpoint(f"the pin of {checkpoint_id} is damaged: {error}") from error
    return Pin(checkpoint_id=checkpoint_id, reason=reason, pinned_at=at)


def record(row: tuple[Any, ...]) -> Checkpoint:
    """Return the record of a row of ``_LISTED``; one that cannot be read says so in ``damage``."""
    data, *names = row
    try:
        found = Checkpoint.from_dict(orjson.loads(data))
        _require_sound(found, names)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        checkpoint_id, agent_id, thread_id = (str(name) for name in names)
        return Checkpoint(
            id=checkpoint_id,
            agent_id=agent_id,
            thread_id=thread_id,
            step=0,
            created_at=_UNKNOWN_TIME,
            damage=f"its record cannot be read: {error}",
        )
    return found


def _require_sound(found: Checkpoint, names: list[Any]) -> None:
    """Raise ValueError for a record that is not that of its row."""
    if [found.id, found.agent_id, found.thread_id] != names:
        raise ValueError("it is that of another checkpoint")
    if type(found.step) is not int or found.created_at.tzinfo is None:
        raise ValueError("step or time is not what it must be")


def everything(db: sqlite3.Connection) -> list[Checkpoint]:
    """Return every record."""
    return [record(row) for row in db.execute(_LISTED)]


def heads(db: sqlite3.Connection) -> list[Head]:
    """Return every head that can be read."""
    keys = db.execute("SELECT agent_id, thread_id FROM heads").fetchall()
    return [found for key in keys if (found := _readable_head(db, *key)) is not None]


def _head_of(row: tuple[Any, ...]) -> Head:
    try:
        return head_from(orjson.loads(row[0]))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise CorruptCheckpoint(f"the store's heads are damaged: {error}") from error


def one(db: sqlite3.Connection, sql: str, *values: Any) -> Any:
    """Return the first row."""
    return db.execute(sql, values).fetchone()


def find(db: sqlite3.Connection, checkpoint_id: str) -> Checkpoint | None:
    """Return a record, or None."""
    row = one(db, f"{_LISTED} WHERE id = ?", checkpoint_id)
    return record(row) if row else None


def newest(
    db: sqlite3.Connection, agent_id: str | None, thread_id: str, count: int
) -> list[tuple[Any, ...]]:
    """Return the newest records of a thread."""
    if agent_id is None:
        return db.execute(_NEWEST_OF_ANY_AGENT, (thread_id, count)).fetchall()
    return db.execute(_NEWEST, (thread_id, agent_id, count)).fetchall()


def head(db: sqlite3.Connection, agent_id: str | None, thread_id: str) -> Head | None:
    """Return the head of a thread."""
    sql = "SELECT head FROM heads WHERE thread_id = ? AND (? IS NULL OR agent_id = ?) LIMIT 1"
    row = one(db, sql, thread_id, agent_id, agent_id)
    return _head_of(row) if row else None


def write_head(db: sqlite3.Connection, head: Head, position: int) -> None:
    """Move a head."""
    row = (head.agent_id, head.thread_id, position, head.checkpoint_id, _json(head))
    db.execute("INSERT OR REPLACE INTO heads VALUES (?, ?, ?, ?, ?)", row)


def moved_by(db: sqlite3.Connection, operation_id: str | None) -> Head | None:
    """Return the head that an operation made, however long ago."""
    row = one(db, "SELECT head FROM moves WHERE operation_id = ?", operation_id)
    return _head_of(row) if row else None


def remember_move(db: sqlite3.Connection, head: Head) -> None:
    """Keep the head that an operation made, so that it never makes it again."""
    if head.operation_id is not None:
        row = (head.operation_id, _json(head))
        db.execute("INSERT INTO moves VALUES (?, ?)", row)


def store_id(db: sqlite3.Connection) -> str:
    """Return what this store's cursors begin with."""
    return str(_meta(db, "store_id"))


def position(db: sqlite3.Connection) -> int:
    """Return the position of the last thing that was written."""
    found = _meta(db, "position")
    if type(found) is not int:
        raise PermanentStoreError("the store is damaged: it has lost count of its events")
    return found


def _meta(db: sqlite3.Connection, key: str) -> Any:
    row = one(db, "SELECT value FROM meta WHERE key = ?", key)
    if row is None:
        raise PermanentStoreError(f"the store is damaged: it has lost its {key}")
    return row[0]


def next_position(db: sqlite3.Connection) -> int:
    """Take the next position."""
    db.execute("UPDATE meta SET value = value + 1 WHERE key = 'position'")
    return position(db)


def in_trash(db: sqlite3.Connection, checkpoint_id: str) -> bool:
    """Say whether a checkpoint can be brought back."""
    sql = "SELECT 1 FROM trash WHERE id = ? AND body IS NOT NULL"
    return one(db, sql, checkpoint_id) is not None


def sweep(db: sqlite3.Connection, before: datetime) -> int:
    """Drop the bodies of what went to the trash before a time; who asks still hears of it."""
    sql = "SELECT id, length(body), removed_at FROM trash WHERE body IS NOT NULL"
    found = db.execute(sql).fetchall()
    old = [(i, size) for i, size, at in found if datetime.fromisoformat(at) < before]
    db.executemany("UPDATE trash SET body = NULL WHERE id = ?", [(i,) for i, _ in old])
    return sum(size for _, size in old)


def kept(db: sqlite3.Connection) -> set[str]:
    """Return the ids that must not be removed."""
    sql = "SELECT checkpoint_id FROM heads UNION SELECT checkpoint_id FROM pins"
    return {row[0] for row in db.execute(sql)}


def trash(
    db: sqlite3.Connection,
    checkpoint_id: str,
    reason: str,
    position: int,
    now: datetime,
) -> Removal:
    """Move one checkpoint into the trash."""
    record = find(db, checkpoint_id)
    if record is None:
        raise CheckpointNotFound(missing(checkpoint_id, None))
    db.execute(
        f"INSERT OR REPLACE INTO trash ({_COLUMNS}, reason, removed_at) SELECT id, ?, saved, "
        "agent_id, thread_id, record, body, ?, ? FROM checkpoints WHERE id = ?",
        (position, reason, now.isoformat(), checkpoint_id),
    )
    db.execute("DELETE FROM checkpoints WHERE id = ?", (checkpoint_id,))
    return Removal(
        agent_id=record.agent_id,
        thread_id=record.thread_id,
        checkpoint_id=record.id,
        reason=reason,
        removed_at=now,
    )


def untrash(db: sqlite3.Connection, checkpoint_id: str) -> int:
    """Bring one checkpoint back to its old place; return 1 if it was there."""
    if not in_trash(db, checkpoint_id):
        return 0
    db.execute(
        f"INSERT INTO checkpoints ({_COLUMNS}) SELECT id, ?, saved, agent_id, thread_id, record, "
        "body FROM trash WHERE id = ?",
        (next_position(db), checkpoint_id),
    )
    db.execute("DELETE FROM trash WHERE id = ?", (checkpoint_id,))
    return 1


def damaged_heads(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return the agents and threads whose head cannot be read."""
    keys = db.execute("SELECT agent_id, thread_id FROM heads").fetchall()
    return [key for key in keys if _readable_head(db, *key) is None]


def _readable_head(db: sqlite3.Connection, agent_id: str, thread_id: str) -> Head | None:
    try:
        return head(db, agent_id, thread_id)
    except CorruptCheckpoint:
        return None


def thread(db: sqlite3.Connection, agent_id: str, thread_id: str) -> Thread:
    """Return the present view of a thread."""
    current = _readable_head(db, agent_id, thread_id)
    newest_record = find(db, current.checkpoint_id) if current else None
    status, detail = standing(current, newest_record)
    sql = "SELECT count(*) FROM checkpoints WHERE thread_id = ? AND agent_id = ?"
    return Thread(
        agent_id=agent_id,
        thread_id=thread_id,
        head_id=current.checkpoint_id if current else None,
        checkpoints=one(db, sql, thread_id, agent_id)[0],
        updated_at=current.moved_at if current else None,
        head_version=current.version if current else 0,
        status=status,
        detail=detail,
    )


def changes(db: sqlite3.Connection, after: int, limit: int) -> Changes:
    """Return the changes behind a position; ``cursor`` is the last position among them."""
    last = _last_position(db, after, limit)
    complete = last is None or _last_position(db, last, 1) is None
    last = position(db) if complete or last is None else last
    window = (after, last)
    between = "WHERE position > ? AND position <= ? ORDER BY position"
    records = db.execute(f"{_LISTED} {between}", window).fetchall()
    heads = db.execute(f"SELECT agent_id, thread_id FROM heads {between}", window).fetchall()
    gone = db.execute(
        f"SELECT agent_id, thread_id, id, reason, removed_at FROM trash {between}",
        window,
    ).fetchall()
    checkpoints = tuple(record(row) for row in records)
    touched = [(c.agent_id, c.thread_id) for c in checkpoints] + heads + [row[:2] for row in gone]
    return Changes(
        cursor=str(last),
        checkpoints=checkpoints,
        threads=tuple(thread(db, *key) for key in dict.fromkeys(touched)),
        removals=tuple(removal(row) for row in gone),
        complete=complete,
    )


def _last_position(db: sqlite3.Connection, after: int, limit: int) -> int | None:
    """Return the position of the last of the next ``limit`` things, if there is one."""
    row = db.execute(_LAST_POSITION, {"after": after, "limit": limit}).fetchone()
    return None if row[0] is None else int(row[0])


def removal(row: tuple[str, str, str, str, str]) -> Removal:
    """Return what a row of the trash says."""
    agent_id, thread_id, checkpoint_id, reason, removed_at = row
    return Removal(
        agent_id=agent_id,
        thread_id=thread_id,
        checkpoint_id=checkpoint_id,
        reason=reason,
        removed_at=datetime.fromisoformat(removed_at),
    )
