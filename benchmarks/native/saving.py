"""How long a durable save takes, beside the disk, the encoder and the peers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.measure import Bound, Row
from benchmarks.native.contest import Times
from benchmarks.native.series import Outcome

LARGE = 250_000


def rows(append: Outcome, small: Outcome, large: Outcome) -> Iterator[Row]:
    """Yield the rows about saving."""
    yield from _beside_the_disk("save of 720 KB", large, ("P", "S"), 2)
    yield from _beside_the_disk("save of 4 KB", small, ("P",), 2.5)
    times = append.from_size(LARGE)
    yield from _faster(times, "Kaizen gzip", 15)
    yield from _faster(times, "Kaizen plain", 2.5)
    yield from _faster(times, "SqliteSaver", 1.3)
    yield from _faster(times, "zstd files", None)
    yield from _small(small.times)


def _beside_the_disk(
    what: str, outcome: Outcome, floor: tuple[str, ...], goal: float
) -> Iterator[Row]:
    times, beside = outcome.times, " + ".join(floor)
    figures: tuple[tuple[str, Callable[..., float]], ...] = (
        ("median", times.median),
        ("p99", times.p99),
    )
    for word, figure in figures:
        note = f"ours {figure('ours'):.2f} ms, {beside} {figure(*floor):.2f} ms, {_count(outcome)}"
        name = f"{what}, {word} ÷ ({beside})" if len(floor) > 1 else f"{what}, {word} ÷ {beside}"
        yield Row(name=name, value=figure("ours") / figure(*floor), unit="×", goal=goal, note=note)
    manager, bare = times.median("CheckpointManager"), times.median("ours")
    note = f"p99 {times.p99('CheckpointManager'):.2f} ms, {manager / bare:.2f} × the store alone"
    yield Row(name=f"{what} through CheckpointManager, median", value=manager, unit="ms", note=note)


def _faster(times: Times, peer: str, goal: float | None) -> Iterator[Row]:
    name = f"states ≥ 250 KB: save by {peer} ÷ ours"
    if peer not in times:
        yield Row(name=name, value=None, unit="×", goal=goal, note=f"{peer} is not installed")
        return
    theirs, ours = times.median(peer), times.median("ours")
    slowest = f"p99 {times.p99(peer):.1f} and {times.p99('ours'):.1f} ms"
    note = f"medians {theirs:.2f} and {ours:.2f} ms, {slowest}"
    yield Row(
        name=name, value=theirs / ours, unit="×", goal=goal, bound=Bound.AT_LEAST, note=note
    )  # fmt: skip


def _small(times: Times) -> Iterator[Row]:
    ours = times.median("ours")
    for peer, goal in (("SqliteSaver", 1.1), ("Kaizen gzip", None), ("zstd files", None)):
        if peer in times:
            theirs = times.median(peer)
            note = f"medians {ours:.2f} and {theirs:.2f} ms"
            name = f"states of 4 KB: save by ours ÷ {peer}"
            yield Row(name=name, value=ours / theirs, unit="×", goal=goal, note=note)


def _count(outcome: Outcome) -> str:
    return f"{len(outcome.raw):,} steps"
