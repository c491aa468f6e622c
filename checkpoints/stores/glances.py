"""Cheap looks at what lies somewhere on disk: read only, bounded, and never an exception.

Nothing is waited for: a pipe, a device or the system's own files are not opened.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import sqlite3
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import quote

MAGIC = b"SQLite format 3\0"
GZIP = b"\x1f\x8b"
HEAD = 64 * 1024
NAMES = 1000
"""Names of a folder that are looked at; the first ones that the system gives."""
TABLES = 200
_STEPS = 100_000
"""Steps of SQLite for one look: a hostile schema could otherwise keep it busy for ever."""
_NOT_FILES = ("/proc", "/sys", "/dev")
_BUSY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Sqlite:
    """What a SQLite file says of itself: its program's number, and its tables with columns."""

    application_id: int
    tables: dict[str, frozenset[str]]


def is_of_system(path: Path) -> bool:
    """Say whether a path leads into the system's own folders, where reading can act or wait."""
    real = os.path.realpath(path)
    return any(real == folder or real.startswith(f"{folder}/") for folder in _NOT_FILES)


def is_folder(path: Path) -> bool:
    """Say whether a path leads to a folder; False for one that cannot be followed."""
    with contextlib.suppress(OSError, ValueError):
        return path.is_dir()
    return False


def is_there(path: Path) -> bool:
    """Say whether something lies at a path; False for one that cannot be followed."""
    with contextlib.suppress(OSError, ValueError):
        return path.exists()
    return False


def head(path: Path, size: int = HEAD) -> bytes:
    """Return the beginning of a regular file, unpacked if it is gzipped; nothing for all else."""
    with contextlib.suppress(OSError, EOFError, ValueError, zlib.error):
        if is_of_system(path):
            return b""
        with open(_descriptor(path), "rb") as file:
            begin = file.read(size)
            if not begin.startswith(GZIP):
                return begin
            file.seek(0)
            return gzip.GzipFile(fileobj=file).read(size)
    return b""


def names(folder: Path) -> list[str]:
    """Return names in a folder, in order and not more than a thousand; none if it is no folder."""
    with contextlib.suppress(OSError, ValueError):
        if not is_of_system(folder):
            with os.scandir(folder) as entries:
                return sorted(entry.name for entry in islice(entries, NAMES))
    return []


def sqlite(path: Path) -> Sqlite | None:
    """Return what a SQLite file holds, None for what is none or cannot be read now."""
    if not head(path, len(MAGIC)).startswith(MAGIC):
        return None
    uri = f"file:{quote(os.fsencode(path.absolute()))}?mode=ro"
    with (
        contextlib.suppress(sqlite3.Error, UnicodeDecodeError),
        contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS)) as connection,
    ):
        connection.set_progress_handler(lambda: 1, _STEPS)
        connection.execute("PRAGMA trusted_schema = OFF")
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        return Sqlite(application, dict(_tables(connection)))
    return None


def _tables(connection: sqlite3.Connection) -> Iterator[tuple[str, frozenset[str]]]:
    found = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%'"
        " ESCAPE '!' ORDER BY name LIMIT ?",
        (TABLES,),
    ).fetchall()
    for (name,) in found:
        columns = connection.execute("SELECT name FROM pragma_table_info(?)", (name,))
        yield str(name), frozenset(str(column) for (column,) in columns)


def _descriptor(path: Path) -> int:
    """Open a regular file without waiting. Raises OSError for all else."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError("it is no regular file")
