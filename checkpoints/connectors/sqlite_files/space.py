"""Giving back the space of deleted rows: a SQLite file never shrinks by itself."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import StoreError

_WORTH = 20
"""The file is written anew when at least one page in so many is free."""
_MOST = 512 * 1024 * 1024
"""Bytes to be written anew at most: agents cannot save meanwhile, and wait some seconds only."""


def taken(path: Path) -> int:
    """Return the bytes that a file and its log take."""
    return sum(part.stat().st_size for part in (path, _log(path)) if part.exists())


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def give_back(path: Path, *, always: bool = False, patience: float = 0.2) -> bool:
    """Write a file anew without its free pages; say whether nothing of them is left.

    While others hold the file this is left for later, and unless ``always`` also where it would
    not be worth while or take long. It never fails.
    """
    with contextlib.suppress(StoreError):
        database = Database(path, writable=True, patience=patience)
        try:
            if always or _is_worth_it(database):
                database.vacuum()
            [(busy, *_)] = database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
            return not busy
        finally:
            database.close()
    return False


def why_not_given_back(path: Path) -> str | None:
    """Say why a file and its log take more than they need; ``None`` where it is little."""
    with contextlib.suppress(StoreError):
        database = Database(path, patience=0.2)
        try:
            used = _pages(database).used * _pragma(database, "page_size")
        finally:
            database.close()
        whole = taken(path)
        spare = whole - used
        if spare * _WORTH < whole:
            return None
        if used > _MOST:
            return (
                f"{path.name} keeps {spare:,} bytes that are free: to write it anew would keep "
                "agents waiting for long; run VACUUM on it at a quiet time"
            )
        return (
            f"{path.name} keeps {spare:,} bytes that are free while another process holds it; "
            "the next prune gives them back"
        )
    return None


def free(database: Database) -> int:
    """Return the bytes of a file that hold nothing."""
    return _pages(database).free * _pragma(database, "page_size")


class _Pages(NamedTuple):
    free: int
    used: int

    @property
    def is_worth_it(self) -> bool:
        return self.free * _WORTH >= self.free + self.used


def _pages(database: Database) -> _Pages:
    free, pages = (_pragma(database, name) for name in ("freelist_count", "page_count"))
    return _Pages(free, pages - free)


def _is_worth_it(database: Database) -> bool:
    pages = _pages(database)
    return pages.is_worth_it and pages.used * _pragma(database, "page_size") <= _MOST


def _pragma(database: Database, name: str) -> int:
    return next(int(value) for (value,) in database.rows(f"PRAGMA {name}"))
