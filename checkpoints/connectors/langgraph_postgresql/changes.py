"""What a database gained since a cursor.

PostgreSQL numbers no rows, and transactions commit in another order than they began. But each row
names the transaction that wrote it, and each snapshot the oldest transaction that was still
running: whatever a snapshot did not see was written by that one or a later one. So the cursor
keeps that number, and which of the later ones had been seen. docs/decisions/0070 tells why.

A listing goes through the tables in the order of their keys; only when it has come to the end the
cursor moves on to the snapshot that it began with. What is committed meanwhile is told then.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from checkpoints.connectors.langgraph.records import gather, record_of
from checkpoints.connectors.langgraph.rows import Key
from checkpoints.connectors.langgraph.threads import Threads
from checkpoints.connectors.langgraph_postgresql.rows import Rows
from checkpoints.records import Changes, Checkpoint

SEEN = 1_000
"""Transactions that a cursor names; what others of the same time wrote is told again."""
COUNTED = 100_000
"""Checkpoints up to which it is counted how many are left."""

_HALF_OF_ALL = 2**31
_NUMBERS = 2**32
_KEYS = "thread_id, checkpoint_ns, checkpoint_id"
_AFTER = f"({_KEYS}) > (%s, %s, %s)"
_SNAPSHOT = (
    "SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text FROM pg_current_snapshot() s"
)
_MAY_IDENTIFY = """
SELECT has_function_privilege('pg_control_system()', 'EXECUTE')
    AND has_function_privilege('pg_control_checkpoint()', 'EXECUTE')
