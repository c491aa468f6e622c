"""Changes of a state as lines for people, grouped by the part of the state that they are in.

What a page holds is bounded, however much changed: lines in all and in a group, and the length of
names and values.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import checkpoints.diffs
from dashboard.formats import short_path_text

SHOWN = 500
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
    """The changes below one name of the state: ``count`` in all, ``shown`` the first of them."""

    name: str
    count: int
    shown: tuple[Line, ...]
    open: bool

    @property
    def hidden(self) -> int:
        """How many changes are not among the lines."""
        return self.count - len(self.shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """The groups that a page shows, and how many changes there are in all."""

    shown: tuple[Group, ...]
    total: int

    @property
    def hidden(self) -> int:
        """How many changes are in groups that are not shown."""
        return self.total - sum(group.count for group in self.shown)


def grouped(changes: Sequence[checkpoints.diffs.Change]) -> Groups:
    """Group changes by the first step of their path; long groups come folded."""
    found: list[Group] = []
    lines = 0
    for first, members in groupby(changes, key=lambda change: change.path[:1]):
        if lines >= SHOWN:
            break
        group = _group(first, tuple(members), left=SHOWN - lines, unfolded=lines < OPEN_LINES)
        lines += len(group.shown)
        found.append(group)
    return Groups(shown=tuple(found), total=len(changes))


def _group(
    first: checkpoints.diffs.Path,
    members: tuple[checkpoints.diffs.Change, ...],
    *,
    left: int,
    unfolded: bool,
) -> Group:
    shown = tuple(_line(change) for change in members[: min(left, SHOWN_PER_GROUP)])
    return Group(name=short_path_text(first), count=len(members), shown=shown, open=unfolded)


def _line(change: checkpoints.diffs.Change) -> Line:
    kind = str(change.kind)
    return Line(
        kind=kind,
        sign=SIGNS[kind],
        path=short_path_text(change.path),
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
