"""Rows as they lie in the file, whatever their columns and types, and where among the others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from checkpoints.bodies.encoding import encode
from checkpoints.connectors.crewai.sqlite import schema
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import CorruptCheckpoint
from checkpoints.stores.operable import TrashItem

Value = list[Any]
"""A value's type in SQLite and the value; a text as its bytes, which need not be UTF-8."""

_NEXT = "SELECT CAST(id AS TEXT) FROM checkpoints WHERE rowid > ? ORDER BY rowid LIMIT 1"
_NUMBER = "SELECT rowid FROM checkpoints WHERE id = ?"
_AFTER = "SELECT min(rowid) FROM checkpoints WHERE created_at > ?"
_LAST = "SELECT max(rowid) FROM checkpoints"
_BEFORE = "SELECT coalesce(max(rowid), 0) FROM checkpoints WHERE rowid < ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactRow:
    """A row with what brings it back: its values, its number, and the id of the next newer row."""

    id: str
    number: int
    next_id: str | None
    columns: Sequence[str]
    values: Sequence[Value]

    @property
    def sha256(self) -> str:
        """The hex digest of its body."""
        return hashlib.sha256(self._bytes("data")).hexdigest()

    @property
    def created_at(self) -> str:
        """The time that stands beside it."""
        return self._bytes("created_at").decode("utf-8", "replace")

    @property
    def size(self) -> int:
        """The bytes of the texts and data in it."""
        return sum(len(value) for _, value in self.values if isinstance(value, bytes))

    def same_as(self, other: ExactRow) -> bool:
        """Say whether two rows hold the same, wherever they stand."""
        return (list(self.columns), _plain(self.values)) == (
            list(other.columns),
            _plain(other.values),
        )

    def item(self) -> TrashItem:
        """Return it as the trash keeps it. The key names the content, so that none are mixed up."""
        data = {
            "number": self.number,
            "next_id": self.next_id,
            "columns": list(self.columns),
            "values": [list(value) for value in self.values],
        }
        digest = hashlib.sha256(encode(data)).hexdigest()
        return TrashItem(key=f"{self.id} {digest}", checkpoint_id=self.id, data=data)

    @classmethod
    def of_item(cls, item: TrashItem) -> Self:
        """Read it back. Raises CorruptCheckpoint."""
        data: Mapping[str, Any] = item.data
        try:
            return cls(
                id=item.checkpoint_id,
                number=data["number"],
                next_id=data["next_id"],
                columns=list(data["columns"]),
                values=[list(value) for value in data["values"]],
            )
        except (KeyError, TypeError) as error:
            raise CorruptCheckpoint(
                f"what the trash holds as {item.key!r} is no checkpoint of CrewAI's",
                checkpoint_id=item.checkpoint_id,
            ) from error

    def _bytes(self, column: str) -> bytes:
        value = dict(zip(self.columns, self.values, strict=True))[column][1]
        return value if isinstance(value, bytes) else str(value).encode()


class ExactRows:
    """Reads, deletes and puts back rows."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.columns = schema.inspect(database).columns

    def find(self, checkpoint_id: str) -> ExactRow | None:
        """Return a checkpoint's row."""
        pairs = ", ".join(f"typeof({n}), {_as_bytes(n)}" for n in map(_quoted, self.columns))
        sql = f"SELECT rowid, {pairs} FROM checkpoints WHERE id = ? LIMIT 1"
        for number, *flat in self.database.rows(sql, (checkpoint_id,)):
            return ExactRow(
                id=checkpoint_id,
                number=number,
                next_id=next((str(n) for (n,) in self.database.rows(_NEXT, (number,))), None),
                columns=self.columns,
                values=[list(pair) for pair in zip(*[iter(flat)] * 2, strict=True)],
            )
        return None

    def delete(self, row: ExactRow) -> None:
        """Delete a row. Raises CorruptCheckpoint when there is not just one."""
        if self.database.execute("DELETE FROM checkpoints WHERE id = ?", (row.id,)) != 1:
            raise CorruptCheckpoint(
                f"{row.id} is not in just one row; nothing was changed", checkpoint_id=row.id
            )

    def insert(self, row: ExactRow) -> None:
        """Put a row back where it stood among the others; it never becomes the newest.

        VACUUM numbers rows anew, so its old number may be another's or in the wrong place.
        """
        number = self._place(row)
        names = ", ".join(("rowid", *map(_quoted, row.columns)))
        places = ", ".join("CAST(? AS TEXT)" if kind == "text" else "?" for kind, _ in row.values)
        sql = f"INSERT INTO checkpoints ({names}) VALUES (?, {places})"
        self.database.execute(sql, (number, *(value for _, value in row.values)))

    def _place(self, row: ExactRow) -> int:
        following = self._following(row)
        if following is None:
            return row.number
        before = self._one(_BEFORE, following)
        if before < row.number < following:
            return row.number
        if before < following - 1:
            return following - 1
        self.database.execute(
            "UPDATE checkpoints SET rowid = -rowid - 1 WHERE rowid >= ?", (following,)
        )
        self.database.execute("UPDATE checkpoints SET rowid = -rowid WHERE rowid < 0")
        return following

    def _following(self, row: ExactRow) -> int | None:
        """Return the number of the row before which it stood, or would stand now."""
        for sql, value in ((_NUMBER, row.next_id or ""), (_AFTER, row.created_at)):
            found = self._one(sql, value)
            if found:
                return found
        last = next((number for (number,) in self.database.rows(_LAST)), None)
        return int(last) if last is not None else None

    def _one(self, sql: str, value: object) -> int:
        return next((int(n) for (n,) in self.database.rows(sql, (value,)) if n is not None), 0)


def _plain(values: Sequence[Value]) -> list[list[Any]]:
    return [list(value) for value in values]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _as_bytes(name: str) -> str:
    return f"CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END"