"""
_SYSTEM = """
SELECT system_identifier::text, timeline_id
FROM pg_control_system(), pg_control_checkpoint()
"""
_PLACE = """
SELECT d.oid::bigint, 'checkpoints'::regclass::oid::bigint, pg_relation_filenode('checkpoints')
FROM pg_database d WHERE d.datname = current_database()
"""
_WRITTEN = "age(xmin) BETWEEN 0 AND age(%s::xid)"
_NEW = f"{_WRITTEN} AND xmin::text <> ALL (%s::text[])"
_SEEN = f"""
SELECT xmin::text FROM checkpoints WHERE {_WRITTEN} UNION
SELECT xmin::text FROM checkpoint_writes WHERE {_WRITTEN} LIMIT %s
"""
_ALL = f"SELECT {_KEYS} FROM checkpoints WHERE {_AFTER} ORDER BY {_KEYS} LIMIT %s"
_LEFT = f"SELECT count(*) FROM (SELECT 1 FROM checkpoints WHERE {_AFTER} LIMIT %s) t"
_SINCE = f"""
WITH fresh AS MATERIALIZED (SELECT {_KEYS} FROM checkpoints WHERE {_NEW}),
touched AS MATERIALIZED (SELECT DISTINCT {_KEYS} FROM checkpoint_writes WHERE {_NEW}),
found AS (
    SELECT {_KEYS} FROM fresh
    UNION SELECT {_KEYS} FROM checkpoints JOIN touched USING ({_KEYS})
    UNION SELECT c.thread_id, c.checkpoint_ns, c.checkpoint_id FROM checkpoints c
        JOIN touched t ON t.thread_id = c.thread_id AND t.checkpoint_ns = c.checkpoint_ns
        AND t.checkpoint_id = c.parent_checkpoint_id
)
SELECT {_KEYS}, count(*) OVER () FROM found WHERE {_AFTER} ORDER BY {_KEYS} LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Horizon:
    """What a snapshot had seen: all transactions before ``oldest``, and of later ones ``seen``.

    ``next`` is the first number that had not been given out when it was taken.
    """

    oldest: int
    next: int
    seen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a database was read.

    Everything up to ``since`` was told. A listing that is under way stands ``after`` a key and
    moves the cursor on to ``until`` when it is done.
    """

    database: str
    since: Horizon | None = None
    until: Horizon | None = None
    after: tuple[str, str, str] = ("", "", "")

    def __str__(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


def _parse(text: str | None) -> Cursor | None:
    """Read a cursor back; ``None`` when it is none of ours."""
    try:
        values = json.loads(text or "null")
        thread_id, namespace, checkpoint_id = map(str, values["after"])
        return Cursor(
            database=str(values["database"]),
            since=_horizon(values["since"]),
            until=_horizon(values["until"]),
            after=(thread_id, namespace, checkpoint_id),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _horizon(values: dict[str, Any] | None) -> Horizon | None:
    if values is None:
        return None
    seen = tuple(str(int(number)) for number in values["seen"])
    return Horizon(int(values["oldest"]), int(values["next"]), seen)


@dataclass(frozen=True, slots=True)
class Scanner:
    """Lists what was written to a database after a cursor."""

    rows: Rows
    threads: Threads

    def changes(self, text: str | None, *, limit: int, now: datetime) -> Changes:
        """Return up to ``limit`` new checkpoints, and those that new writes say more about."""
        present = self._snapshot()
        cursor = self._still_valid(_parse(text), present)
        reset = text is not None and cursor is None
        cursor = cursor or Cursor(database=self._identity())
        if cursor.until is None:
            cursor = replace(cursor, until=self._with_seen(present))
        keys, left = self._page(cursor, limit)
        records = tuple(self._records(keys[:limit]))
        names = dict.fromkeys(record.thread_id for record in records)
        return Changes(
            cursor=str(_advanced(cursor, keys, limit)),
            checkpoints=records,
            threads=tuple(self.threads.read(name, now) for name in names),
            complete=len(keys) <= limit,
            reset=reset,
            remaining=left,
        )

    def _page(self, cursor: Cursor, limit: int) -> tuple[list[Key], int | None]:
        """Return up to one key more than ``limit``, and how many there are behind the page."""
        session, since = self.rows.session, cursor.since
        if since is None:
            found = session.few(_ALL, (*cursor.after, limit + 1))
            keys = [Key(*row) for row in found]
            return keys, self._left(keys[:limit]) if len(keys) > limit else 0
        if cursor.until and _is_same(since, cursor.until):
            return [], 0
        new = (str(since.oldest % _NUMBERS), list(since.seen))
        found = session.few(_SINCE, (*new, *new, *cursor.after, limit + 1))
        left = max(0, found[0][3] - limit) if found else 0
        return [Key(*row[:3]) for row in found], left

    def _left(self, page: Sequence[Key]) -> int | None:
        after = _place(page[-1]) if page else ("", "", "")
        [(count,)] = self.rows.session.few(_LEFT, (*after, COUNTED))
        return int(count) if count < COUNTED else None

    def _records(self, keys: Sequence[Key]) -> Iterator[Checkpoint]:
        """Yield the records of keys by the time in their ids, a few read at a time."""
        agents: dict[str, str] = {}
        for row in self.rows.of_keys(sorted(keys, key=lambda k: k.checkpoint_id)):
            name = row.key.thread_id
            agent_id = agents.get(name) or agents.setdefault(name, self.threads.agent(name))
            yield record_of(gather(self.rows, row), agent_id)

    def _snapshot(self) -> Horizon:
        [(oldest, following)] = self.rows.session.few(_SNAPSHOT)
        return Horizon(int(oldest), int(following))

    def _with_seen(self, horizon: Horizon) -> Horizon:
        """Name the transactions from the oldest running one on whose rows are visible."""
        if horizon.oldest == horizon.next:
            return horizon
        oldest = str(horizon.oldest % _NUMBERS)
        found = self.rows.session.few(_SEEN, (oldest, oldest, SEEN))
        return replace(horizon, seen=tuple(number for (number,) in found))

    def _still_valid(self, cursor: Cursor | None, present: Horizon) -> Cursor | None:
        """Return a cursor of this database and of its past; numbers come round after a while."""
        if cursor is None or cursor.database != self._identity():
            return None
        for horizon in filter(None, (cursor.since, cursor.until)):
            if not 0 <= present.next - horizon.next <= present.next - horizon.oldest < _HALF_OF_ALL:
                return None
        return cursor

    def _identity(self) -> str:
        session = self.rows.session
        [(may,)] = session.few(_MAY_IDENTIFY)
        found = [*session.few(_SYSTEM), *session.few(_PLACE)] if may else session.few(_PLACE)
        return ":".join(str(value) for row in found for value in row)


def _is_same(one: Horizon, other: Horizon) -> bool:
    """Say whether no transaction at all ended between two snapshots."""
    return one.oldest == one.next == other.next


def _advanced(cursor: Cursor, keys: Sequence[Key], limit: int) -> Cursor:
    if len(keys) > limit:
        return replace(cursor, after=_place(keys[limit - 1])) if limit else cursor
    return Cursor(database=cursor.database, since=cursor.until)


def _place(key: Key) -> tuple[str, str, str]:
    return key.thread_id, key.namespace, key.checkpoint_id
