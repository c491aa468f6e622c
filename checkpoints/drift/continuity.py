"""Joining what begins anew with each thread into one series without jumps."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

from checkpoints.drift.metrics.growing import grows

MOST_PLACES: Final = 1024
"""Threads, counted once per series, whose last value is remembered; the least recent ones go."""
RISES: Final = 12
"""Changes after which a metric's behaviour tells whether it grows: all of these rises, it does,
a fifth of them falls, it does not, whatever its name says."""
MOST_FALLS: Final = 0.2
_BEGINS_ANEW = 0.5
"""A fall below this share of the value before is a new beginning, where nothing can be lost."""
_CAN_BE_LOST = frozenset({"memory_items", "state_size", "stored_size"})

Key = tuple[str | None, str]
"""A step's name and a metric."""


class Joined(NamedTuple):
    """A value as a point of its series. ``is_new_series``: nothing before belongs to it."""

    value: float
    is_new_series: bool = False


class Continuity:
    """Makes one series of a metric out of many threads that interleave.

    What grows within a thread is told as the sum of its changes within threads: in one thread
    that is the metric itself, and a thread that begins changes nothing. What does not grow is
    told as it is.
    """

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, str | None, str], float] = OrderedDict()
        self._sums: dict[Key, float] = {}
        self._rises: dict[Key, tuple[int, int]] = {}
        self._joins: set[Key] = set()

    def joined(self, key: Key, thread_id: str, value: float) -> Joined | None:
        """Return a value's point in its series; None for the first of a further thread."""
        before = self._before(key, thread_id, value)
        is_first = key not in self._sums
        anew = before is None or self._began_anew(key[1], before, value)
        self._sums[key] = value if is_first else self._sums[key]
        if before is not None and not anew:
            self._count(key, before, value)
            self._sums[key] += value - before
        grown = self._is_growing(key)
        is_new = (key in self._joins) != grown and self._sums[key] != value
        (self._joins.add if grown else self._joins.discard)(key)
        if grown and anew and not is_first:
            return None
        return Joined(self._sums[key] if grown else value, is_new and not is_first)

    def forget(self, keys: Sequence[Key]) -> None:
        """Forget series that are watched no longer."""
        for key in keys:
            self._sums.pop(key, None)
            self._rises.pop(key, None)
            self._joins.discard(key)

    def _before(self, key: Key, thread_id: str, value: float) -> float | None:
        place = (thread_id, *key)
        before = self._last.pop(place, None)
        self._last[place] = value
        if len(self._last) > MOST_PLACES:
            self._last.popitem(last=False)
        return before

    def _count(self, key: Key, before: float, value: float) -> None:
        """Count rises and falls within threads; the older ones fade."""
        rises, falls = self._rises.get(key, (0, 0))
        rises, falls = rises + (value > before), falls + (value < before)
        if rises + falls > 8 * RISES:
            rises, falls = rises // 2, falls // 2
        self._rises[key] = rises, falls

    def _is_growing(self, key: Key) -> bool:
        rises, falls = self._rises.get(key, (0, 0))
        if grows(key[1]):
            return rises + falls < RISES or falls < MOST_FALLS * (rises + falls)
        return falls == 0 and rises >= RISES

    def _began_anew(self, metric: str, before: float, value: float) -> bool:
        return metric not in _CAN_BE_LOST and grows(metric) and 0 <= value < before * _BEGINS_ANEW

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON types."""
        return {
            "last": [[*place, value] for place, value in self._last.items()],
            "series": [
                [*key, value, *self._rises.get(key, (0, 0)), key in self._joins]
                for key, value in self._sums.items()
            ],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild it from :meth:`to_dict`."""
        made = cls()
        for thread_id, step_name, metric, value in values["last"]:
            made._last[thread_id, step_name, metric] = value
        for step_name, metric, value, rises, falls, joins in values["series"]:
            key = (step_name, metric)
            made._sums[key], made._rises[key] = value, (rises, falls)
            if joins:
                made._joins.add(key)
        return made
