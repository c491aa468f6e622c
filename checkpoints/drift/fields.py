"""The paths of an agent's states and what has lain at each; their number is bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

from checkpoints.drift.shapes import ANY_KEY, ROOT, parent_of, shape_of
from checkpoints.drift.streaks import MEMORY, Streak

MISSING: Final = "missing"
MOST_FIELDS: Final = 384
"""Paths that are remembered; later ones are not looked at."""
MOST_BIRTHS: Final = 4
"""Keys that a mapping below the top may gain, one after the other, before they count as data."""
MOST_BIRTHS_AT_TOP: Final = 32
_MANY_CHILDREN: Final = 16
_LONG_GONE: Final = MEMORY


class Fields:
    """A streak of types for each path.

    A mapping that gains key after key, or has ever others, holds data by its keys: those are one
    path from then on.
    """

    def __init__(self) -> None:
        self._streaks: dict[str, Streak] = {}
        self._dynamic: dict[str, None] = {}
        self._births: dict[str, list[int]] = {}

    def add(self, state: Any, index: int) -> list[tuple[str, Streak]]:
        """Take a state; return the paths of which it tells something, and what lay at each."""
        shape = shape_of(state, self._dynamic)
        for path in shape:
            if path not in self._streaks:
                self._born(path, shape, index)
        told = []
        for path, streak in list(self._streaks.items()):
            kind = shape.get(path) or self._missing(path, shape)
            if kind is not None:
                streak.add(kind, index)
                told.append((path, streak))
                if kind == MISSING and streak.length > _LONG_GONE:
                    self._forget(path)
        return [(path, streak) for path, streak in told if path in self._streaks]

    def settle(self) -> None:
        """Take what lies at each path now as the usual."""
        for streak in self._streaks.values():
            streak.settle()

    def _missing(self, path: str, shape: Mapping[str, str]) -> str | None:
        parent = parent_of(path)
        return MISSING if parent is not None and shape.get(parent) == "mapping" else None

    def _born(self, path: str, shape: Mapping[str, str], index: int) -> None:
        parent = parent_of(path)
        if len(self._streaks) >= MOST_FIELDS or self._within_data(path):
            return
        streak = self._streaks[path] = Streak()
        before = self._times_a_mapping(parent)
        if before:
            streak.add(MISSING, index - before)
            streak.length = before
        if parent is not None and before:
            self._count_birth(parent, index)
        if parent and before:
            self._count_children(parent, shape)

    def _within_data(self, path: str) -> bool:
        """Whether a path names a key of a mapping that holds data by its keys."""
        starts = (f"{parent}." if parent else "" for parent in self._dynamic)
        return any(path.startswith(one) and path[len(one) :][:1] != ANY_KEY for one in starts)

    def _times_a_mapping(self, parent: str | None) -> int:
        streak = None if parent is None else self._streaks.get(parent)
        if streak is None:
            return 0
        now = streak.length if streak.kind == "mapping" else 0
        return now + round(streak.counts.get("mapping", 0))

    def _count_birth(self, parent: str, index: int) -> None:
        births = self._births.setdefault(parent, [0, -1])
        if births[1] != index:
            births[:] = [births[0] + 1, index]
        if births[0] > (MOST_BIRTHS_AT_TOP if parent == ROOT else MOST_BIRTHS):
            self._becomes_data(parent)

    def _count_children(self, parent: str, shape: Mapping[str, str]) -> None:
        known = sum(1 for path in self._streaks if parent_of(path) == parent)
        present = sum(1 for path in shape if parent_of(path) == parent)
        if known >= _MANY_CHILDREN and known > 2 * present:
            self._becomes_data(parent)

    def _becomes_data(self, parent: str) -> None:
        self._dynamic[parent] = None
        for path in list(self._below(parent)):
            self._forget(path)

    def _below(self, parent: str) -> Iterator[str]:
        start = f"{parent}." if parent else ""
        return (path for path in self._streaks if path != ROOT and path.startswith(start))

    def _forget(self, path: str) -> None:
        self._streaks.pop(path, None)
        self._births.pop(path, None)

    def to_dict(self) -> dict[str, Any]:
        """Return all that it remembers as JSON types."""
        return {
            "streaks": {path: streak.to_dict() for path, streak in self._streaks.items()},
            "dynamic": list(self._dynamic),
            "births": {path: list(births) for path, births in self._births.items()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild it from :meth:`to_dict`."""
        made = cls()
        made._streaks = {path: Streak.from_dict(one) for path, one in values["streaks"].items()}
        made._dynamic = dict.fromkeys(values["dynamic"])
        made._births = {path: list(births) for path, births in values["births"].items()}
        return made
