"""The form of a state: which paths it has, and what lies at each."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

from checkpoints.drift.inert import elements_of, items_of, kind_of

ROOT: Final = ""
ANY_KEY: Final = "*"
ELEMENT: Final = "[]"
MIXED: Final = "of several kinds"
MOST_PATHS: Final = 256
"""Paths of one state that are looked at, those nearest to its top first."""
_DEPTH: Final = 5
_MOST_KEYS: Final = 256
_HEAD: Final = 4
"""Elements looked at of each end of a list."""
_ID: Final = re.compile(
    r"\d+|[0-9a-f]{8,}|[0-9a-f]{8}-[0-9a-f-]{27}|.*\d{3,}.*|\d{4}-\d\d.*", re.IGNORECASE
)


def shape_of(state: Any, dynamic: Collection[str] = ()) -> dict[str, str]:
    """Return what lies at each path of a state, its top too.

    Keys that look like ids, and all keys of the mappings named in ``dynamic``, are one path that
    ends in ``*``. What a list holds is at one that ends in ``[]``; an empty list tells nothing of
    it.
    """
    found = {ROOT: kind_of(state)}
    waiting = [(ROOT, state, 0)]
    for path, value, depth in waiting:
        for below, kind, one in _below(path, value, dynamic):
            known = found.get(below)
            if known is None and len(found) >= MOST_PATHS:
                return found
            found[below] = kind if known in {None, kind} else MIXED
            if known is None and depth < _DEPTH:
                waiting.append((below, one, depth + 1))
    return found


def _below(path: str, value: Any, dynamic: Collection[str]) -> Iterator[tuple[str, str, Any]]:
    kind = kind_of(value)
    if kind == "mapping":
        for key, one in items_of(value, _MOST_KEYS):
            name = ANY_KEY if path in dynamic or _ID.fullmatch(key) else key.replace(".", "·")
            yield joined(path, name), kind_of(one), one
    elif kind == "list":
        for one in reversed(_ends(value)):
            yield path + ELEMENT, kind_of(one), one


def _ends(value: Any) -> list[Any]:
    if type(value) in {list, tuple} and len(value) > 2 * _HEAD:
        return [*value[:_HEAD], *value[-_HEAD:]]
    return elements_of(value, 2 * _HEAD)


def joined(parent: str, name: str) -> str:
    """Return the path of what lies in a mapping under a name."""
    return f"{parent}.{name}" if parent else name


def parent_of(path: str) -> str | None:
    """Return the mapping in which a path must be; None where it may be missing at any time."""
    if path == ROOT or path.endswith((ELEMENT, ANY_KEY)):
        return None
    return path.rpartition(".")[0]
