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

FORMAT = 2
APPLICATION_ID = 0x486F6C64
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE threads (
    thread INTEGER PRIMARY KEY, agent_id TEXT NOT NULL, thread_id TEXT NOT NULL,
    position INTEGER NOT NULL, checkpoints INTEGER NOT NULL, head BLOB NOT NULL,
    UNIQUE (thread_id, agent_id)
);
CREATE TABLE checkpoints (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, thread INTEGER NOT NULL,
    base INTEGER, trashed INTEGER, record BLOB NOT NULL, frame BLOB NOT NULL
);
CREATE INDEX checkpoints_by_thread ON checkpoints (thread, position) WHERE trashed IS NULL;
CREATE INDEX checkpoints_by_base ON checkpoints (base) WHERE base IS NOT NULL;
CREATE INDEX checkpoints_in_trash ON checkpoints (trashed) WHERE trashed IS NOT NULL;
CREATE TABLE events (
    position INTEGER PRIMARY KEY, name TEXT NOT NULL, thread INTEGER NOT NULL,
    checkpoint_id TEXT, reason TEXT, at INTEGER NOT NULL
);
CREATE TABLE moves (operation_id TEXT PRIMARY KEY, thread INTEGER NOT NULL, head BLOB NOT NULL);
CREATE TABLE pins (
    checkpoint_id TEXT PRIMARY KEY, reason TEXT NOT NULL, pinned_at INTEGER NOT NULL
);
CREATE TABLE quarantine (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL, thread INTEGER NOT NULL, base INTEGER,
    record BLOB NOT NULL, frame BLOB NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL
);
CREATE TABLE entries (
    entry INTEGER PRIMARY KEY, agent_id TEXT NOT NULL, thread_id TEXT NOT NULL, kind TEXT NOT NULL,
    key TEXT NOT NULL, checkpoint_id TEXT, body BLOB NOT NULL,
    UNIQUE (thread_id, agent_id, kind, key)
);
CREATE INDEX entries_by_checkpoint ON entries (checkpoint_id) WHERE checkpoint_id IS NOT NULL;
CREATE TABLE quarantined_entries (
    entry INTEGER PRIMARY KEY, agent_id TEXT NOT NULL, thread_id TEXT NOT NULL, kind TEXT NOT NULL,
    key TEXT NOT NULL, checkpoint_id TEXT, body BLOB NOT NULL, reason TEXT NOT NULL,
    at INTEGER NOT NULL
);
"""
_STATEMENTS = [text.strip() for text in SCHEMA.split(";") if text.strip()]
_OURS = {re.split(r"\W+", text)[2]: text for text in _STATEMENTS}


class NotAsLaid(PermanentStoreError):
    """The file is another program's, or its tables are not as Holdfast lays them."""


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
        raise NotAsLaid(f"{path} is a SQLite file of another program; nothing was changed")
    if version != FORMAT:
        raise PermanentStoreError(
            f"{path} has format {version}, this version of Holdfast reads format {FORMAT}; "
            f"nothing was changed, {'a newer' if version > FORMAT else 'an older'} version can "
            "open it"
        )
    for name, text in _OURS.items():
        if found.get(name) != text:
            raise NotAsLaid(
                f"{path} is not laid out as a Holdfast store: {name} is missing or altered"
            )
    return True


def require_laid(connection: sqlite3.Connection, path: Path) -> None:
    """Raise PermanentStoreError unless the file holds a store of this version."""
    if not is_laid(connection, path):
        raise PermanentStoreError(f"{path} was emptied by another program; nothing was written")


def addition(connection: sqlite3.Connection) -> str | None:
    """Return the name of something in the file that Holdfast did not lay: a trigger, a view."""
    return min(_objects(connection).keys() - _OURS.keys(), default=None)


def lay(connection: sqlite3.Connection) -> None:
    """Lay the tables, within the caller's transaction."""
    for statement in _STATEMENTS:
        connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES ('store_id', ?)", (new_id(),))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def _objects(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the text of each object by its name, without the indexes that SQLite makes itself."""
    sql = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    return dict(connection.execute(sql).fetchall())
