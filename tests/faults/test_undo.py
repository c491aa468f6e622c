"""A restore and its undo, on every kind of store."""

from __future__ import annotations

from dashboard.models import OperationState
from tests.benches import Bench


def test_a_restore_can_be_undone(bench: Bench) -> None:
    first = bench.run(bench.request(bench.rows()[2]))
    assert first.state == OperationState.SUCCEEDED

    undo = bench.run(bench.undo(first))

    first.refresh_from_db()
    assert (undo.state, first.state) == (OperationState.SUCCEEDED, OperationState.UNDONE)
