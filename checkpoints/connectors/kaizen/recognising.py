"""By what a folder is known as Kaizen's."""

from __future__ import annotations

import re
from pathlib import Path

from checkpoints.connectors.kaizen.names import FileName, Layout, parse_name
from checkpoints.stores import glances

FILES = 20
"""Checkpoint files that are looked into before a folder is given up."""
_FIELDS = ("agent_id", "step_number", "conversation_history", "budget_spent_usd")
_OF_CYCLES = ("cycle", "state")
_ID = re.compile(r"ckpt_[0-9a-f]{12}")


def recognise(path: Path) -> str | None:
    """Say by what a folder is known as one of Kaizen's FilesystemStorage."""
    if not path.is_dir() or (path / "journal.jsonl").is_file():
        return None
    folders = [path, *(path / name for name in glances.names(path)[:FILES])]
    found = [file for folder in folders for file in _files(folder)]
    for file, name in found[:FILES]:
        if because := _known(file, name):
            return because
    return None


def _files(folder: Path) -> list[tuple[Path, FileName]]:
    parsed = ((folder / name, parse_name(name)) for name in glances.names(folder)[: FILES * 2])
    return [(path, name) for path, name in parsed if name is not None]


def _known(path: Path, name: FileName) -> str | None:
    if name.is_encrypted:
        return "its files are named as Kaizen's encrypted ones" if _ID.match(name.stem) else None
    begin = glances.head(path)
    if name.layout is Layout.CYCLE:
        return "its files hold Kaizen's cycles" if _has(begin, _OF_CYCLES) else None
    return "its files hold states of Kaizen's agents" if _has(begin, _FIELDS) else None


def _has(begin: bytes, fields: tuple[str, ...]) -> bool:
    return begin.lstrip().startswith(b"{") and all(f'"{f}"'.encode() in begin for f in fields)
