"""What a file must have to be a store of CrewAI's, and what forbids writing to it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import PermanentStoreError

_COLUMNS = frozenset({"id", "created_at", "parent_id", "branch", "data"})
_KIND = "SELECT type, sql FROM sqlite_master WHERE name = 'checkpoints'"
_FOREIGN = (
    "SELECT type, name FROM sqlite_master WHERE"
    " (type = 'trigger' AND lower(tbl_name) = 'checkpoints')"
    " OR (type = 'view' AND sql LIKE '%checkpoints%')"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What was found. ``no_writing`` says why the file must not be written to."""

    columns: tuple[str, ...]
    no_writing: str | None


def inspect(database: Database) -> Schema:
    """Look at the table. Raises PermanentStoreError when it is not CrewAI's."""
    columns = _columns(database)
    missing = _COLUMNS - set(columns)
    if missing:
        raise PermanentStoreError(
            f"{database.path}: the table 'checkpoints' lacks {', '.join(sorted(missing))}; it is "
            "not a checkpoint store of CrewAI's"
        )
    return Schema(columns=columns, no_writing=_why_not_writable(database))


def _columns(database: Database) -> tuple[str, ...]:
    found = list(database.rows(_KIND))
    if not found:
        raise PermanentStoreError(
            f"{database.path} has no table 'checkpoints': it is not a checkpoint store of CrewAI's"
        )
    kind, sql = found[0]
    if kind != "table" or "without rowid" in str(sql).lower():
        raise PermanentStoreError(
            f"{database.path}: 'checkpoints' is not a table as CrewAI makes it; it is not read"
        )
    return tuple(str(row[1]) for row in database.rows("PRAGMA table_info(checkpoints)"))


def _why_not_writable(database: Database) -> str | None:
    found = ", ".join(f"{kind} {name}" for kind, name in database.rows(_FOREIGN))
    if found:
        return f"the file has a {found} on CrewAI's table; Holdfast does not write to such a file"
    if os.access(database.path, os.W_OK) and os.access(database.path.parent, os.W_OK):
        return None
    return "the file or its folder is read-only for this user"
