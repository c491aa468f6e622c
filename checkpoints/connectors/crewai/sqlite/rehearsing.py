"""A small file on which the restore of one checkpoint can be tried."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from checkpoints.connectors.crewai.sqlite.rows import Row, Rows
from checkpoints.errors import PermanentStoreError

FILE: Final = "checkpoints.db"
_TABLE: Final = (
    "CREATE TABLE checkpoints (id TEXT PRIMARY KEY, created_at TEXT NOT NULL, parent_id TEXT,"
    " branch TEXT NOT NULL DEFAULT 'main', data JSONB NOT NULL)"
)
_ALL: Final = (
    "SELECT rowid, CAST(id AS TEXT), CAST(created_at AS TEXT), CAST(parent_id AS TEXT),"
    " CAST(branch AS TEXT) FROM checkpoints WHERE branch = ?"
)
_INSERT: Final = (
    "INSERT INTO checkpoints (rowid, id, created_at, parent_id, branch, data)"
    " VALUES (?, ?, ?, ?, ?, {})"
)


def write_copy(rows: Rows, target: Row, folder: Path) -> Path:
    """Write a branch into a new file: all of it by name, the target and the head with bodies.

    Raises PermanentStoreError.
    """
    path, branch = folder / FILE, target.stored.branch
    whole = {row.number: row for row in (target, rows.head(branch)) if row is not None}
    try:
        path.touch(mode=0o600, exist_ok=False)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(_TABLE)
            for number, *names in rows.database.rows(_ALL, (branch,)):
                place, data = _data(whole.get(number))
                connection.execute(_INSERT.format(place), (number, *names, data))
    except (OSError, sqlite3.Error) as error:
        raise PermanentStoreError(f"{path} cannot be written: {error}") from error
    return path


def _data(row: Row | None) -> tuple[str, Any]:
    body = row.body if row else None
    if body is None:
        return "?", b""
    return ("?" if body.is_jsonb else "CAST(? AS TEXT)"), body.data
