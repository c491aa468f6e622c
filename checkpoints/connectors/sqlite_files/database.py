"""Opening a SQLite file that somebody else writes, without trusting it and without changing it."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from checkpoints.errors import PermanentStoreError, TransientStoreError

SECONDS_BETWEEN_ROWS = 1.0
"""Processor time that SQLite may take for one row: damaged or hostile files can loop for ever."""

_BUSY_SECONDS = 5.0
_STEPS_BETWEEN_CHECKS = 10_000
_READING = ("query_only = ON",)
_WRITING = ("synchronous = FULL", "secure_delete = ON", "cache_size = -65536")
"""Deleted rows are overwritten; a cache of 64 MB lets a large copy go to the disk but once."""
_MAGIC = b"SQLite format 3\0"


class Database:
    """A connection with a time limit, whose errors say what is wrong with the file.

    ``patience`` is how many seconds it waits for others to let go of the file.
    """

    def __init__(
        self, path: Path, *, writable: bool = False, patience: float | None = None
    ) -> None:
        self.path = path
        self._begun: float | None = None
        self._seconds = SECONDS_BETWEEN_ROWS
        check_file(path)
        with self.explained():
            seconds = _BUSY_SECONDS if patience is None else patience
            self._connection = _connect(path, writable=writable, patience=seconds)
            self._connection.set_progress_handler(self._is_late, _STEPS_BETWEEN_CHECKS)

    def rows(
        self,
        sql: str,
        parameters: Sequence[Any] = (),
        *,
        seconds: float = SECONDS_BETWEEN_ROWS,
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query, each within some seconds of work. Raises StoreError."""
        with self.explained():
            self._restart_clock(seconds)
            for row in self._connection.execute(sql, parameters):
                yield row
                self._restart_clock(seconds)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement and return how many rows it changed. Raises StoreError."""
        with self.explained():
            self._restart_clock()
            return self._connection.execute(sql, parameters).rowcount

    def vacuum(self) -> None:
        """Write the file anew without what is free in it, however long it takes.

        Raises StoreError.
        """
        with self.explained():
            self._connection.set_progress_handler(None, 0)
            self._connection.execute("VACUUM")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads inside see the same state of the file."""
        self.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other writers out and commit at the end, or change nothing."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        with self.explained():
            self._connection.commit()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn SQLite's errors, and those of its file, into StoreErrors that name the file."""
        try:
            yield
        except sqlite3.Error as error:
            raise _explain(self.path, error) from error
        except UnicodeDecodeError as error:
            # Python could not read SQLite's own message, which quotes a damaged schema.
            raise PermanentStoreError(f"{self.path} is damaged: its schema is no text") from error
        except FileNotFoundError as error:
            raise PermanentStoreError(f"{self.path} does not exist any more") from error

    def _restart_clock(self, seconds: float = SECONDS_BETWEEN_ROWS) -> None:
        """Let the time of a row begin when SQLite first asks: most are there before it does."""
        self._begun, self._seconds = None, seconds

    def _is_late(self) -> bool:
        now = time.thread_time()
        self._begun = now if self._begun is None else self._begun
        return now - self._begun > self._seconds


def _connect(path: Path, *, writable: bool, patience: float) -> sqlite3.Connection:
    mode = "rw" if writable else "ro"
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    connection = sqlite3.connect(
        uri,
        uri=True,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.text_factory = _text
    pragmas = ("trusted_schema = OFF", "cell_size_check = ON")
    for pragma in (*pragmas, *(_WRITING if writable else _READING)):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def check_file(path: Path) -> None:
    """Raise PermanentStoreError when ``path`` cannot be a SQLite file, and say why."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise PermanentStoreError(f"{path} is a folder; name the SQLite file in it")
        if not stat.S_ISREG(mode):
            raise PermanentStoreError(f"{path} is not a regular file")
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except FileNotFoundError:
        raise PermanentStoreError(f"{path} does not exist") from None
    except OSError as error:
        raise PermanentStoreError(f"{path} cannot be read: {error.strerror}") from error
    if magic != _MAGIC:
        what = "is empty" if not magic else "is not a SQLite file"
        raise PermanentStoreError(f"{path} {what}")


def _explain(path: Path, error: sqlite3.Error) -> PermanentStoreError | TransientStoreError:
    extended = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    code = extended & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return TransientStoreError(f"{path} is locked by another process; try again")
    if code == sqlite3.SQLITE_INTERRUPT:
        return PermanentStoreError(f"{path} was given up: SQLite worked too long on one row of it")
    if extended == sqlite3.SQLITE_READONLY_ROLLBACK:
        return PermanentStoreError(
            f"{path} was left in the middle of a write by a crash; let the agent open it once, "
            "which brings it back, then try again"
        )
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
        return PermanentStoreError(_explain_access(path))
    if code == sqlite3.SQLITE_NOTADB:
        return PermanentStoreError(f"{path} is not a SQLite file, or it is encrypted")
    if code == sqlite3.SQLITE_CORRUPT:
        return PermanentStoreError(f"{path} is damaged: {error}; restore it from a backup")
    if code == sqlite3.SQLITE_FULL:
        return PermanentStoreError(f"{path} cannot grow: the disk is full; nothing was changed")
    return PermanentStoreError(f"{path} cannot be read: {error}")


def _explain_access(path: Path) -> str:
    if os.access(path.parent, os.W_OK):
        return f"{path} cannot be opened; check the permissions of it and of its -wal and -shm"
    return (
        f"{path} cannot be opened: its folder is read-only, and SQLite needs to keep "
        f"{path.name}-wal and {path.name}-shm beside it; allow writing in the folder, or copy "
        "the three files together"
    )
