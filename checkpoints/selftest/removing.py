"""Checks of what is removed: it comes back from the trash whole, and a sweep takes no more."""

from __future__ import annotations

from datetime import timedelta

from checkpoints.errors import CheckpointNotFound, PlanRefused
from checkpoints.selftest.bench import Bench, require_refused
from checkpoints.selftest.outcomes import require
from checkpoints.selftest.samples import NOON, save_chain, state

DAY = timedelta(days=1)


def prune(bench: Bench) -> None:
    """What went to the trash is not listed, comes back whole, and a head or pin never goes."""
    bench.require_offered("prune")
    store = bench.open()
    first, *_ = save_chain(store, 5)
    store.pin(first, reason="golden", now=NOON)
    for kept in ("c1", "c5"):
        _stays(bench, kept)
    store.trash({"c2": "age", "c3": "age"}, now=NOON)
    for gone in ("c2", "c3"):
        require_refused(
            lambda gone=gone: bench.open().get(gone),  # type: ignore[misc]
            CheckpointNotFound,
            f"{gone} lies in the trash and is still found",
        )
    came = bench.open().untrash(["c2", "c3"])
    require(came == 2, f"of 2 checkpoints {came} came back from the trash")
    _whole(bench, [1, 2, 3, 4, 5])


def _stays(bench: Bench, kept: str) -> None:
    require_refused(
        lambda: bench.open().trash({"c2": "age", kept: "age"}, now=NOON),
        PlanRefused,
        f"{kept} is a head or pinned and went to the trash",
    )
    listed = len(bench.open().history(None, "main"))
    require(listed == 5, "of a refused removal a part was carried out")


def sweep(bench: Bench) -> None:
    """A sweep deletes what is old enough, and nothing else is hurt by it."""
    bench.require_offered("prune")
    store = bench.open()
    save_chain(store, 6)
    store.trash({"c1": "age", "c2": "age", "c4": "age"}, now=NOON)
    store.trash({"c3": "age"}, now=NOON + 2 * DAY)
    freed = store.sweep(before=NOON + DAY)
    require(freed >= 0, f"a sweep says that it freed {freed} bytes")
    came = bench.open().untrash(["c1", "c2", "c3", "c4"])
    require(came == 1, f"1 checkpoint was too young to be swept and {came} came back")
    _whole(bench, [3, 5, 6])
    findings = list(bench.open().verify())
    require(not findings, f"verify after a sweep: {findings[0].message if findings else ''}")


def _whole(bench: Bench, numbers: list[int]) -> None:
    listed = [record.id for record in bench.open().history(None, "main")]
    expected = [f"c{number}" for number in reversed(numbers)]
    require(listed == expected, f"{listed} are listed instead of {expected}")
    for number in numbers:
        bench.require_loads(f"c{number}", state(number))
