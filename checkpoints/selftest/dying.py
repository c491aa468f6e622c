"""Checks of what is left when a process dies or its place is full."""

from __future__ import annotations

from checkpoints.selftest.bench import Bench
from checkpoints.selftest.outcomes import NotPossible, require
from checkpoints.selftest.samples import draft, state

KILLED_AFTER = 25


def durable(bench: Bench) -> None:
    """Every acknowledged save outlives a process that is killed. Power loss cannot be tried."""
    acknowledged = 0
    with bench.child("save") as child:
        while acknowledged < KILLED_AFTER:
            acknowledged = int(child.answer())
        child.kill()
        acknowledged = max([acknowledged, *(int(line) for line in child.lines())])
    for number in range(1, acknowledged + 1):
        bench.require_loads(f"c{number}", state(number))
    head = bench.open().head(None, "main")
    last = head.checkpoint_id if head else None
    unacknowledged = f"c{acknowledged + 1}"
    at_end = last in {f"c{acknowledged}", unacknowledged}
    require(at_end, f"the head is {last} after c{acknowledged} was acknowledged")
    if last == unacknowledged:
        bench.require_loads(unacknowledged, state(acknowledged + 1))


def full(bench: Bench) -> None:
    """Where nothing more can be written a save is refused, nothing is lost and it goes on later."""
    if bench.folder is None:
        raise NotPossible("what it writes to cannot be limited from here")
    with bench.child("fill") as child:
        lines = list(child.lines())
        child.require_clean_end()
    for line in lines:
        require(not line.startswith("raised"), f"a full place {line}")
    saved = [line.split()[1:] for line in lines if line.startswith("saved")]
    for number, size in saved:
        bench.require_loads(f"c{number}", state(int(number), int(size)))
    if len(saved) == len(lines):
        raise NotPossible("no write was refused although files could not grow")
    _goes_on(bench, last=f"c{saved[-1][0]}" if saved else None)


def _goes_on(bench: Bench, last: str | None) -> None:
    store = bench.open()
    head = store.head(None, "main")
    found = head.checkpoint_id if head else None
    require(found == last, f"the head is {found}, the last acknowledged save was {last}")
    store.put(draft(99, parent=last), state(99), expected_head=last)
    bench.require_loads("c99", state(99))
