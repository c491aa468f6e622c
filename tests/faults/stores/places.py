"""What may lie where a store is expected, and what lies there afterwards."""

from __future__ import annotations

import re
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

import orjson

NEWER = 97


def path_of(url: str) -> Path:
    """Return where a store lies."""
    return Path(unquote(urlsplit(url).path[1:]))


def everything_at(path: Path) -> dict[str, bytes]:
    """Return the bytes of a file or of all files of a folder, without locks."""
    paths = [path] if path.is_file() else sorted(path.rglob("*"))
    files = (file for file in paths if file.is_file() and file.name != ".lock")
    return {str(file): file.read_bytes() for file in files}


def letter(path: Path) -> None:
    """Lay a text file."""
    path.write_text("Dear reader,\n" * 400)


def folder_of_letters(path: Path) -> None:
    """Lay a folder with somebody's files."""
    path.mkdir()
    letter(path / "letter.txt")


def database_of_others(path: Path) -> None:
    """Lay another program's SQLite file."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE theirs (a)")
        db.commit()


FOREIGN: dict[str, Callable[[Path], None]] = {
    "a letter": letter,
    "a folder of letters": folder_of_letters,
    "a database": database_of_others,
}


def bump_format(url: str) -> None:
    """Mark a store as one of a newer format, as a newer version does that migrates it."""
    path = path_of(url)
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(path)) as db:
            db.execute(f"PRAGMA user_version = {NEWER}")
        return
    _replace_first_line(path / "journal.jsonl")


def _replace_first_line(journal: Path) -> None:
    first, _, rest = journal.read_bytes().partition(b"\n")
    text = orjson.dumps({**orjson.loads(re.sub(rb"^\w+ ", b"", first)), "format": NEWER})
    migrated = journal.with_name("journal.migrated")
    migrated.write_bytes(b"%08x %s\n" % (zlib.crc32(text), text) + rest)
    migrated.replace(journal)
