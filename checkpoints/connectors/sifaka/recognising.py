"""By what a store of Sifaka's is known on disk."""

from __future__ import annotations

import re
from pathlib import Path

from checkpoints.stores import glances

_LOOK = 8 * 1024
_FILES = 50
_KEY = re.compile(rb'\s*\{\s*"checkpoint:[^"]{1,400}"\s*:')
_LINE = (b'"checkpoint_id"', b'"chain_id"', b'"current_step"')


def recognise(path: Path) -> str | None:
    """Say by what a path is known for a store of Sifaka's, or return ``None``."""
    if not glances.is_folder(path):
        return _by_content(path)
    inside = [name for name in glances.names(path) if name.endswith((".json", ".jsonl"))]
    return next((why for name in inside[:_FILES] if (why := _by_content(path / name))), None)


def _by_content(path: Path) -> str | None:
    if path.is_symlink() or not path.name.endswith((".json", ".jsonl")):
        return None
    begin = glances.head(path, _LOOK)
    if path.name.endswith(".json") and _KEY.match(begin):
        return "its keys are those of Sifaka's chains"
    first = begin.split(b"\n", 1)[0]
    if path.name.endswith(".jsonl") and first.startswith(b"{") and _fits(begin):
        return "its lines are checkpoints of Sifaka's chains"
    return None


def _fits(begin: bytes) -> bool:
    return all(name in begin for name in _LINE)
