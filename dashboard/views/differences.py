"""Changes of a state as lines for people, grouped by the part of the state that they are in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import checkpoints.diffs
from dashboard.formats import path_text

SHOWN_PER_GROUP = 100
OPEN_LINES = 40
VALUE_CHARACTERS = 1200
SIGNS = {"added": "+", "removed": "−", "changed": "~"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One change. ``before`` and ``after`` are empty where there is no such side."""

    kind: str
    sign: str
    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The changes below one name of the state. ``shown`` are the first of ``changes``."""

    name: str
    changes: tuple[checkpoints.diffs.Change, ...]
    shown: tuple[Line, ...]
    open: bool

    @property
    def hidden(self) -> int:
        """How many changes are not among the lines."""
        return len(self.changes) - len(self.shown)


def grouped(changes: Iterable[checkpoints.diffs.Change]) -> tuple[Group, ...]:
    """Group changes by the first step of their path; long groups come folded."""
    found = []
    lines = 0
    for name, members in groupby(changes, key=lambda change: path_text(change.path[:1])):
        group = _group(name, tuple(members), unfolded=lines < OPEN_LINES)
        lines += len(group.shown)
        found.append(group)
    return tuple(found)


def _group(name: str, members: tuple[checkpoints.diffs.Change, ...], *, unfolded: bool) -> Group:
    shown = tuple(_line(change) for change in members[:SHOWN_PER_GROUP])
    return Group(name=name, changes=members, shown=shown, open=unfolded)


def _line(change: checkpoints.diffs.Change) -> Line:
    kind = str(change.kind)
    return Line(
        kind=kind,
        sign=SIGNS[kind],
        path=path_text(change.path),
        before="" if kind == "added" else _value(change.before),
        after="" if kind == "removed" else _value(change.after),
    )


def _value(value: Any) -> str:
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value).hex(" ")
    text = json.dumps(value, ensure_ascii=False, default=repr, indent=1 if _large(value) else None)
    if len(text) <= VALUE_CHARACTERS:
        return text
    return f"{text[:VALUE_CHARACTERS]}… ({len(text):,} characters)"


def _large(value: Any) -> bool:
    return isinstance(value, (dict, list, tuple)) and len(repr(value)) > 100
