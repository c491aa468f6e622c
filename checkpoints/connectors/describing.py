"""What lies at a path where no store is known, in words for whoever gave the path."""

from __future__ import annotations

import os
import stat
from collections import Counter
from difflib import get_close_matches
from pathlib import Path

from checkpoints.presentation import one_line
from checkpoints.stores import glances

SHOWN = 6
NOTHING = "nothing lies there"
_ALIKE = 0.7
"""How alike a name must be to one that does not exist, from 0 to 1, to be what was meant."""
_OTHER = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def what_lies_at(path: Path) -> str:
    """Say what is there: nothing, a folder with so many files of a kind, tables, something else."""
    try:
        found = path.stat()
    except PermissionError:
        return "this process may not look there"
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        return NOTHING if missing else f"it cannot be followed ({_why(error)})"
    if glances.is_of_system(path):
        return "it belongs to the operating system"
    if stat.S_ISDIR(found.st_mode):
        return _folder(path)
    if not stat.S_ISREG(found.st_mode):
        return f"it is {_OTHER.get(stat.S_IFMT(found.st_mode), 'no file or folder')}"
    return _file(path, found.st_size)


def what_is_meant(path: Path) -> str:
    """Return a sentence on what a path at which nothing lies may have meant, or an empty text."""
    if not path.is_absolute():
        return f"A path that does not begin with / is looked for in {Path.cwd()}. "
    near = get_close_matches(path.name, glances.names(path.parent), n=1, cutoff=_ALIKE)
    if near:
        return f"Did you mean {one_line(near[0])}, which lies beside it? "
    there = next((one for one in path.parents if glances.is_there(one)), path)
    if there == path.parent:
        return ""
    return f"There is only {one_line(str(there))}. "


def _file(path: Path, size: int) -> str:
    if not os.access(path, os.R_OK):
        return "it is a file that this process may not read"
    if not size:
        return "it is an empty file"
    begin = glances.head(path, len(glances.MAGIC))
    if not begin.startswith(glances.MAGIC):
        return f"it is a file of {size:,} bytes that is no SQLite file"
    found = glances.sqlite(path)
    if found is None:
        return "it is a SQLite file that cannot be read now: damaged, or locked by another program"
    if not found.tables:
        return "it is a SQLite file without tables"
    return f"it is a SQLite file with the tables {_listed(list(found.tables))}"


def _folder(path: Path) -> str:
    if not os.access(path, os.R_OK | os.X_OK):
        return "it is a folder that this process may not look into"
    names = glances.names(path)
    if not names:
        return "it is an empty folder"
    more = "at least " if len(names) == glances.NAMES else ""
    counted = Counter(_kind(name) for name in names).most_common(SHOWN)
    said = ", ".join(f"{number} {kind}" for kind, number in counted)
    return f"it is a folder with {more}{said}"


def _kind(name: str) -> str:
    suffixes = Path(name).suffixes[-2:]
    kept = suffixes if suffixes[1:] in ([".gz"], [".zst"]) else suffixes[-1:]
    text = _plain("".join(kept))
    return f"*{text}" if text and text.isascii() and len(text) <= 20 else "without a suffix"


def _listed(names: list[str]) -> str:
    shown = ", ".join(_plain(name)[:60] for name in names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown


def _plain(text: str) -> str:
    return one_line(text.encode("utf-8", "replace").decode())


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
