"""Values that stopped changing."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, log, sqrt
from typing import Any, Self

from checkpoints.drift.signals import At
from checkpoints.drift.times import dump, load

LEAST = 5
"""Equal values in a row that are never remarkable by themselves."""
_MEMORY = 1024
_CHANGES = 8
"""Changes without which nobody knows that the metric changes at all."""
NEVER = 1 << 62
_CHANCE = 0.02
"""Chance of a repeat that is believed of every metric."""


class Repeats:
    """How often a value equals the one before, and how long it has done so now."""

    __slots__ = ("at", "last", "longest", "pairs", "repeats", "run", "since")

    def __init__(self) -> None:
        self.last: float | None = None
        self.pairs = 0.0
        self.repeats = 0.0
        self.run = 0
        self.longest = 0.0
        self.since = 0
        self.at: At | None = None

    def take(self, value: float, index: int, at: At | None) -> int:
        """Note a value; return how many before it were equal to it in a row."""
        if value == self.last:
            self.run += 1
            return self.run
        if self.last is not None:
            self._settle()
        self.last, self.since, self.at = value, index, at
        return 0

    def limit(self, run_length: float) -> int:
        """Return how many repeats in a row come by chance once in ``run_length`` points.

        Also more than half as many again as were ever seen.
        """
        changes = self.pairs - self.repeats
        if changes < _CHANGES:
            return NEVER
        surely = (changes - sqrt(changes)) / self.pairs
        expected = log(run_length) / -log(max(1 - surely, _CHANCE))
        return max(LEAST, ceil(expected), ceil(2 * self.longest) + 2)

    def pause(self) -> None:
        """End the present run: what comes next does not follow on it."""
        if self.last is not None:
            self._settle()
        self.last = None

    def _settle(self) -> None:
        """A run ended: it belongs to what is usual now."""
        self.pairs += self.run + 1
        self.repeats += self.run
        self.longest = max(self.longest * 0.999, self.run)
        self.run = 0
        if self.pairs > _MEMORY:
            self.pairs /= 2
            self.repeats /= 2

    def to_dict(self) -> dict[str, Any]:
        return {**{name: getattr(self, name) for name in self.__slots__}, "at": dump(self.at)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        found = cls()
        for name in cls.__slots__:
            setattr(found, name, values[name])
        found.at = load(values["at"])
        return found
