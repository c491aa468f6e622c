"""The tables of a SQLite store, and whether a file has them and nothing else.

A file may come from an agent that somebody has taken over. A view in a table's place could work
for ever, a trigger could delete what a restore is about to keep; so each object of the file is
compared with the text that lays it.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from checkpoints.errors import PermanentStoreError
from checkpoints.identifiers import new_id

FORMAT = 1
APPLICATION_ID = 0x486F6C64
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE checkpoints (
    id TEXT PRIMARY KEY, position INTEGER NOT NULL UNIQUE, saved INTEGER NOT NULL,
    agent_id TEXT NOT NULL, thread_id TEXT NOT NULL, record BLOB NOT NULL, body BLOB NOT NULL
);
CREATE INDEX checkpoints_by_thread ON checkpoints (thread_id, agent_id, saved);
CREATE TABLE heads (
    agent_id TEXT NOT NULL, thread_id TEXT NOT NULL, position INTEGER NOT NULL,
    checkpoint_id TEXT NOT NULL, head BLOB NOT NULL, PRIMARY KEY (agent_id, thread_id)
);
CREATE INDEX heads_by_position ON heads (position);
CREATE TABLE moves (operation_id TEXT PRIMARY KEY, head BLOB NOT NULL);
CREATE TABLE pins (checkpoint_id TEXT PRIMARY KEY, reason TEXT NOT NULL, pinned_at TEXT NOT NULL);
CREATE TABLE trash (
    id TEXT PRIMARY KEY, position INTEGER NOT NULL, saved INTEGER NOT NULL,
    agent_id TEXT NOT NULL, thread_id TEXT NOT NULL, record BLOB NOT NULL, body BLOB,
    reason TEXT NOT NULL, removed_at TEXT NOT NULL
);
CREATE INDEX trash_by_position ON trash (position);
"""
_STATEMENTS = [text.strip() for text in SCHEMA.split(";") if text.strip()]
_OURS = {re.split(r"\W+", text)[2]: text for text in _STATEMENTS}


def is_laid(connection: sqlite3.Connection, path: Path) -> bool:
    """Say whether a file holds a store; False when it holds nothing at all.

    Raises PermanentStoreError for another program's file, for a newer format, and for tables that
    are not as this version lays them.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    found = _objects(connection)
    if not found and (version, application) == (0, 0):
        return False
    if application != APPLICATION_ID:
        raise PermanentStoreError(
            f"{path} is a SQLite file of another program; nothing was changed"
        )
    if version != FORMAT:
        raise PermanentStoreError(
            f"{path} has format {version}, this version of Holdfast reads format {FORMAT}; "
            "nothing was changed, a newer version can open it"
        )
    for name, text in _OURS.items():
        if found.get(name) != text:
            raise PermanentStoreError(
                f"{path} is not laid out as a Holdfast store: {name} is missing or altered"
            )
    return True


def addition(connection: sqlite3.Connection) -> str | None:
    """Return the name of something in the file that Holdfast did not lay: a trigger, a view."""
    return min(_objects(connection).keys() - _OURS.keys(), default=None)


def lay(connection: sqlite3.Connection) -> None:
    """Lay the tables, within the caller's transaction."""
    for statement in _STATEMENTS:
        connection.execute(statement)
    connection.executemany(
        "INSERT INTO meta VALUES (?, ?)", [("store_id", new_id()), ("position", 0)]
    )
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def _objects(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the text of each object by its name, without the indexes that SQLite makes itself."""
    sql = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    return dict(connection.execute(sql).fetchall())
