"""Prunes that book the same checkpoints: each keeps its own grace."""

from __future__ import annotations

from dashboard.models import OperationState
from tests.benches import Bench
from tests.dashboard.services.operations.test_prunes import ask_for_prune, listed, sweep

DAY = 86400


def test_what_an_earlier_prune_booked_too_keeps_the_grace_of_the_later_one(bench: Bench) -> None:
    ids = listed(bench)
    first, second = ask_for_prune(bench), ask_for_prune(bench)
    bench.run(first)
    bench.run(second)
    assert bench.run(bench.undo(first)).state == OperationState.SUCCEEDED
    bench.clock.pass_by(6 * DAY)
    third = bench.run(ask_for_prune(bench))
    for _ in range(3):
        bench.clock.pass_by(DAY / 2)
        sweep(bench)

    undo = bench.run(bench.undo(third))

    assert undo.state == OperationState.SUCCEEDED, undo.message
    assert listed(bench) == ids
