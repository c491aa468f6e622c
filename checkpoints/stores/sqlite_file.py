"""A SQLite file of ours: opening it, its tables, its transactions, its errors."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from checkpoints.errors import PermanentStoreError, StoreError, TransientStoreError
from checkpoints.identifiers import new_id

FORMAT = 1
APPLICATION_ID = 0x486F6C64
BUSY_SECONDS = 10.0

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE checkpoints (
    id TEXT PRIMARY KEY, position INTEGER NOT NULL UNIQUE,
    agent_id TEXT NOT NULL, thread_id TEXT NOT NULL, record BLOB NOT NULL, body BLOB NOT NULL
);
CREATE INDEX checkpoints_by_thread ON checkpoints (thread_id, agent_id, position);
CREATE TABLE heads (
    agent_id TEXT NOT NULL, thread_id TEXT NOT NULL, position INTEGER NOT NULL,
    checkpoint_id TEXT NOT NULL, head BLOB NOT NULL, PRIMARY KEY (agent_id, thread_id)
);
CREATE INDEX heads_by_position ON heads (position);
CREATE TABLE pins (checkpoint_id TEXT PRIMARY KEY, reason TEXT NOT NULL, pinned_at TEXT NOT NULL);
CREATE TABLE trash (
    id TEXT PRIMARY KEY, position INTEGER NOT NULL, agent_id TEXT NOT NULL,
    thread_id TEXT NOT NULL, record BLOB NOT NULL, body BLOB NOT NULL,
    reason TEXT NOT NULL, removed_at TEXT NOT NULL
);
CREATE INDEX trash_by_position ON trash (position);
"""

_TRANSIENT = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_INTERRUPT}
_SENTENCES = {
    sqlite3.SQLITE_BUSY: "is locked by another process",
    sqlite3.SQLITE_LOCKED: "is locked by another connection",
    sqlite3.SQLITE_FULL: "could not grow: the disk is full; what was saved before is safe",
    sqlite3.SQLITE_READONLY: "may not be written to",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; does its folder exist and may you write there?",
    sqlite3.SQLITE_NOTADB: "is not a SQLite file",
    sqlite3.SQLITE_CORRUPT: "is damaged; copy it away and run `holdfast verify` on the copy",
}


class SqliteFile:
    """One connection to a store's file, shared by this process's threads under a lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Give the connection, or None as long as nothing was ever saved here."""
        with self._lock, self._translated():
            exists = self._connection is not None or self.path.exists()
            yield self._open() if exists else None

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection within one durable transaction; roll it back on any error."""
        with self._lock, self._translated():
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connection; the file is whole afterwards."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._connected()
        return self._connection

    def _connected(self) -> sqlite3.Connection:
        if self.path.is_dir():
            raise PermanentStoreError(f"{self.path} is a folder, not a SQLite file")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            self.path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        if version == 0:
            self._create(connection)
        elif application != APPLICATION_ID:
            raise PermanentStoreError(f"{self.path} is a SQLite file of another program")
        elif version > FORMAT:
            raise PermanentStoreError(
                f"{self.path} has format {version}, this version of Holdfast reads up to "
                f"{FORMAT}; nothing was changed, a newer version can open it"
            )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA trusted_schema = OFF")

    def _create(self, connection: sqlite3.Connection) -> None:
        """Lay the tables, unless another process is doing so or somebody else's lie here."""
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone() != (0,):
            connection.execute("ROLLBACK")
            return
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
            connection.execute("ROLLBACK")
            raise PermanentStoreError(
                f"{self.path} is a SQLite file of another program; nothing was changed"
            )
        for statement in SCHEMA.split(";"):
            connection.execute(statement)
        connection.executemany(
            "INSERT INTO meta VALUES (?, ?)", [("store_id", new_id()), ("position", 0)]
        )
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._explained(error) from error
        except OSError as error:
            message = f"{self.path}: {error.strerror}; nothing was saved"
            raise PermanentStoreError(message) from error

    def _explained(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        kind = TransientStoreError if code in _TRANSIENT else PermanentStoreError
        return kind(f"{self.path} {_SENTENCES.get(code, f'failed: {error}')}; nothing was changed")
