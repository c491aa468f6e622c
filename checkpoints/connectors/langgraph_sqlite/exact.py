"""Rows as they lie in the file, byte for byte, whatever their columns and types."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from checkpoints.connectors.langgraph.exact import TABLES, Apart, Row
from checkpoints.connectors.langgraph.rows import Key
from checkpoints.connectors.langgraph_sqlite import schema
from checkpoints.connectors.sqlite_files.database import Database

_KEY = "thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?"
_PARENT = "parent_checkpoint_id"
_UNLINK = f"UPDATE checkpoints SET {_PARENT} = NULL WHERE {_KEY} AND {_PARENT} = ?"
_LINK = f"UPDATE checkpoints SET {_PARENT} = ? WHERE {_KEY} AND {_PARENT} IS NULL"
_ORPHANS = (
    "DELETE FROM writes WHERE thread_id = ?1 AND NOT EXISTS (SELECT 1 FROM checkpoints c"
    " WHERE c.thread_id = ?1 AND c.checkpoint_ns = writes.checkpoint_ns"
    " AND c.checkpoint_id = writes.checkpoint_id)"
)


class ExactRows:
    """Reads, inserts and deletes the rows of checkpoints."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.columns = {table: schema.columns(database, table) for table in TABLES}
        self._reading = {table: _reading(table, names) for table, names in self.columns.items()}

    def of(self, key: Key) -> dict[str, list[Row]]:
        """Return a checkpoint's rows in both tables."""
        return {table: self._read(table, key) for table in TABLES}

    def of_many(self, keys: Collection[Key]) -> Iterator[tuple[Key, dict[str, list[Row]]]]:
        """Yield the rows of checkpoints, in the order of the keys."""
        return ((key, self.of(key)) for key in keys)

    def delete(self, key: Key) -> bool:
        """Delete a checkpoint's rows in both tables; say whether there was the one of its own."""
        counts = [
            self.database.execute(f"DELETE FROM {table} WHERE {_KEY}", _values(key))
            for table in TABLES
        ]
        return counts[0] == 1

    def insert(self, table: str, columns: Sequence[str], row: Row) -> None:
        """Insert a row as it was, unless its key is there."""
        names = ", ".join(map(_quoted, columns))
        places = ", ".join("CAST(? AS TEXT)" if kind == "text" else "?" for kind, _ in row)
        sql = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({places})"
        self.database.execute(sql, [value for _, value in row])

    def unlink(self, key: Key, parent_id: str) -> bool:
        """Take a checkpoint's parent away; say whether it had this one."""
        return self.database.execute(_UNLINK, (*_values(key), parent_id)) == 1

    def link(self, key: Key, parent_id: str) -> None:
        """Give a checkpoint that has none a parent."""
        self.database.execute(_LINK, (parent_id, *_values(key)))

    def freed(self, thread_id: str, going: Collection[Key]) -> dict[Key, list[Apart]]:
        """Return nothing: in a file all values lie in the checkpoints."""
        return {}

    def value(self, thread_id: str, apart: Apart) -> Row | None:
        """Return nothing: no value is kept apart."""
        return None

    def values(self, thread_id: str, wanted: Sequence[Apart]) -> Iterator[tuple[Apart, Row | None]]:
        """Yield nothing: no value is kept apart."""
        return ((apart, None) for apart in wanted)

    def delete_values(self, thread_id: str, unwanted: Collection[Apart]) -> None:
        """Do nothing: no value is kept apart."""

    def delete_orphans(self, thread_id: str) -> None:
        """Delete writes to checkpoints that are not there."""
        self.database.execute(_ORPHANS, (thread_id,))

    def _read(self, table: str, key: Key) -> list[Row]:
        found = self.database.rows(self._reading[table], _values(key))
        return [[list(pair) for pair in zip(*[iter(row)] * 2, strict=True)] for row in found]


def _reading(table: str, columns: Sequence[str]) -> str:
    names = map(_quoted, columns)
    pairs = ", ".join(f"typeof({name}), {_as_bytes(name)}" for name in names)
    order = "ORDER BY task_id, idx" if table == "writes" else ""
    return f"SELECT {pairs} FROM {table} WHERE {_KEY} {order}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _as_bytes(name: str) -> str:
    return f"CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END"


def _values(key: Key) -> tuple[str, str, str]:
    return key.thread_id, key.namespace, key.checkpoint_id
