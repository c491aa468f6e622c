"""Options that several commands read in the same way: ages, sizes, paths and values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

import typer

from checkpoints.plans import Edit

Reason = Annotated[str, typer.Option("--reason", help="Why; kept beside what was done.")]
OfAgent = Annotated[str | None, typer.Option("--agent", help="Only this agent.")]

_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_SIZES: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def age_of(text: str) -> timedelta:
    """Return the age that a text like ``7d`` names. Raises typer.BadParameter."""
    found = re.fullmatch(r"(\d+)([smhdw])", text.strip().lower())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no age; write 30s, 90m, 36h, 7d or 2w")
    try:
        return int(found[1]) * _UNITS[found[2]]
    except OverflowError as error:
        raise typer.BadParameter(f"{text!r} is longer than any age can be") from error


def size_of(text: str) -> int:
    """Return the bytes that a text like ``500MB`` names. Raises typer.BadParameter."""
    found = re.fullmatch(r"(\d+)\s*([kmg]?)b?", text.strip().lower())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no size; write 500000, 500KB, 500MB or 2GB")
    return int(found[1]) * _SIZES[found[2]]


def edits_of(state: Mapping[str, Any], assigned: Sequence[str], unset: Sequence[str]) -> list[Edit]:
    """Return the edits that ``path=JSON`` and ``path`` name. Raises typer.BadParameter.

    A path is ``plan.0.tool``, or a JSON array for keys with dots. A number is a position where the
    state has a list there, else a key.
    """
    edits = [_assignment(state, text) for text in assigned]
    return edits + [Edit(path=_path(state, text), remove=True) for text in unset]


def _assignment(state: Mapping[str, Any], text: str) -> Edit:
    path, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} names no value; write path=JSON")
    try:
        return Edit(path=_path(state, path), value=json.loads(value))
    except json.JSONDecodeError as error:
        raise typer.BadParameter(
            f"{value!r} is not JSON; write text in double quotes: '{path}=\"…\"'"
        ) from error


def _path(state: Any, text: str) -> tuple[str | int, ...]:
    parts: list[str | int] = []
    for part in _parts(text.strip()):
        is_list = isinstance(state, (list, tuple))
        key = int(part) if is_list and isinstance(part, str) and part.isdecimal() else part
        parts.append(key)
        state = _within(state, key)
    return tuple(parts)


def _parts(text: str) -> Sequence[str | int]:
    if not text.startswith("["):
        return text.split(".")
    try:
        parts = json.loads(text)
    except json.JSONDecodeError as error:
        raise typer.BadParameter(f"{text!r} is no JSON array of keys and positions") from error
    if not all(isinstance(part, str) or type(part) is int for part in parts):
        raise typer.BadParameter(f"{text!r} holds more than keys and positions")
    return list(parts)


def _within(state: Any, key: str | int) -> Any:
    try:
        return state[key]
    except (KeyError, IndexError, TypeError):
        return None
