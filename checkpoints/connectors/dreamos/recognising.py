"""By what a folder is known as one that DreamOS agents save into."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from checkpoints.connectors.dreamos.names import checkpoints_in, is_checkpoint
from checkpoints.stores import glances

FILES = 20
"""Files that are looked into before a folder is given up."""
_FIELDS = (b'"agent_id"', b'"checkpoint_type"')


def recognise(path: Path) -> str | None:
    """Say by what a folder is known as one of DreamOS's checkpoints, or as a project with one."""
    folder = _checkpoints_in(path)
    documents = (folder / name for name in glances.names(folder) if is_checkpoint(name))
    for document in islice(documents, FILES):
        if all(field in glances.head(document) for field in _FIELDS):
            return "its files are named and written as DreamOS's checkpoints"
    return None


def _checkpoints_in(path: Path) -> Path:
    try:
        return checkpoints_in(path)
    except (OSError, ValueError):
        return path
