"""One series of states, saved by everybody; what was taken is kept for the rows."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.native import contest
from benchmarks.native.contest import WARM_UP, Times
from benchmarks.native.entrants import Encode, Entrant, Flush, Manager, Ours, State
from benchmarks.native.peers import installed


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Times and bytes of a series. ``raw`` has the bytes of each state as JSON."""

    entrants: dict[str, Entrant]
    times: Times
    raw: Sequence[int]
    sizes: dict[str, int]

    def from_size(self, smallest: int) -> Times:
        """Return the times of states of at least so many bytes."""
        return self.times.turns([size >= smallest for size in self.raw[WARM_UP:]])

    def loads(self, numbers: Sequence[int]) -> Times:
        """Let everybody who can load the checkpoints with these numbers."""
        able = [e for e in self.entrants.values() if type(e).load is not Entrant.load]
        return contest.loads(numbers, able)


def run(states: Iterable[State], folder: Path) -> Outcome:
    """Let everybody save a series, then close everything and look at what lies on the disk."""
    kinds: list[type[Entrant]] = [Ours, Manager, Flush, Encode, *installed()]
    entrants = {kind.name: kind(folder / kind.__name__) for kind in kinds}
    gc.collect()
    gc.freeze()  # what was imported is not looked at while somebody is timed
    times = contest.saves(states, list(entrants.values()))
    for entrant in entrants.values():
        entrant.close()
    sizes = {name: entrant.size() for name, entrant in entrants.items()}
    return Outcome(entrants=entrants, times=times, raw=entrants["S"].saved, sizes=sizes)
