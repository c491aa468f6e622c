"""The rows of a store in SQL: one function per statement, the same for every database.

Placeholders are question marks; a database that needs another statement for one of those with a
public name puts its own in that one's place. ``position`` is the order of everything that happened
in a store: checkpoints and events take theirs from one sequence, and none is ever used twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from checkpoints.bodies.chains import Link
from checkpoints.errors import CorruptCheckpoint, PermanentStoreError
from checkpoints.records import Checkpoint, Head, Thread
from checkpoints.stores.framing import Places, Prepared
from checkpoints.stores.heads import standing
from checkpoints.stores.record_bytes import (
    microseconds,
    pack_head,
    pack_record,
    unpack_head,
    unpack_record,
)

T = TypeVar("T")


class Cursor(Protocol):
    """What a statement returns."""

    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Db(Protocol):
    """A connection within a transaction."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Cursor:
        """Run one statement."""
        ...


class ThreadRow(NamedTuple):
    """A thread as it lies in the database; ``head`` is packed, and empty where it has none.

    One without head and checkpoints was erased: only its name is left.
    """

    thread: int
    agent_id: str
    thread_id: str
    position: int
    checkpoints: int
    head: bytes

    @property
    def is_there(self) -> bool:
        """Say whether anything of the thread is left."""
        return len(self.head) > 0 or self.checkpoints > 0

    def unpacked(self) -> Head | None:
        """Return the head, None where the thread has none. Raises CorruptCheckpoint."""
        if not self.head:
            return None
        return unpack_head(as_bytes(self.head), agent_id=self.agent_id, thread_id=self.thread_id)

    @property
    def readable_head(self) -> Head | None:
        """The head, None where it cannot be read."""
        try:
            return self.unpacked()
        except CorruptCheckpoint:
            return None


RECORD = "c.record, c.id, t.agent_id, t.thread_id, length(c.frame)"
_KEPT = f"SELECT {RECORD} FROM checkpoints c LEFT JOIN threads t ON t.thread = c.thread WHERE "
LISTED = f"{_KEPT} c.trashed IS NULL AND "
THREAD = "SELECT thread, agent_id, thread_id, position, checkpoints, head FROM threads"
THREAD_OF_AGENT = f"{THREAD} WHERE thread_id = ? AND agent_id = ?"
THREADS_OF_ANY = f"{THREAD} WHERE thread_id = ?"
IS_THERE = "(length(head) > 0 OR checkpoints > 0)"
ANY_THREAD = f"{THREADS_OF_ANY} AND {IS_THERE} LIMIT 1"
NEXT_THREAD = """
SELECT 1 + max(
    coalesce((SELECT max(thread) FROM threads), 0),
    coalesce((SELECT max(thread) FROM checkpoints WHERE trashed IS NULL), 0))
"""
NEXT_POSITION = """
SELECT 1 + max(
    coalesce((SELECT max(position) FROM checkpoints), 0),
    coalesce((SELECT max(position) FROM events), 0))
"""
NEXT_POSITIONS = f"""
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
SELECT i + ({NEXT_POSITION}) FROM n
"""
AT_ONCE = 500
"""Rows that one statement names."""
BEFORE_SAVE = f"""
SELECT (SELECT position FROM checkpoints WHERE id = ?),
    (SELECT position FROM checkpoints WHERE position = ?),
    ({NEXT_POSITION}),
    t.thread, t.agent_id, t.thread_id, t.position, t.checkpoints, t.head
FROM (SELECT 1) AS one LEFT JOIN threads t ON t.thread_id = ? AND t.agent_id = ?
"""
_CHAIN = """
WITH RECURSIVE chain (position, base, depth) AS (
    SELECT position, base, 0 FROM checkpoints WHERE {}
    UNION ALL
    SELECT c.position, c.base, chain.depth + 1 FROM checkpoints c, chain
    WHERE c.position = chain.base AND chain.depth < 64
)
SELECT c.position, c.id, c.frame FROM chain, checkpoints c
WHERE c.position = chain.position ORDER BY chain.depth
"""
_CHAIN_OF_ID = _CHAIN.format("id = ?")
_CHAIN_AT = _CHAIN.format("position = ?")


def as_bytes(value: object) -> bytes:
    """Return a column's bytes; none for a value that can only be damage."""
    return bytes(value) if isinstance(value, (bytes, memoryview)) else b""


def thread_row(db: Db, agent_id: str | None, thread_id: str) -> ThreadRow | None:
    """Return a thread; the first of any agent when none is named."""
    if agent_id is None:
        row = db.execute(ANY_THREAD, (thread_id,)).fetchone()
    else:
        row = db.execute(THREAD_OF_AGENT, (thread_id, agent_id)).fetchone()
    return ThreadRow(*row) if row else None


def thread_at(db: Db, thread: int) -> ThreadRow | None:
    """Return the thread of a key."""
    row = db.execute(f"{THREAD} WHERE thread = ?", (thread,)).fetchone()
    return ThreadRow(*row) if row else None


