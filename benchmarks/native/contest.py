"""Entrants save and load the same states turn by turn, so that the machine's noise hits all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from statistics import median

from benchmarks.measure import p99, seconds
from benchmarks.native.entrants import Entrant, State

WARM_UP = 2
"""Turns at the beginning of a series that do not count."""


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds per entrant, one per turn."""

    by_name: Mapping[str, Sequence[float]]

    def __contains__(self, name: str) -> bool:
        return name in self.by_name

    def median(self, *names: str) -> float:
        """Return the median, of the sum per turn where several entrants are named."""
        return median(self._sums(names))

    def p99(self, *names: str) -> float:
        """Return the 99th percentile, of the sum per turn where several entrants are named."""
        return p99(self._sums(names))

    def turns(self, wanted: Sequence[bool]) -> Times:
        """Return those of some turns only."""
        chosen = {
            name: [value for value, take in zip(values, wanted, strict=True) if take]
            for name, values in self.by_name.items()
        }
        return Times(chosen)

    def _sums(self, names: Sequence[str]) -> list[float]:
        return [sum(turn) for turn in zip(*(self.by_name[name] for name in names), strict=True)]


def saves(states: Iterable[State], entrants: Sequence[Entrant]) -> Times:
    """Let every entrant save every state, each turn in another order."""
    times: dict[str, list[float]] = {entrant.name: [] for entrant in entrants}
    for turn, state in enumerate(states):
        for entrant in _shuffled(entrants, turn):
            times[entrant.name].append(seconds(partial(entrant.save, state)) * 1000)
            entrant.settle()
    return Times(times).turns([turn >= WARM_UP for turn in range(len(times[entrants[0].name]))])


def loads(numbers: Sequence[int], entrants: Sequence[Entrant]) -> Times:
    """Let every entrant load the same checkpoints; the first one opens files and does not count."""
    first, *rest = numbers
    for entrant in entrants:
        entrant.load(first)
    times: dict[str, list[float]] = {entrant.name: [] for entrant in entrants}
    for turn, number in enumerate(rest):
        for entrant in _shuffled(entrants, turn):
            times[entrant.name].append(seconds(partial(entrant.load, number)) * 1000)
    return Times(times)


def _shuffled(entrants: Sequence[Entrant], turn: int) -> list[Entrant]:
    """Return an order of chance: nobody always follows the one who leaves the caches cold."""
    return Random(turn).sample(entrants, len(entrants))
