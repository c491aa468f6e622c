"""Rows as they lie in the tables, whatever their columns: each value as its text or its bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from checkpoints.connectors.langgraph.exact import (
    CHECKPOINTS,
    TABLES,
    VALUES,
    WRITES,
    Apart,
    Row,
    Value,
    named,
)
from checkpoints.connectors.langgraph.rows import Key
from checkpoints.connectors.langgraph_postgresql.database import Session
from checkpoints.connectors.langgraph_postgresql.rows import values_of

T = TypeVar("T")
_NAMES: Final = {
    CHECKPOINTS: "checkpoints",
    WRITES: "checkpoint_writes",
    VALUES: "checkpoint_blobs",
}
_COLUMNS = (
    "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute"
    " WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
)
_KEY = "thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s"
_VALUE = "thread_id = %s AND checkpoint_ns = %s AND channel = %s AND version = %s"
_KEYS = (
    "thread_id = %s AND (checkpoint_ns, checkpoint_id) IN"
    " (SELECT * FROM unnest(%s::text[], %s::text[]))"
)
_VALUES = (
    "thread_id = %s AND (checkpoint_ns, channel, version) IN"
    " (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))"
)
_KEY_COLUMNS = ("thread_id", "checkpoint_ns", "checkpoint_id")
_APART_COLUMNS = ("checkpoint_ns", "channel", "version")
_AT_ONCE: Final = 16
"""Rows that are held in memory together; each can be large."""
_PARENT = "parent_checkpoint_id"
_UNLINK = f"UPDATE checkpoints SET {_PARENT} = NULL WHERE {_KEY} AND {_PARENT} = %s"
_LINK = f"UPDATE checkpoints SET {_PARENT} = %s WHERE {_KEY} AND {_PARENT} IS NULL"
_REFERRED = (
    "SELECT c.checkpoint_ns, c.checkpoint_id, v.key, v.value FROM checkpoints c"
    " CROSS JOIN LATERAL jsonb_each_text("
    "CASE jsonb_typeof(c.checkpoint -> 'channel_versions') WHEN 'object'"
    " THEN c.checkpoint -> 'channel_versions' ELSE '{}' END) v WHERE c.thread_id = %s"
)
_THERE = "SELECT checkpoint_ns, channel, version FROM checkpoint_blobs WHERE thread_id = %s"
_ORPHANED_WRITES = (
    "DELETE FROM checkpoint_writes w WHERE w.thread_id = %s AND NOT EXISTS (SELECT 1"
    " FROM checkpoints c WHERE c.thread_id = w.thread_id"
    " AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id)"
)


class ExactRows:
    """Reads, inserts and deletes rows within one transaction."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._types = {
            table: dict(session.few(_COLUMNS, (name,))) for table, name in _NAMES.items()
        }
        self.columns = {table: list(types) for table, types in self._types.items()}

    def of(self, key: Key) -> dict[str, list[Row]]:
        """Return a checkpoint's rows in both tables."""
        return {table: self._read(table, _KEY, values_of(key)) for table in TABLES}

    def of_many(self, keys: Collection[Key]) -> Iterator[tuple[Key, dict[str, list[Row]]]]:
        """Yield the rows of checkpoints of one thread, in the order of the keys."""
        for some in _portions(keys):
            found = {table: self._by_key(table, some) for table in TABLES}
            yield from (
                (key, {table: rows.get(key, []) for table, rows in found.items()}) for key in some
            )

    def delete(self, key: Key) -> bool:
        """Delete a checkpoint's rows in both tables; say whether there was the one of its own."""
        counts = [
            self.session.execute(f"DELETE FROM {_NAMES[table]} WHERE {_KEY}", values_of(key))
            for table in TABLES
        ]
        return counts[0] == 1

    def insert(self, table: str, columns: Sequence[str], row: Row) -> None:
        """Insert a row as it was, unless its key is there."""
        types = self._types[table]
        places = ", ".join(f"CAST(%s AS {types[name]})" for name in columns)
        names = ", ".join(map(_quoted, columns))
        sql = f"INSERT INTO {_NAMES[table]} ({names}) VALUES ({places}) ON CONFLICT DO NOTHING"
        given = [_given(types[name], value) for name, value in zip(columns, row, strict=True)]
        self.session.execute(sql, given)

    def unlink(self, key: Key, parent_id: str) -> bool:
        """Take a checkpoint's parent away; say whether it had this one."""
        return self.session.execute(_UNLINK, (*values_of(key), parent_id)) == 1

    def link(self, key: Key, parent_id: str) -> None:
        """Give a checkpoint that has none a parent."""
        self.session.execute(_LINK, (parent_id, *values_of(key)))

    def freed(self, thread_id: str, going: Collection[Key]) -> dict[Key, list[Apart]]:
        """Return the blobs that only those that go refer to, by checkpoint."""
        gone, held, needed = set(going), defaultdict[Key, set[Apart]](set), set[Apart]()
        for namespace, name, channel, version in self.session.rows(_REFERRED, (thread_id,)):
            key, apart = Key(thread_id, namespace, name), Apart(namespace, channel, version)
            (held[key] if key in gone else needed).add(apart)
        there = {Apart(*found) for found in self.session.rows(_THERE, (thread_id,))}
        freed = {key: sorted((values & there) - needed) for key, values in held.items()}
        return {key: values for key, values in freed.items() if values}

    def value(self, thread_id: str, apart: Apart) -> Row | None:
        """Return the row of a blob."""
        return next(iter(self._read(VALUES, _VALUE, _parameters(thread_id, apart))), None)

    def values(self, thread_id: str, wanted: Sequence[Apart]) -> Iterator[tuple[Apart, Row | None]]:
        """Yield the rows of blobs, in their order."""
        for some in _portions(wanted):
            rows = self._read(VALUES, _VALUES, _parameters_of(thread_id, some))
            found = {_apart(self.columns[VALUES], row): row for row in rows}
            yield from ((apart, found.get(apart)) for apart in some)

    def delete_values(self, thread_id: str, unwanted: Collection[Apart]) -> None:
        """Delete blobs."""
        sql = f"DELETE FROM checkpoint_blobs WHERE {_VALUES}"
        self.session.execute(sql, _parameters_of(thread_id, unwanted))

    def delete_orphans(self, thread_id: str) -> None:
        """Delete writes to checkpoints that are not there, and blobs that none refers to."""
        self.session.execute(_ORPHANED_WRITES, (thread_id,))
        referred = {
            Apart(namespace, channel, version)
            for namespace, _, channel, version in self.session.rows(_REFERRED, (thread_id,))
        }
        there = {Apart(*found) for found in self.session.rows(_THERE, (thread_id,))}
        self.delete_values(thread_id, there - referred)

    def _by_key(self, table: str, keys: Sequence[Key]) -> dict[Key, list[Row]]:
        given = (
            keys[0].thread_id,
            [key.namespace for key in keys],
            [key.checkpoint_id for key in keys],
        )
        found = defaultdict[Key, list[Row]](list)
        for row in self._read(table, _KEYS, given):
            values = named(self.columns[table], row)
            found[Key(*(values[name][1].decode() for name in _KEY_COLUMNS))].append(row)
        return found

    def _read(self, table: str, where: str, parameters: Sequence[Any]) -> list[Row]:
        types = self._types[table]
        names = ", ".join(_read_as(name, kind) for name, kind in types.items())
        order = "ORDER BY task_id, idx" if table == WRITES else ""
        sql = f"SELECT {names} FROM {_NAMES[table]} WHERE {where} {order}"
        found = self.session.few(sql, parameters)
        return [list(map(_value, types.values(), row)) for row in found]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""').replace("%", "%%") + '"'


def _read_as(name: str, kind: str) -> str:
    return _quoted(name) if kind == "bytea" else f"{_quoted(name)}::text"


def _value(kind: str, value: Any) -> Value:
    if value is None:
        return ["null", None]
    return [kind, bytes(value) if kind == "bytea" else str(value).encode()]


def _given(kind: str, value: Value) -> Any:
    _, stored = value
    return stored if stored is None or kind == "bytea" else stored.decode()


def _portions(things: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(things)
    while some := list(islice(rest, _AT_ONCE)):
        yield some


def _apart(columns: Sequence[str], row: Row) -> Apart:
    values = named(columns, row)
    return Apart(*(values[name][1].decode() for name in _APART_COLUMNS))


def _parameters_of(thread_id: str, values: Collection[Apart]) -> tuple[Any, ...]:
    return (
        thread_id,
        [apart.namespace for apart in values],
        [apart.channel for apart in values],
        [apart.version for apart in values],
    )


def _parameters(thread_id: str, apart: Apart) -> tuple[str, str, str, str]:
    return thread_id, apart.namespace, apart.channel, apart.version
