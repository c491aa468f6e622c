"""A SQLite file of ours: opening it, its tables, its transactions, its errors."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, overload

from checkpoints.errors import PermanentStoreError, StoreError, TransientStoreError
from checkpoints.forks import renew_in_children
from checkpoints.identifiers import new_id

FORMAT = 1
APPLICATION_ID = 0x486F6C64
BUSY_SECONDS = 10.0

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

_of_parents: list[sqlite3.Connection] = []
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
        renew_in_children(self)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Give the connection within one snapshot, or None while nothing was ever saved here."""
        with self._lock, self._translated():
            connection = self._open(create=False)
            if connection is None:
                yield None
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection within one durable transaction; roll it back on any error."""
        with self._lock, self._translated():
            connection = self._open(create=True)
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

    def after_fork(self) -> None:
        """Connect anew; the parent's connection is put aside, for SQLite forbids to close it."""
        self._lock = threading.RLock()
        if self._connection is not None:
            _of_parents.append(self._connection)
            self._connection = None

    @overload
    def _open(self, *, create: Literal[True]) -> sqlite3.Connection: ...

    @overload
    def _open(self, *, create: Literal[False]) -> sqlite3.Connection | None: ...

    def _open(self, *, create: bool) -> sqlite3.Connection | None:
        if self._connection is None:
            self._connection = self._connected(create=create)
        return self._connection

    def _connected(self, *, create: bool) -> sqlite3.Connection | None:
        """Connect, and lay the tables in a new file when that is asked for."""
        if self.path.is_dir():
            raise PermanentStoreError(f"{self.path} is a folder, not a SQLite file")
        if not create and (not self.path.exists() or self.path.stat().st_size == 0):
            return None
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
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
        self._refuse_foreign(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone() == (0,):
            self._refuse_foreign(connection)
            self._lay_tables(connection)
        connection.execute("COMMIT")

    def _refuse_foreign(self, connection: sqlite3.Connection) -> None:
        (ours,) = connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE name = 'checkpoints_by_thread'"
        ).fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and not ours:
            raise PermanentStoreError(
                f"{self.path} is a SQLite file of another program; nothing was changed"
            )

    def _lay_tables(self, connection: sqlite3.Connection) -> None:
        for statement in SCHEMA.split(";"):
            connection.execute(statement)
        connection.executemany(
            "INSERT INTO meta VALUES (?, ?)", [("store_id", new_id()), ("position", 0)]
        )
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")

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
        if code == sqlite3.SQLITE_IOERR:
            self.close()
        kind = TransientStoreError if code in _TRANSIENT else PermanentStoreError
        return kind(
            f"{self.path} {_SENTENCES.get(code, f'failed: {error}')}; nothing was acknowledged"
        )
