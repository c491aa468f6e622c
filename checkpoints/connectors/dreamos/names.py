"""What the names of DreamOS's files say: whose a checkpoint is, its second and its type.

Agents and types may hold underscores, so a name is only a hint until the file says whose it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from checkpoints.connectors.documents.publishing import TEMPORARY_SUFFIX

SUFFIX: Final = ".checkpoint"
ROUTINE: Final = "routine"
_WITHIN = (
    ("runtime", "agent_comms", "checkpoints"),
    ("agent_comms", "checkpoints"),
    ("checkpoints",),
)
_NAME = re.compile(r"(?P<agent>.+)_(?P<second>[0-9]{14})_(?P<type>.+)", re.DOTALL)
_BEHIND = re.compile(r"_(?P<second>[0-9]{14})_(?P<type>.+)", re.DOTALL)
_SECOND = "%Y%m%d%H%M%S"
_LEFT = re.compile(r"tmp[a-z0-9_]{5,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileName:
    """A checkpoint file's name taken apart."""

    agent_id: str
    second: datetime
    type: str


def parse_stem(stem: str, agent_id: str | None = None) -> FileName | None:
    """Take a name apart, as one of this agent's if it can be; ``None`` when it is none."""
    if agent_id is not None and stem.startswith(agent_id):
        found = _BEHIND.fullmatch(stem, len(agent_id))
        second = _second_of(found["second"]) if found else None
        if found and second:
            return FileName(agent_id=agent_id, second=second, type=found["type"])
    found = _NAME.fullmatch(stem)
    second = _second_of(found["second"]) if found else None
    if found is None or second is None:
        return None
    return FileName(agent_id=found["agent"], second=second, type=found["type"])


def stem_of(agent_id: str, second: datetime, kind: str = ROUTINE) -> str:
    """Name a checkpoint as DreamOS names its own."""
    return f"{agent_id}_{second.astimezone(UTC).strftime(_SECOND)}_{kind}"


def is_checkpoint(name: str) -> bool:
    """Say whether a file of this name holds a checkpoint."""
    return name.endswith(SUFFIX) and parse_stem(name.removesuffix(SUFFIX)) is not None


def is_leftover(name: str) -> bool:
    """Say whether a file is a copy or a part of a checkpoint that a save left behind."""
    return name.endswith((".tmp", ".backup", TEMPORARY_SUFFIX)) or bool(_LEFT.fullmatch(name))


def checkpoints_in(path: Path) -> Path:
    """Return the folder of the checkpoints in a project, or the path itself. Follows no link."""
    for parts in _WITHIN:
        folders = [path.joinpath(*parts[: n + 1]) for n in range(len(parts))]
        if all(folder.is_dir() and not folder.is_symlink() for folder in folders):
            return folders[-1]
    return path


def _second_of(digits: str) -> datetime | None:
    try:
        return datetime.strptime(digits, _SECOND).replace(tzinfo=UTC)
    except ValueError:
        return None
