"""By what a store of CrewAI's is known on disk."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

from checkpoints.connectors.crewai.names import is_id, parse_name
from checkpoints.connectors.crewai.sqlite import schema
from checkpoints.connectors.documents.folder import Entry, Folder
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import StoreError

_LEVELS = 4
_FIRST_FEW = 200
_LOOK = 64 * 1024
_BRANCH = re.compile(rb'"branch"\s*:\s*"([^"]{0,400})"')


def recognise(path: Path) -> str | None:
    """Say by what a path is known for a store of CrewAI's, or return ``None``."""
    try:
        return _folder(path) if path.is_dir() else _file(path)
    except (StoreError, OSError):
        return None


def _folder(path: Path) -> str | None:
    folder = Folder(path, depth=_LEVELS)
    named = (entry for entry in islice(folder.entries(), _FIRST_FEW) if _is_named(entry))
    entry = next(named, None)
    if entry is None or not _is_in_its_branch(entry, folder.read(entry, _LOOK)):
        return None
    return "its files are named as CrewAI names checkpoints"


def _is_named(entry: Entry) -> bool:
    name = parse_name(entry.name)
    return "_p-" in entry.name and name is not None and is_id(name.id)


def _is_in_its_branch(entry: Entry, content: bytes) -> bool:
    """Say whether a file's folders are its branch: else the store lies further down."""
    found = _BRANCH.search(content)
    return found is None or found[1].decode("utf-8", "replace") == entry.subfolder


def _file(path: Path) -> str | None:
    database = Database(path)
    try:
        schema.inspect(database)
        return "its table is CrewAI's"
    finally:
        database.close()
