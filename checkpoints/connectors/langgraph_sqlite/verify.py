"""Reading every row of a file and naming what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from checkpoints.connectors.langgraph import checks
from checkpoints.connectors.langgraph.lineages import Lineages
from checkpoints.connectors.langgraph.rows import CheckpointRow, Key, text_of
from checkpoints.connectors.langgraph_sqlite.passes import Failure, rowids
from checkpoints.connectors.langgraph_sqlite.rows import Rows
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import PermanentStoreError
from checkpoints.records import Finding

_BYTES_PER_SECOND = 16 * 1024 * 1024
_SAME_KEY = (
    "SELECT 1 FROM checkpoints WHERE thread_id IN (?, ?) AND checkpoint_ns IN (?, ?)"
    " AND checkpoint_id IN (?, ?) AND rowid < ? LIMIT 1"
)
_TYPE = "SELECT thread_id, checkpoint_ns, checkpoint_id, type FROM checkpoints WHERE rowid = ?"
_WRITTEN = "SELECT DISTINCT thread_id, checkpoint_ns, checkpoint_id FROM writes"
_PRESENT = (
    "SELECT 1 FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?"
)


def verify(rows: Rows, now: datetime) -> Iterator[Finding]:
    """Yield what is wrong with the file, with each checkpoint and between them.

    One row is held in memory at a time. A row that cannot be read is named, and those after it
    are read all the same.
    """
    before = _identity(rows.database)
    yield from _pages(rows.database)
    yield from _Reading(rows, now).findings()
    yield from _orphans(rows.database)
    if _identity(rows.database) != before:
        message = f"{rows.database.path} was replaced or removed while it was read"
        yield Finding(kind="replaced", message=message)


def _identity(database: Database) -> tuple[int, int] | None:
    with suppress(OSError):
        status = database.path.stat()
        return status.st_dev, status.st_ino
    return None


def _pages(database: Database) -> Iterator[Finding]:
    with suppress(OSError):
        seconds = 1 + database.path.stat().st_size / _BYTES_PER_SECOND
        try:
            for (message,) in database.rows("PRAGMA quick_check(20)", seconds=seconds):
                if message != "ok":
                    yield _damaged(f"SQLite reports: {message}")
        except PermanentStoreError as error:
            yield _damaged(str(error))


class _Reading:
    """Reads the checkpoints of a file through, in the order in which they were written."""

    def __init__(self, rows: Rows, now: datetime) -> None:
        self._rows = rows
        self._now = now
        self._lineages = Lineages(rows.checkpoint)
        self._first_encrypted: int | None = None

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong with each checkpoint."""
        for rowid in rowids(self._rows.database, "checkpoints"):
            if isinstance(rowid, Failure):
                yield _damaged(rowid.message)
                continue
            try:
                for row in self._rows.checkpoints("rowid = ?", (rowid,)):
                    yield from self._of_row(row)
            except PermanentStoreError as error:
                yield _damaged(f"row {rowid} of checkpoints: {error}")
        yield from self._plain_before()

    def _of_row(self, row: CheckpointRow) -> Iterator[Finding]:
        body, found = checks.read(row)
        yield from found
        yield from checks.of_time(row.key, self._now)
        yield from self._twice(row)
        yield from self._encryption(row)
        yield from self._lineages.findings(row, body)
        yield from self._writes(row)

    def _twice(self, row: CheckpointRow) -> Iterator[Finding]:
        """Yield a finding where the same name lies there as text and as bytes, or without a key."""
        key = row.key
        names = (key.thread_id, key.namespace, key.checkpoint_id)
        as_stored = [form for name in names for form in (name, name.encode("utf-8", "replace"))]
        if any(self._rows.database.rows(_SAME_KEY, (*as_stored, row.rowid))):
            message = "another row of the same thread and namespace has its id; one is never loaded"
            yield checks.finding("duplicate_id", message, key)

    def _encryption(self, row: CheckpointRow) -> Iterator[Finding]:
        if checks.is_encrypted(row.type):
            if self._first_encrypted is None:
                self._first_encrypted = row.rowid
        elif self._first_encrypted is not None and checks.is_plain(row.type):
            yield checks.plaintext(row.key)

    def _plain_before(self) -> Iterator[Finding]:
        """Yield what was stored plain before the first one was encrypted."""
        if self._first_encrypted is None:
            return
        database = self._rows.database
        for rowid in rowids(database, "checkpoints"):
            if isinstance(rowid, Failure) or rowid >= self._first_encrypted:
                return
            with suppress(PermanentStoreError):
                for *names, kind in database.rows(_TYPE, (rowid,)):
                    if checks.is_plain(kind):
                        yield checks.plaintext(Key(*map(text_of, names)))

    def _writes(self, row: CheckpointRow) -> Iterator[Finding]:
        for write in self._rows.writes(row.key):
            yield from checks.of_write(write, self._rows.write_value(write))
            if checks.is_encrypted(row.type) and checks.is_plain(write.type):
                what = f"what a task wrote to {write.channel} is"
                yield checks.plaintext(row.key, what)


def _orphans(database: Database) -> Iterator[Finding]:
    try:
        for names in database.rows(_WRITTEN):
            if not any(database.rows(_PRESENT, names)):
                key = Key(*map(text_of, names))
                message = f"writes remain of the checkpoint {key.checkpoint_id}, which is gone"
                yield checks.finding("orphaned_writes", message, key)
    except PermanentStoreError as error:
        yield _damaged(f"the writes: {error}")


def _damaged(message: str) -> Finding:
    return Finding(kind="damaged_file", message=message)
