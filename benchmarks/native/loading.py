"""How long it takes to have a state back."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from benchmarks.measure import Row
from benchmarks.native.contest import Times
from benchmarks.native.scale import Scale
from benchmarks.native.series import Outcome


def rows(append: Outcome, small: Outcome, large: Outcome, scale: Scale) -> Iterator[Row]:
    """Yield the rows about loading checkpoints chosen by chance."""
    growing = append.loads(_chosen(append, scale.loads))
    yield _beside("a growing conversation", growing, "zstd files", 1.5)
    steady = large.loads(_chosen(large, min(scale.loads, scale.large)))
    yield _beside("720 KB", steady, "zstd files", 1.5)
    yield _beside("720 KB", steady, "SqliteSaver", 1.0)
    yield _beside("720 KB", steady, "Kaizen gzip", None)
    few = small.loads(_chosen(small, 4 * scale.loads))
    note = f"p99 {few.p99('ours'):.3f} ms"
    yield Row(
        name="load of 4 KB, median", value=few.median("ours"), unit="ms", goal=0.15, note=note
    )
    yield _beside("4 KB", few, "zstd files", None)
    yield _beside("4 KB", few, "SqliteSaver", None)


def _beside(what: str, times: Times, peer: str, goal: float | None) -> Row:
    name = f"load of {what}: ours ÷ {peer}"
    if peer not in times:
        return Row(name=name, value=None, unit="×", goal=goal, note=f"{peer} is not installed")
    ours, theirs = times.median("ours"), times.median(peer)
    note = f"medians {ours:.2f} and {theirs:.2f} ms, p99 {times.p99('ours'):.2f} ms"
    return Row(name=name, value=ours / theirs, unit="×", goal=goal, note=note)


def _chosen(outcome: Outcome, count: int) -> list[int]:
    everything = range(len(outcome.raw))
    return Random(11).sample(everything, min(count, len(everything)))
