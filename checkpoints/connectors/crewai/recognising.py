"""By what a store of CrewAI's is known on disk."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from checkpoints.connectors.crewai.names import is_id, parse_name
from checkpoints.connectors.crewai.sqlite import schema
from checkpoints.connectors.documents.folder import Folder
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import StoreError

_LEVELS = 4
_FIRST_FEW = 200


def recognise(path: Path) -> str | None:
    """Say by what a path is known for a store of CrewAI's, or return ``None``."""
    try:
        return _folder(path) if path.is_dir() else _file(path)
    except (StoreError, OSError):
        return None


def _folder(path: Path) -> str | None:
    entries = islice(Folder(path, depth=_LEVELS).entries(), _FIRST_FEW)
    names = (parse_name(entry.name) for entry in entries if "_p-" in entry.name)
    known = any(name is not None and is_id(name.id) for name in names)
    return "its files are named as CrewAI names checkpoints" if known else None


def _file(path: Path) -> str | None:
    database = Database(path)
    try:
        schema.inspect(database)
        return "its table is CrewAI's"
    finally:
        database.close()
