"""What prunes and erasures need of a store: links, rows as they lie there, and what is apart.

LangGraph keeps a value in the checkpoint, or apart from it under the version of its channel, where
several checkpoints share it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from checkpoints.connectors.langgraph.rows import CheckpointRow, Key, LangGraphRows
from checkpoints.errors import CorruptCheckpoint

Value = list[Any]
"""The type of a value in its database and the value; a text as its bytes."""
Row = list[Value]

CHECKPOINTS = "checkpoints"
WRITES = "writes"
VALUES = "values"
TABLES = (CHECKPOINTS, WRITES)
"""The tables that have rows of one checkpoint each, as they are called here."""


@dataclass(frozen=True, slots=True, order=True)
class Apart:
    """What names a value that is kept apart, within its thread."""

    namespace: str
    channel: str
    version: str


class PrunableRows(LangGraphRows, Protocol):
    """Reads what decides over which checkpoints may go."""

    def links(self, thread_id: str) -> Iterator[tuple[Key, str | None]]:
        """Yield all checkpoints of a thread with their parents, by namespace and id."""
        ...

    def of_subgraphs(self, thread_id: str) -> Iterator[tuple[Key, bytes]]:
        """Yield keys and metadata of what subgraphs wrote, by namespace and id."""
        ...

    def newest_metadata(self, thread_id: str) -> Iterator[tuple[Key, bytes]]:
        """Yield keys and metadata of all checkpoints of a thread, newest first."""
        ...

    def has_sends(self, key: Key) -> bool:
        """Say whether a task of this checkpoint sent anything to the next steps."""
        ...

    def format_version(self, key: Key) -> int | None:
        """Return the version of a checkpoint's format; ``None`` where it is not told at once."""
        ...


class ExactRows(Protocol):
    """Reads, inserts and deletes rows byte for byte, whatever their columns and types."""

    columns: dict[str, list[str]]

    def of(self, key: Key) -> dict[str, list[Row]]:
        """Return a checkpoint's rows in each of ``TABLES``."""
        ...

    def of_many(self, keys: Collection[Key]) -> Iterator[tuple[Key, dict[str, list[Row]]]]:
        """Yield the rows of checkpoints of one thread, in the order of the keys."""
        ...

    def delete(self, key: Key) -> bool:
        """Delete a checkpoint's rows; say whether there was the one of its own."""
        ...

    def insert(self, table: str, columns: Sequence[str], row: Row) -> None:
        """Insert a row as it was, unless its key is there."""
        ...

    def unlink(self, key: Key, parent_id: str) -> bool:
        """Take a checkpoint's parent away; say whether it had this one."""
        ...

    def link(self, key: Key, parent_id: str) -> None:
        """Give a checkpoint that has none a parent."""
        ...

    def freed(self, thread_id: str, going: Collection[Key]) -> dict[Key, list[Apart]]:
        """Return the values kept apart that only those that go refer to, by checkpoint."""
        ...

    def value(self, thread_id: str, apart: Apart) -> Row | None:
        """Return the row of a value that is kept apart."""
        ...

    def values(self, thread_id: str, wanted: Sequence[Apart]) -> Iterator[tuple[Apart, Row | None]]:
        """Yield the rows of values that are kept apart, in their order."""
        ...

    def delete_values(self, thread_id: str, unwanted: Collection[Apart]) -> None:
        """Delete values that are kept apart."""
        ...

    def delete_orphans(self, thread_id: str) -> None:
        """Delete what lies under a thread and belongs to none of its checkpoints."""
        ...


class PrunableDatabase(Protocol):
    """An open store that may be written to."""

    def snapshot(self) -> AbstractContextManager[None]:
        """Let all reads inside see the same state."""
        ...

    def piecewise(self) -> AbstractContextManager[None]:
        """Let reads inside go on for long without holding up those who write."""
        ...

    def writing(self, thread_id: str) -> AbstractContextManager[None]:
        """Keep other operations off the thread and commit at the end, or change nothing."""
        ...

    def rows(self) -> PrunableRows:
        """Look at the tables anew. Raises PlanRefused where they must not be written to."""
        ...

    def exact(self) -> ExactRows:
        """Return the rows as they lie there."""
        ...


def required(rows: LangGraphRows, key: Key) -> CheckpointRow:
    """Return one checkpoint row. Raises CorruptCheckpoint when none has exactly these ids."""
    row = rows.checkpoint(key)
    if row is None:
        raise CorruptCheckpoint(
            f"{key.checkpoint_id} cannot be found by its id", checkpoint_id=key.checkpoint_id
        )
    return row


def without_parent(columns: Sequence[str], row: Row) -> Row:
    """Return a row of ``checkpoints`` but for its parent, which operations may take away."""
    named = zip(columns, row, strict=True)
    return [value for name, value in named if name != "parent_checkpoint_id"]


def named(columns: Sequence[str], row: Row) -> Mapping[str, Value]:
    """Return the values of a row by their columns."""
    return dict(zip(columns, row, strict=True))


def size_of(row: Row) -> int:
    """Return the bytes of the texts and the data in a row."""
    return sum(len(value) for _, value in row if isinstance(value, bytes))
