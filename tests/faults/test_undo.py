"""A restore and its undo, on every kind of store."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkpoints.stores.urls import parse_url
from dashboard.models import OperationState
from dashboard.services import operations, scans
from tests.benches import Bench
from tests.faults.sweep.foreign import KaizenFolder


def test_a_restore_can_be_undone(bench: Bench) -> None:
    first = bench.run(bench.request(bench.rows()[2]))
    assert first.state == OperationState.SUCCEEDED

    undo = bench.run(bench.undo(first))

    first.refresh_from_db()
    assert (undo.state, first.state) == (OperationState.SUCCEEDED, OperationState.UNDONE)


@pytest.mark.parametrize("store_kind", ["kaizen"], indirect=True)
def test_a_restore_whose_undo_came_too_late_is_said_to_be_overtaken(bench: Bench) -> None:
    first = bench.run(bench.request(bench.rows()[2]))
    undo = bench.undo(first)
    folder = KaizenFolder()
    folder.root, folder.url = Path(parse_url(bench.url).path), bench.url
    thread = bench.thread()
    folder.save((thread.agent.agent_id, "main"), bench.clock(), first.previous_head_id)

    bench.run(undo)
    scans.scan_source(source_id=bench.source.pk, now=bench.clock())
    operations.reconcile(now=bench.clock())

    first.refresh_from_db()
    assert (undo.state, first.state) == (OperationState.REFUSED_STALE, OperationState.SUPERSEDED)
