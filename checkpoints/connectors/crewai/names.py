"""The names that CrewAI gives its checkpoints: ``{time}_{8 hex digits}``, the time in UTC."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

_TIME = "%Y%m%dT%H%M%S"
_LENGTH = len("20260101T000000")
_DIGITS = 4
_SUFFIX = ".json"
_PARENT = "_p-"
_NO_PARENT = "none"
_ID = re.compile(r"[0-9]{8}T[0-9]{6}_[0-9a-f]{8}")
_BRANCH = re.compile(r"[^\x00-\x1f\x7f\\]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileName:
    """A checkpoint file's name taken apart: ``{id}_p-{parent}.json``."""

    id: str
    parent_id: str | None

    def __str__(self) -> str:
        return f"{self.id}{_PARENT}{self.parent_id or _NO_PARENT}{_SUFFIX}"


def parse_name(name: str) -> FileName | None:
    """Take a file name apart as CrewAI does; ``None`` when it is no checkpoint's."""
    if not name.endswith(_SUFFIX) or name.startswith("."):
        return None
    identifier, found, parent = name.removesuffix(_SUFFIX).partition(_PARENT)
    if not identifier:
        return None
    known = found and parent not in ("", _NO_PARENT)
    return FileName(id=identifier, parent_id=parent if known else None)


def is_id(text: str) -> bool:
    """Say whether a text is an id as CrewAI makes them."""
    return _ID.fullmatch(text) is not None and time_of(text) is not None


def time_of(text: str) -> datetime | None:
    """Return the time that an id, or CrewAI's ``created_at``, begins with."""
    try:
        return datetime.strptime(text[:_LENGTH], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def new_id(now: datetime) -> str:
    """Return an id of the form that CrewAI gives its checkpoints."""
    return f"{now.astimezone(UTC).strftime(_TIME)}_{secrets.token_hex(_DIGITS)}"


def created_at(checkpoint_id: str) -> str:
    """Return what CrewAI writes beside a new id as its time."""
    return checkpoint_id[:_LENGTH]


def why_no_branch(name: str) -> str | None:
    """Say why a text cannot name a new branch, which is a folder in a folder of CrewAI's."""
    parts = name.split("/")
    if not _BRANCH.fullmatch(name) or not name.isprintable():
        return "it is empty, too long, or has letters that a folder's name cannot have"
    if any(not part or part.startswith(".") or part.endswith(_SUFFIX) for part in parts):
        return "its parts must not be empty, begin with a dot or end in .json"
    return None