def thread_rows(db: Db) -> list[ThreadRow]:
    """Return every thread, most recently moved first."""
    return [ThreadRow(*row) for row in db.execute(f"{THREAD} ORDER BY position DESC")]


def thread_rows_of(db: Db, thread_id: str) -> list[ThreadRow]:
    """Return the threads of this name, of whatever agent."""
    return [ThreadRow(*row) for row in db.execute(THREADS_OF_ANY, (thread_id,))]


def next_position(db: Db) -> int:
    """Return the position that the next thing takes."""
    return int(db.execute(NEXT_POSITION).fetchone()[0])


def next_positions(db: Db, count: int) -> list[int]:
    """Return the positions that the next things take, in their order."""
    if not count:
        return []
    return sorted(int(row[0]) for row in db.execute(NEXT_POSITIONS, (count,)))


def store_id(db: Db) -> str:
    """Return what this store's cursors begin with."""
    row = db.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchone()
    if row is None:
        raise PermanentStoreError("the store is damaged: it has lost its store_id")
    return str(row[0])


class Before(NamedTuple):
    """What a save has to know: its thread, if it has begun, and what stands in its way.

    ``known`` is the position of a checkpoint of the same id, ``base`` that of the one that its
    frame stands on, while that is there; ``position`` is the next one.
    """

    thread: ThreadRow | None
    known: int | None
    base: int | None
    position: int


def before_save(db: Db, record: Checkpoint, base: int | None) -> Before:
    """Return what a save has to know, in one statement."""
    row = db.execute(BEFORE_SAVE, (record.id, base, record.thread_id, record.agent_id)).fetchone()
    known, found, position, *thread = row
    return Before(None if thread[0] is None else ThreadRow(*thread), known, found, position)


def insert(db: Db, prepared: Prepared, places: Places, *, position: int, thread: int) -> None:
    """Write one checkpoint; what its frame stands on is there or among ``places``."""
    record, packed = prepared.record, prepared.packed
    base = places.of(packed.base)
    db.execute(
        "INSERT INTO checkpoints (position, id, thread, base, record, frame) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (position, record.id, thread, base, pack_record(record), packed.data),
    )


def add_thread(db: Db, head: Head, position: int) -> int:
    """Begin a thread that has no checkpoint yet; return its key."""
    key = db.execute(NEXT_THREAD).fetchone()[0]
    db.execute(
        "INSERT INTO threads (thread, agent_id, thread_id, position, checkpoints, head) "
        "VALUES (?, ?, ?, ?, 0, ?)",
        (key, head.agent_id, head.thread_id, position, pack_head(head)),
    )
    return int(key)


def move_head(db: Db, thread: int, head: Head, position: int, *, gained: int = 0) -> None:
    """Write a thread's head and count what it gained."""
    db.execute(
        "UPDATE threads SET position = ?, checkpoints = checkpoints + ?, head = ? WHERE thread = ?",
        (position, gained, pack_head(head), thread),
    )


def drop_head(db: Db, thread: int, position: int) -> None:
    """Leave a thread without a head."""
    db.execute(
        "UPDATE threads SET position = ?, head = ? WHERE thread = ?", (position, b"", thread)
    )


def count(db: Db, thread: int, gained: int) -> None:
    """Count what a thread gained, or lost."""
    sql = "UPDATE threads SET checkpoints = checkpoints + ? WHERE thread = ?"
    db.execute(sql, (gained, thread))


def add_event(
    db: Db,
    name: str,
    *,
    position: int,
    thread: int,
    at: datetime,
    checkpoint_id: str | None = None,
    reason: str | None = None,
) -> None:
    """Write that something happened besides a save."""
    db.execute(
        "INSERT INTO events (position, name, thread, checkpoint_id, reason, at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (position, name, thread, checkpoint_id, reason, microseconds(at)),
    )


def record_of(row: Sequence[Any]) -> Checkpoint:
    """Return the record of a row; one that cannot be read says so in ``damage``."""
    data, checkpoint_id, agent_id, thread_id, stored_size = row
    try:
        return unpack_record(as_bytes(data), checkpoint_id=checkpoint_id, stored_size=stored_size)
    except (CorruptCheckpoint, TypeError) as error:
        return Checkpoint(
            id=str(checkpoint_id),
            agent_id=str(agent_id),
            thread_id=str(thread_id),
            step=0,
            created_at=datetime.fromtimestamp(0, UTC),
            damage=str(error),
        )


def find(db: Db, checkpoint_id: str) -> Checkpoint | None:
    """Return a listed record, or None."""
    row = db.execute(f"{LISTED} c.id = ?", (checkpoint_id,)).fetchone()
    return record_of(row) if row else None


def kept(db: Db, checkpoint_id: str) -> Checkpoint | None:
    """Return a record, listed or in the trash, or None."""
    row = db.execute(f"{_KEPT} c.id = ?", (checkpoint_id,)).fetchone()
    return record_of(row) if row else None


