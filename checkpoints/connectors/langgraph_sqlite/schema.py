"""What a file must have to be a LangGraph store, and what forbids writing to it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import PermanentStoreError

_CHECKPOINTS = frozenset(
    {
        "thread_id",
        "checkpoint_ns",
        "checkpoint_id",
        "parent_checkpoint_id",
        "type",
        "checkpoint",
        "metadata",
    }
)
_WRITES = frozenset(
    {
        "thread_id",
        "checkpoint_ns",
        "checkpoint_id",
        "task_id",
        "idx",
        "channel",
        "type",
        "value",
    }
)
TABLES = {"checkpoints": _CHECKPOINTS, "writes": _WRITES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What was found: ``has_task_path`` is false for files of older versions.

    ``no_restore`` says why the file must not be written to.
    """

    has_task_path: bool
    no_restore: str | None


def inspect(database: Database) -> Schema:
    """Look at the tables. Raises PermanentStoreError when they are not LangGraph's."""
    found = {table: frozenset(columns(database, table)) for table in TABLES}
    for table, needed in TABLES.items():
        _require(database, table, needed - found[table])
    reason = _why_not_writable(database) or why_not_restorable(database)
    return Schema(has_task_path="task_path" in found["writes"], no_restore=reason)


def why_not_restorable(database: Database) -> str | None:
    """Return what in the schema could change other rows when one is written."""
    rows = database.rows(
        "SELECT type, name FROM sqlite_master WHERE"
        " (type = 'trigger' AND lower(tbl_name) IN ('checkpoints', 'writes'))"
        " OR (type = 'view' AND (sql LIKE '%checkpoints%' OR sql LIKE '%writes%'))"
    )
    found = ", ".join(f"{kind} {name}" for kind, name in rows)
    if not found:
        return None
    return f"the file has a {found} on LangGraph's tables; Holdfast does not write to such a file"


def columns(database: Database, table: str) -> list[str]:
    """Return the names of a table's columns. Raises PermanentStoreError when it is a view."""
    kinds = [kind for (kind,) in database.rows(_KIND, (table,))]
    if kinds == ["view"]:
        raise PermanentStoreError(
            f"{database.path}: {table} is a view, not a table; it is not read"
        )
    return [str(row[1]) for row in database.rows(f"PRAGMA table_info({table})")]


_KIND = "SELECT type FROM sqlite_master WHERE name = ? AND type IN ('table', 'view')"


def _require(database: Database, table: str, missing: frozenset[str]) -> None:
    if missing == TABLES[table]:
        raise PermanentStoreError(
            f"{database.path} has no table {table!r}: it is not a LangGraph checkpoint store"
        )
    if missing:
        names = ", ".join(sorted(missing))
        raise PermanentStoreError(
            f"{database.path}: the table {table!r} lacks {names}; this version is not supported"
        )


def _why_not_writable(database: Database) -> str | None:
    if os.access(database.path, os.W_OK) and os.access(database.path.parent, os.W_OK):
        return None
    return "the file or its folder is read-only for this user"
