"""The statements that PostgreSQL needs otherwise, and those that only it has.

A *hold* is an advisory lock that every transaction takes before its first position and keeps to
its end. Its key is the last position that was given out by then; so whoever reads the sequence
first and the holds second knows below which position nothing can be committed any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from psycopg import Connection

from checkpoints.errors import PermanentStoreError
from checkpoints.records import Checkpoint
from checkpoints.stores.entry_bytes import PackedEntry
from checkpoints.stores.postgresql.schema import ENTRIES_OF_THREAD, PAIR, SHORT
from checkpoints.stores.sql import entries, rows
from checkpoints.stores.sql.rows import Cursor

_KEYS = 1 << 30
_CLASS = "('checkpoints'::regclass::oid::bigint & 2147483647)"
"""What tells the holds of this store from all other advisory locks of the database."""
_HOLD = (
    f"SELECT pg_advisory_xact_lock_shared({_CLASS}::int, (last_value & {_KEYS - 1})::int) "
    "FROM positions"
)
_IN_ITS_THREAD = f"{PAIR} = (length(${{0}}::text)::text || ':' || ${{0}} || ${{1}})"
_OF_THREAD = (
    f"{ENTRIES_OF_THREAD} = hashtextextended(length($1::text)::text || ':' || $1 || $2, 0) "
    "AND thread_id = $1 AND agent_id = $2"
)
_OF_KIND = f"{_OF_THREAD} AND left(kind, 64) = left($3, 64) AND kind = $3"
_FROM = f"{_OF_KIND} AND left(key, 64) >= left($4, 64) AND key >= $4"
_BACKWARDS = "ORDER BY left(key, 64) DESC, key DESC LIMIT"
_OTHERWISE = {
    rows.NEXT_POSITION: "SELECT nextval('positions')",
    rows.NEXT_POSITIONS: "SELECT nextval('positions') FROM generate_series(1, $1::bigint)",
    rows.NEXT_THREAD: "SELECT nextval('thread_keys')",
    rows.BEFORE_SAVE: f"""
        SELECT (SELECT position FROM checkpoints WHERE id = $1),
            (SELECT position FROM checkpoints WHERE position = $2), nextval('positions'),
            t.thread, t.agent_id, t.thread_id, t.position, t.checkpoints, t.head
        FROM (SELECT 1) AS one LEFT JOIN threads t ON {_IN_ITS_THREAD.format(3, 4)}""",
    entries.FOUND_FROM: f"SELECT key, body FROM entries WHERE {_FROM} {_BACKWARDS} $5",
    entries.FOUND_BETWEEN: "SELECT key, body FROM entries WHERE "
    f"{_FROM} AND left(key, 64) <= left($5, 64) AND key < $5 {_BACKWARDS} $6",
    entries.FORGET: "DELETE FROM entries WHERE "
    f"{_OF_KIND} AND left(key, 64) = left($4, 64) AND key = $4 RETURNING 1",
    entries.FORGET_THREAD: f"DELETE FROM entries WHERE {_OF_THREAD}",
    rows.THREAD_OF_AGENT: f"{rows.THREAD} WHERE {_IN_ITS_THREAD.format(1, 2)}",
    rows.THREADS_OF_ANY: f"{rows.THREAD} WHERE {SHORT} = left($1, 64) AND thread_id = $1",
    rows.ANY_THREAD: f"{rows.THREAD} WHERE {SHORT} = left($1, 64) AND thread_id = $1 "
    f"AND {rows.IS_THERE} LIMIT 1",
}
_LAST = """
SELECT greatest(coalesce((SELECT max(position) FROM checkpoints), 0),
    coalesce((SELECT max(position) FROM events), 0))
"""
_GIVEN_OUT = """
SELECT p.last_value, pg_is_in_recovery(),
    (SELECT value FROM meta WHERE key = 'store_id'), s.system_identifier, c.timeline_id
FROM positions p, pg_control_system() s, pg_control_checkpoint() c
"""
_HELD = f"""
SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND classid = {_CLASS}::oid
"""
_QUICK = f"""
WITH held AS MATERIALIZED ({_HOLD}),
given AS MATERIALIZED (
    SELECT g.*, nextval('positions') AS position FROM held, unnest(
        $1::bigint[], $2::bytea[], $3::bytea[], $4::bigint[],
        $5::text[], $6::bigint[], $7::bytea[], $8::bytea[]
    ) WITH ORDINALITY AS g (thread, head, before, swept, id, base, record, frame, number)
),
moved AS (
    UPDATE threads t SET position = g.position, checkpoints = checkpoints + 1, head = g.head
    FROM given g WHERE t.thread = g.thread AND t.head = g.before AND t.swept = g.swept
    AND (g.base IS NULL OR EXISTS (SELECT 1 FROM checkpoints c WHERE c.position = g.base))
    RETURNING g.number
),
kept AS (
    INSERT INTO checkpoints (position, id, thread, base, record, frame)
    SELECT position, id, thread, base, record, frame FROM given JOIN moved USING (number)
)
SELECT number, position FROM given JOIN moved USING (number)
"""
_HEADS = f"""
SELECT found.* FROM unnest($1::text[]) AS wanted (id), LATERAL (
    SELECT {rows.RECORD} FROM checkpoints c LEFT JOIN threads t ON t.thread = c.thread
    WHERE c.id = wanted.id AND c.trashed IS NULL LIMIT 1
) AS found
"""


_RECORD = """
INSERT INTO entries (agent_id, thread_id, kind, key, checkpoint_id, body)
SELECT agent_id, thread_id, kind, key, checkpoint_id, body FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[]
) WITH ORDINALITY AS given (agent_id, thread_id, kind, key, checkpoint_id, body, number)
ORDER BY number ON CONFLICT DO NOTHING RETURNING 1
"""


class Db:
    """A connection that takes the statements of every store in SQL."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Cursor:
        """Run one statement."""
        return self.connection.execute(translated(sql), values, binary=True)