def place(db: Db, checkpoint_id: str) -> tuple[int, int, int | None] | None:
    """Return position, thread and, where it lies in the trash, the position of its removal."""
    sql = "SELECT position, thread, trashed FROM checkpoints WHERE id = ?"
    row = db.execute(sql, (checkpoint_id,)).fetchone()
    return None if row is None else (row[0], row[1], row[2])


class Placed(NamedTuple):
    """Where a checkpoint is; ``trashed`` is the position of its removal, ``removed_at`` its time.

    Both are None for one that is listed.
    """

    id: str
    position: int
    thread: int
    trashed: int | None
    removed_at: int | None


def places(db: Db, checkpoint_ids: Sequence[str]) -> list[Placed]:
    """Return where checkpoints are, in no order; those that are not there are left out."""
    sql = (
        "SELECT c.id, c.position, c.thread, c.trashed, e.at FROM checkpoints c "
        "LEFT JOIN events e ON e.position = c.trashed WHERE c.id IN ({})"
    )
    return [
        Placed(*row)
        for some in _parts(checkpoint_ids)
        for row in db.execute(sql.format(", ".join("?" * len(some))), some)
    ]


def add_removals(
    db: Db,
    found: Sequence[Placed],
    positions: Sequence[int],
    reasons: Mapping[str, str],
    at: datetime,
) -> None:
    """Write that checkpoints went to the trash."""
    when = microseconds(at)
    _add_events(
        db,
        [
            (position, "trashed", row.thread, row.id, reasons[row.id], when)
            for row, position in zip(found, positions, strict=True)
        ],
    )


def add_returns(db: Db, found: Sequence[Placed], positions: Sequence[int]) -> None:
    """Write that checkpoints came back out of the trash."""
    _add_events(
        db,
        [
            (position, "untrashed", row.thread, row.id, None, row.removed_at or 0)
            for row, position in zip(found, positions, strict=True)
        ],
    )


def _add_events(db: Db, events: Sequence[tuple[Any, ...]]) -> None:
    sql = "INSERT INTO events (position, name, thread, checkpoint_id, reason, at) VALUES "
    for some in _parts(events):
        values = [value for event in some for value in event]
        db.execute(sql + ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(some)), values)


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


def is_there(db: Db, position: int) -> bool:
    """Say whether there is a checkpoint at a position, listed or in the trash."""
    sql = "SELECT 1 FROM checkpoints WHERE position = ?"
    return db.execute(sql, (position,)).fetchone() is not None


def newest(db: Db, thread: ThreadRow, count: int | None) -> list[Any]:
    """Return the rows of a thread's records, newest first; its names are read once for all."""
    sql = (
        "SELECT record, id, length(frame) FROM checkpoints "
        "WHERE trashed IS NULL AND thread = ? ORDER BY position DESC"
    )
    limited = (f"{sql} LIMIT ?", (thread.thread, count))
    found = db.execute(*(limited if count is not None else (sql, (thread.thread,))))
    names = (thread.agent_id, thread.thread_id)
    return [(record, name, *names, size) for record, name, size in found]


def trashed(db: Db, thread: int) -> list[Any]:
    """Return the rows of a thread's records that lie in the trash."""
    sql = f"{_KEPT} c.trashed IS NOT NULL AND c.thread = ?"
    return db.execute(sql, (thread,)).fetchall()


def chain(db: Db, checkpoint_id: str) -> list[Link]:
    """Return a checkpoint's frames, newest first, empty when it is not there."""
    return _links(db.execute(_CHAIN_OF_ID, (checkpoint_id,)))


def chain_at(db: Db, position: int) -> list[Link]:
    """Return the frames of the checkpoint at a position, newest first."""
    return _links(db.execute(_CHAIN_AT, (position,)))


def _links(rows: Iterable[Any]) -> list[Link]:
    return [Link(key=key, checkpoint_id=name, data=as_bytes(data)) for key, name, data in rows]


def views(db: Db, threads: Iterable[ThreadRow]) -> list[Thread]:
    """Return the present view of each thread; without a head where that cannot be read."""
    found = []
    for row in threads:
        head = row.readable_head
        found.append(view(row, head, find(db, head.checkpoint_id) if head else None))
    return found


def view(row: ThreadRow, head: Head | None, record: Checkpoint | None) -> Thread:
    """Return the view of a thread, given its head and the record of that."""
    status, detail = standing(head, record)
    return Thread(
        agent_id=row.agent_id,
        thread_id=row.thread_id,
        head_id=head.checkpoint_id if head else None,
        checkpoints=row.checkpoints,
        updated_at=head.moved_at if head else None,
        head_version=head.version if head else 0,
        status=status,
        detail=detail,
    )


def set_trashed(db: Db, position: int, at: int | None) -> None:
    """Put a checkpoint into the trash, or take it out."""
    db.execute("UPDATE checkpoints SET trashed = ? WHERE position = ?", (at, position))
