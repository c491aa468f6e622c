"""``python -m benchmarks.native.durability KIND FOLDER SAVES WRITERS``: save, while it is counted.

After each acknowledged save a marker is flushed, so that the flushes of each save can be told
apart; with many writers there is one marker before all and one after all.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, median

from benchmarks.measure import Bound, Row
from benchmarks.native.entrants import Entrant, Ours
from benchmarks.native.flushes import flushed_by
from benchmarks.native.peers import Kaizen, LangGraph
from benchmarks.native.scale import Scale
from benchmarks.native.writers import at_once, chain
from benchmarks.states import small

KINDS: dict[str, type[Entrant]] = {"Ours": Ours, "LangGraph": LangGraph, "Kaizen": Kaizen}
MARKER = "acknowledged"


def rows(scale: Scale) -> Iterator[Row]:
    """Yield the flushes between the beginning of a save and its acknowledgement."""
    alone = _flushes("Ours", scale.flushed_saves, 1)
    yield _each("flushes per acknowledged save, ours, median", alone, goal=1)
    yield _without("saves acknowledged without a flush, ours", alone, goal=0)
    yield _together(scale)
    if importlib.util.find_spec("langgraph.checkpoint.sqlite"):
        theirs = _flushes("LangGraph", scale.flushed_saves, 1)
        yield _without("saves acknowledged without a flush, SqliteSaver", theirs, goal=None)
    if importlib.util.find_spec("kaizen"):
        theirs = _flushes("Kaizen", scale.flushed_saves // 5, 1)
        yield _without("saves acknowledged without a flush, Kaizen", theirs, goal=None)


def _each(name: str, flushes: list[int] | None, *, goal: float) -> Row:
    if flushes is None:
        return _unknown(name, goal)
    more = sum(count > 1 for count in flushes)
    note = f"mean {fmean(flushes):.2f}; {more} of {len(flushes):,} saves also moved the log"
    value = median(flushes)
    return Row(name=name, value=value, unit="", goal=goal, bound=Bound.EXACTLY, note=note)


def _without(name: str, flushes: list[int] | None, *, goal: float | None) -> Row:
    if flushes is None:
        return _unknown(name, goal)
    note = f"of {len(flushes):,}"
    value = flushes.count(0)
    return Row(name=name, value=value, unit="", goal=goal, bound=Bound.EXACTLY, note=note)


def _together(scale: Scale) -> Row:
    name = f"flushes per acknowledged save, ours, {scale.writers} writers"
    saves = scale.writers * max(1, scale.flushed_saves // scale.writers)
    flushes = _flushes("Ours", saves, scale.writers)
    if flushes is None:
        return _unknown(name, 1)
    note = f"{sum(flushes):,} in {saves:,} saves"
    return Row(name=name, value=sum(flushes) / saves, unit="", goal=1, note=note)


def _unknown(name: str, goal: float | None) -> Row:
    note = "neither strace nor a C compiler is here"
    return Row(name=name, value=None, unit="", goal=goal, note=note)


def _flushes(kind: str, saves: int, writers: int) -> list[int] | None:
    """Return how many flushes there were before each marker but the first."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [kind, folder, str(saves), str(writers)]
        paths = flushed_by([sys.executable, "-m", "benchmarks.native.durability", *arguments])
    if paths is None:
        return None
    counts = [0]
    for path in paths:
        if path.endswith(MARKER):
            counts.append(0)
        else:
            counts[-1] += 1
    return counts[1:-1]


def main(kind: str, folder: str, saves: int, writers: int) -> None:
    """Save small states, alone or from several threads, with markers."""
    entrant = KINDS[kind](Path(folder) / "store")
    states = list(small(50))
    entrant.save(states[0])
    handle = os.open(Path(folder) / MARKER, os.O_WRONLY | os.O_CREAT)
    os.fsync(handle)
    if isinstance(entrant, Ours) and writers > 1:
        at_once([chain(entrant.store, f"t{n}") for n in range(writers)], states, saves // writers)
        os.fsync(handle)
    else:
        for number in range(saves):
            entrant.save(states[number % len(states)])
            os.fsync(handle)
    entrant.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