@cache
def translated(sql: str) -> bytes:
    """Return PostgreSQL's form of a statement, with numbered placeholders."""
    first, *others = _OTHERWISE.get(sql, sql).split("?")
    return (first + "".join(f"${n}{part}" for n, part in enumerate(others, 1))).encode()


def hold(db: Db) -> None:
    """Take the hold of a transaction, before it takes a position."""
    db.execute(_HOLD)


def lock_thread(db: Db, record: Checkpoint) -> int:
    """Lock a checkpoint's thread, if it has begun; return how often it was swept."""
    sql = f"SELECT swept FROM threads WHERE {_IN_ITS_THREAD.format(1, 2)} FOR NO KEY UPDATE"
    row = db.execute(sql, (record.thread_id, record.agent_id)).fetchone()
    return int(row[0]) if row else 0


def note_sweep(db: rows.Db, thread: int) -> None:
    """Lock a thread and have every save that was prepared before this look again."""
    db.execute("UPDATE threads SET swept = swept + 1 WHERE thread = ?", (thread,))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class QuickSave:
    """All that is written for a save which goes on where this process left its thread."""

    thread: int
    head: bytes
    before: bytes
    swept: int
    id: str
    base: int | None
    record: bytes
    frame: bytes

    def __call__(self, kept: dict[QuickSave, int]) -> int | None:
        """Return where it was kept, None if it was not: then it must be done with care."""
        return kept.get(self)


def save_quickly(db: Db, saves: Sequence[QuickSave]) -> dict[QuickSave, int]:
    """Keep those whose threads are as they were; return their positions.

    One statement: a round trip and a flush for all of them.
    """
    columns: list[list[Any]] = [
        [save.thread for save in saves],
        [save.head for save in saves],
        [save.before for save in saves],
        [save.swept for save in saves],
        [save.id for save in saves],
        [save.base for save in saves],
        [save.record for save in saves],
        [save.frame for save in saves],
    ]
    return {saves[number - 1]: position for number, position in db.execute(_QUICK, columns)}


def record(db: Db, packed: Sequence[PackedEntry]) -> int:
    """Keep entries in one statement; return how many are new."""
    columns: list[list[Any]] = [
        *([entry.name[place] for entry in packed] for place in range(4)),
        [entry.checkpoint_id for entry in packed],
        [entry.body for entry in packed],
    ]
    return len(db.execute(_RECORD, columns).fetchall())


def given_out(db: Db, where: str) -> tuple[str, int]:
    """Return what cursors begin with, and the last position below which all is settled.

    To be read before the snapshot in which the rows are. A server that was restored or took over
    from another has another identity: positions may have been used twice. Raises
    PermanentStoreError on a replica, where holds cannot be seen.
    """
    last, replica, store_id, system, timeline = db.execute(_GIVEN_OUT).fetchone()
    if replica:
        raise PermanentStoreError(
            f"{where} is a replica, which cannot tell what is still being saved; follow the "
            "changes at the primary. Reading and loading work here"
        )
    if store_id is None:
        raise PermanentStoreError(f"{where} is damaged: it has lost its store_id")
    held = [int(row[0]) for row in db.execute(_HELD)]
    return f"{store_id}-{system & (1 << 64) - 1:x}-{timeline}", _settled(last, held)


def _settled(last: int, held: Iterable[int]) -> int:
    """Return the least of the last position and the holds; these count anew every 2³⁰."""
    half = _KEYS // 2
    behind = [(last - key + half) % _KEYS - half for key in held]
    return last - max([0, *behind])


def last(db: Db) -> int:
    """Return the position of the last thing that is there."""
    return int(db.execute(_LAST).fetchone()[0])


def records(db: rows.Db, ids: Sequence[str]) -> dict[str, Checkpoint]:
    """Return the listed records of some ids."""
    found = map(rows.record_of, db.execute(_HEADS, (list(ids),)))
    return {record.id: record for record in found}
