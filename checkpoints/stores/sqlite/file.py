"""A SQLite file of ours: opening it, its transactions, its errors."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, overload
from urllib.parse import quote

from checkpoints.bodies.files import publish, sync_folder
from checkpoints.errors import PermanentStoreError, StoreError, TransientStoreError
from checkpoints.forks import renew_in_children
from checkpoints.identifiers import new_id
from checkpoints.stores.sqlite.schema import addition, is_laid, lay, require_laid

BUSY_SECONDS = 10.0
WORK_SECONDS = 20.0
"""Processor time after which one statement is given up: a damaged file may lead in circles."""
WORK_BYTES = 20e6
"""Bytes of a file that give a statement one second more, for some look at all of it."""
_STEPS_BETWEEN_LOOKS = 100_000

_of_parents: list[sqlite3.Connection] = []
_SENTENCES = {
    sqlite3.SQLITE_BUSY: "is locked by another process",
    sqlite3.SQLITE_LOCKED: "is locked by another connection",
    sqlite3.SQLITE_FULL: "could not grow: the disk is full; what was saved before is safe",
    sqlite3.SQLITE_READONLY: "may not be written to",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; does its folder exist and may you write there?",
    sqlite3.SQLITE_NOTADB: "is not a SQLite file, or its beginning is damaged",
    sqlite3.SQLITE_CORRUPT: "is damaged; stop its agents, `holdfast repair` saves what is whole",
    sqlite3.SQLITE_INTERRUPT: "was given up: SQLite worked on it for too long",
}


class DamagedFile(PermanentStoreError):
    """SQLite cannot make sense of the file."""


_KINDS: dict[int, type[StoreError]] = {
    sqlite3.SQLITE_BUSY: TransientStoreError,
    sqlite3.SQLITE_LOCKED: TransientStoreError,
    sqlite3.SQLITE_NOTADB: DamagedFile,
    sqlite3.SQLITE_CORRUPT: DamagedFile,
}


class Connection(sqlite3.Connection):
    """A connection that gives up a statement on which it has worked for too long.

    ``patience`` is what a statement may take, in seconds of processor time.
    """

    patience = 0.0
    _deadline = 0.0

    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        """Run one statement."""
        self._deadline = time.thread_time() + self.patience
        return super().execute(sql, values)

    def is_late(self) -> bool:
        """Say whether the present statement has had its time."""
        return time.thread_time() > self._deadline


class SqliteFile:
    """One connection to a store's file, shared by this process's threads under a lock.

    It can only read until something is written. ``generation`` grows whenever a transaction
    finds that another connection has written since the one before.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._writable = False
        self._inspected: tuple[tuple[int, ...], str | None] | None = None
        self._data_version: int | None = None
        self._identity: tuple[int, int] | None = None
        self._replaced = False
        self.generation = 0
        renew_in_children(self)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """Give the connection within one snapshot, or None while nothing was ever saved here."""
        with self._lock, self._translated():
            connection = self._open(writable=False)
            if connection is None:
                yield None
                return
            try:
                _begin(connection, "BEGIN")
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the connection within one durable transaction; roll it back on any error.

        Raises PermanentStoreError when the file holds triggers or anything else that is not ours.
        """
        with self._lock, self._translated():
            self._refuse_another()
            connection = self._open(writable=True)
            try:
                _begin(connection, "BEGIN IMMEDIATE")
                self._look_around(connection)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Keep this process's threads away from the file, and the connection closed."""
        with self._lock:
            self.close()
            yield

    def close(self) -> None:
        """Close the connection; the file is whole afterwards."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
                self._inspected = self._data_version = self._identity = None

    def after_fork(self) -> None:
        """Connect anew; the parent's connection is put aside, for SQLite forbids to close it."""
        self._lock = threading.RLock()
        self._data_version = None
        if self._connection is not None:
            _of_parents.append(self._connection)
            self._connection = None

    @overload
    def _open(self, *, writable: Literal[True]) -> Connection: ...

    @overload
    def _open(self, *, writable: Literal[False]) -> Connection | None: ...

    def _open(self, *, writable: bool) -> Connection | None:
        if writable and not self._writable:
            self.close()
        if self._connection is None:
            self._connection = self._writer() if writable else self._reader()
            self._writable = writable
        return self._connection

    def _reader(self) -> Connection | None:
        if not self._exists() or self.path.stat().st_size == 0:
            return None
        try:
            return self._connected("ro", create=False)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_CANTOPEN or not self._cannot_change():
                raise
            return self._connected("ro&immutable=1", create=False)

    def _cannot_change(self) -> bool:
        """Say whether the file lies, whole, on a disk that nobody can write to.

        There SQLite finds no room for the index of its log and needs none.
        """
        read_only = bool(os.statvfs(self.path).f_flag & os.ST_RDONLY)
        return read_only and not self.path.with_name(f"{self.path.name}-wal").exists()

    def log_size(self) -> int:
        """Return the bytes of the log that lies beside the file."""
        log = self.path.with_name(f"{self.path.name}-wal")
        try:
            return log.stat().st_size
        except OSError:
            return 0

    def _writer(self) -> Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self._exists():
            self._lay_aside()
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

    def _connected(self, mode: str, *, create: bool) -> Connection | None:
        """Connect, and lay the tables in an empty file when that is asked for."""
        connection = sqlite3.connect(
            f"file:{quote(str(self.path))}?mode={mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            factory=Connection,
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

    def empty_log(self) -> None:
        """Bring everything that the write-ahead log holds into the file itself, and close it.

        Raises sqlite3.Error when that fails: closing alone would not tell.
        """
        with self._lock:
            self._open(writable=True).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self.close()

    def _lay_aside(self) -> None:
        """Make the file under another name and give it its own once it is whole.

        A file whose making was broken off would need to be mended before it could be read.
        """
        aside = SqliteFile(self.path.with_name(f".{self.path.name}.{new_id()}.tmp"))
        try:
            aside.path.touch(exist_ok=False)
            aside.empty_log()
            publish(aside.path, self.path)
            sync_folder(self.path.parent)
        finally:
            aside.close()
            for ending in ("", "-journal", "-wal", "-shm"):
                Path(f"{aside.path}{ending}").unlink(missing_ok=True)

    def _configure(self, connection: Connection, *, reading: bool) -> None:
        connection.text_factory = _text
        found = self.path.stat()
        self._identity = found.st_dev, found.st_ino
        connection.patience = WORK_SECONDS + found.st_size / WORK_BYTES
        connection.set_progress_handler(connection.is_late, _STEPS_BETWEEN_LOOKS)
        setting = "query_only = ON" if reading else "synchronous = FULL"
        for pragma in ("trusted_schema = OFF", "cell_size_check = ON", setting):
            connection.execute(f"PRAGMA {pragma}")

    def _create(self, connection: sqlite3.Connection) -> None:
        """Lay the tables, unless another process is just doing so."""
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        if not is_laid(connection, self.path):
            lay(connection)
        connection.execute("COMMIT")

    @contextlib.contextmanager
    def inspecting(self) -> Iterator[Connection | None]:
        """Read on a connection of its own, so that a long look keeps nobody from saving."""
        beside = SqliteFile(self.path)
        try:
            with beside.reading() as connection:
                yield connection
        finally:
            beside.close()

    def addition(self) -> str | None:
        """Return the name of something in the file that Holdfast did not lay, if there is any."""
        with self.reading() as connection:
            return self._addition(connection) if connection else None

    def _addition(self, connection: sqlite3.Connection) -> str | None:
        """Look again only after somebody changed the schema or the format."""
        versions = tuple(
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("schema_version", "user_version")
        )
        if self._inspected is None or self._inspected[0] != versions:
            require_laid(connection, self.path)
            self._inspected = versions, addition(connection)
        return self._inspected[1]

    def _refuse_another(self) -> None:
        """Raise when another file has come under this name: what is remembered is not of that."""
        if self._connection is not None and not self._replaced:
            try:
                found = self.path.stat()
            except FileNotFoundError:
                self._replaced = True
            else:
                self._replaced = (found.st_dev, found.st_ino) != self._identity
        if self._replaced:
            raise PermanentStoreError(
                f"{self.path} was replaced or removed since it was opened; nothing was saved. Open "
                "the store anew"
            )

    def _look_around(self, connection: sqlite3.Connection) -> None:
        """Where another connection has written since the last time, look at the schema again."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version != self._data_version:
            self._refuse_addition(connection)
            self._data_version = version
            self.generation += 1

    def _refuse_addition(self, connection: sqlite3.Connection) -> None:
        added = self._addition(connection)
        if added is not None:
            raise PermanentStoreError(
                f"{self.path} holds {added!r}, which Holdfast did not lay; what is in such a file "
                "can be read, nothing is written to it"
            )

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._explained(error) from error
        except UnicodeDecodeError as error:
            raise DamagedFile(f"{self.path} is damaged: its schema is no text") from error
        except OSError as error:
            message = f"{self.path}: {error.strerror}; nothing was saved"
            raise PermanentStoreError(message) from error

    def _explained(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_IOERR:
            self.close()
        kind = _KINDS.get(code, PermanentStoreError)
        what = _SENTENCES.get(code, f"failed: {error}")
        return kind(f"{self.path} {what}; nothing was acknowledged")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _begin(connection: Connection, statement: str) -> None:
    """Begin, after whatever a second interrupt kept from being rolled back."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    connection.execute(statement)
