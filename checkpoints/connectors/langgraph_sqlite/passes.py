"""Going through a table of which some pages may be damaged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import PermanentStoreError

_PAGE = 500


class Failure(NamedTuple):
    """What SQLite said where it could not go on."""

    message: str


def rowids(database: Database, table: str) -> Iterator[int | Failure]:
    """Yield the numbers of a table's rows, ascending.

    Where SQLite cannot go on it yields a failure, and then what can be reached from the end,
    descending.
    """
    last = 0
    try:
        for last in _ascending(database, table):
            yield last
    except PermanentStoreError as error:
        yield Failure(f"the table {table} cannot be read behind row {last}: {error}")
        yield from _descending(database, table, last)


def _ascending(database: Database, table: str) -> Iterator[int]:
    sql = f"SELECT rowid FROM {table} NOT INDEXED WHERE rowid > ? ORDER BY rowid LIMIT {_PAGE}"
    last: int | None = -(2**63)
    while last is not None:
        start, last = last, None
        for (last,) in database.rows(sql, (start,)):
            yield last


def _descending(database: Database, table: str, first: int) -> Iterator[int]:
    sql = f"SELECT rowid FROM {table} NOT INDEXED WHERE rowid > ? ORDER BY rowid DESC"
    try:
        for (rowid,) in database.rows(sql, (first,)):
            yield rowid
    except PermanentStoreError:
        return
