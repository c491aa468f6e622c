"""A SQLite file of ours: opening it, its transactions, its errors."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, overload
from urllib.parse import quote

from checkpoints.errors import PermanentStoreError, StoreError, TransientStoreError
from checkpoints.forks import renew_in_children
from checkpoints.stores.sqlite_schema import addition, is_laid, lay

BUSY_SECONDS = 10.0
WORK_SECONDS = 20.0
"""Processor time after which one transaction is given up: a damaged file may lead in circles."""
_STEPS_BETWEEN_LOOKS = 100_000

_of_parents: list[sqlite3.Connection] = []
_TRANSIENT = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SENTENCES = {
    sqlite3.SQLITE_BUSY: "is locked by another process",
    sqlite3.SQLITE_LOCKED: "is locked by another connection",
    sqlite3.SQLITE_FULL: "could not grow: the disk is full; what was saved before is safe",
    sqlite3.SQLITE_READONLY: "may not be written to",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; does its folder exist and may you write there?",
    sqlite3.SQLITE_NOTADB: "is not a SQLite file",
    sqlite3.SQLITE_CORRUPT: "is damaged; copy it away and run `holdfast verify` on the copy",
    sqlite3.SQLITE_INTERRUPT: "was given up: SQLite worked on it for too long",
}


class SqliteFile:
    """One connection to a store's file, shared by this process's threads under a lock.

    It can only read until something is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._writable = False
        self._deadline = 0.0
        renew_in_children(self)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Give the connection within one snapshot, or None while nothing was ever saved here."""
        with self._lock, self._translated():
            connection = self._open(writable=False)
            if connection is None:
                yield None
                return
            self._start_clock()
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection within one durable transaction; roll it back on any error.

        Raises PermanentStoreError when the file holds triggers or anything else that is not ours.
        """
        with self._lock, self._translated():
            connection = self._open(writable=True)
            self._start_clock()
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._refuse_addition(connection)
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
    def _open(self, *, writable: Literal[True]) -> sqlite3.Connection: ...

    @overload
    def _open(self, *, writable: Literal[False]) -> sqlite3.Connection | None: ...

    def _open(self, *, writable: bool) -> sqlite3.Connection | None:
        if writable and not self._writable:
            self.close()
        if self._connection is None:
            self._connection = self._writer() if writable else self._reader()
            self._writable = writable
        return self._connection

    def _reader(self) -> sqlite3.Connection | None:
        if not self._exists() or self.path.stat().st_size == 0:
            return None
        return self._connected("ro", create=False)

    def _writer(self) -> sqlite3.Connection:
        self._exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = self._connected("rwc", create=True)
        if connection is None:
            raise PermanentStoreError(f"{self.path} vanished while it was opened")
        return connection

    def _exists(self) -> bool:
        """Say whether there is a file. Raises PermanentStoreError when it is no regular one."""
        if not self.path.exists():
            return False
        mode = self.path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise PermanentStoreError(f"{self.path} is a folder, not a SQLite file")
        if not stat.S_ISREG(mode):
            raise PermanentStoreError(f"{self.path} is not a regular file")
        return True

    def _connected(self, mode: str, *, create: bool) -> sqlite3.Connection | None:
        """Connect, and lay the tables in an empty file when that is asked for."""
        connection = sqlite3.connect(
            f"file:{quote(str(self.path))}?mode={mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            self._configure(connection, reading=not create)
            laid = is_laid(connection, self.path)
            if not laid and create:
                self._create(connection)
        except BaseException:
            connection.close()
            raise
        if laid or create:
            return connection
        connection.close()
        return None

    def _configure(self, connection: sqlite3.Connection, *, reading: bool) -> None:
        connection.text_factory = _text
        connection.set_progress_handler(self._is_late, _STEPS_BETWEEN_LOOKS)
        self._start_clock()
        setting = "query_only = ON" if reading else "synchronous = FULL"
        for pragma in ("trusted_schema = OFF", "cell_size_check = ON", setting):
            connection.execute(f"PRAGMA {pragma}")

    def _create(self, connection: sqlite3.Connection) -> None:
        """Lay the tables, unless another process is just doing so."""
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        if not is_laid(connection, self.path):
            lay(connection)
        connection.execute("COMMIT")

    def _refuse_addition(self, connection: sqlite3.Connection) -> None:
        added = addition(connection)
        if added is not None:
            raise PermanentStoreError(
                f"{self.path} holds {added!r}, which Holdfast did not lay; what is in such a file "
                "can be read, nothing is written to it"
            )

    def _start_clock(self) -> None:
        self._deadline = time.thread_time() + WORK_SECONDS

    def _is_late(self) -> bool:
        return time.thread_time() > self._deadline

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._explained(error) from error
        except UnicodeDecodeError as error:
            raise PermanentStoreError(f"{self.path} is damaged: its schema is no text") from error
        except OSError as error:
            message = f"{self.path}: {error.strerror}; nothing was saved"
            raise PermanentStoreError(message) from error

    def _explained(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_IOERR:
            self.close()
        kind = TransientStoreError if code in _TRANSIENT else PermanentStoreError
        what = _SENTENCES.get(code, f"failed: {error}")
        return kind(f"{self.path} {what}; nothing was acknowledged")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
