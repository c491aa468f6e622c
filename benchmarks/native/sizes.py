"""What lies on the disk after everything was closed, write-ahead logs included."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measure import Bound, Row
from benchmarks.native.scale import Scale
from benchmarks.native.series import Outcome


def rows(append: Outcome, small: Outcome, mixed: Outcome, scale: Scale) -> Iterator[Row]:
    """Yield the rows about sizes. Goals hold for the whole series; shorter ones show none."""
    yield from _smaller("growing conversation", append, "raw", 150 if scale.whole else None)
    yield from _smaller("growing conversation", append, "gzip files", 50 if scale.whole else None)
    yield from _smaller("growing conversation", append, "SqliteSaver", 120 if scale.whole else None)
    yield from _smaller("insertions, edits, compactions", mixed, "raw", None)
    yield from _smaller("insertions, edits, compactions", mixed, "gzip files", None)
    yield from _smaller("states of 4 KB", small, "SqliteSaver", None)
    ours, theirs = small.sizes["ours"], small.sizes["gzip files"]
    name = "size, states of 4 KB: ours ÷ gzip files"
    goal = 0.5 if scale.whole else None
    yield Row(name=name, value=ours / theirs, unit="×", goal=goal, note=_note(small, "gzip files"))


def _smaller(series: str, outcome: Outcome, peer: str, goal: float | None) -> Iterator[Row]:
    name = f"size, {series}: {peer} ÷ ours"
    theirs = sum(outcome.raw) if peer == "raw" else outcome.sizes.get(peer)
    if theirs is None:
        yield Row(name=name, value=None, unit="×", goal=goal, note=f"{peer} is not installed")
        return
    ratio = theirs / outcome.sizes["ours"]
    note = _note(outcome, peer)
    yield Row(name=name, value=ratio, unit="×", goal=goal, bound=Bound.AT_LEAST, note=note)


def _note(outcome: Outcome, peer: str) -> str:
    theirs = sum(outcome.raw) if peer == "raw" else outcome.sizes[peer]
    ours = outcome.sizes["ours"] / 1e6
    return f"{theirs / 1e6:.1f} and {ours:.2f} MB, {len(outcome.raw):,} steps"
