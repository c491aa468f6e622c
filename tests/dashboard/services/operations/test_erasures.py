"""Erasures that reach beyond what the index knows."""

from __future__ import annotations

from typing import Any

import pytest

import checkpoints
from checkpoints.stores.removals import ErasesForGood
from dashboard.models import Checkpoint, Failure, Operation, OperationState, Thread
from dashboard.services import scans
from dashboard.services.operations import parts
from tests.benches import Bench
from tests.dashboard.services.operations.test_other_kinds import ask, draft_erase

SAVED: dict[str, Any] = {"state": {"step": 1}, "metadata": {"user_id": "u1"}}


@pytest.fixture
def operation(bench: Bench) -> Operation:
    """An erasure of a user in two threads, of which the index knows neither yet."""
    for agent in ("early", "late"):
        with checkpoints.CheckpointManager(agent, store=bench.url) as manager:
            manager.create_checkpoint(**SAVED)
    return ask(bench, draft_erase(bench, user_id="u1"))


def test_an_erasure_that_fails_in_one_thread_still_has_a_receipt_of_the_others(
    bench: Bench, operation: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    erase_thread = ErasesForGood.erase_thread

    def refuse(store: Any, erasure: Any, **more: Any) -> Any:
        if erasure.agent_id == "late":
            raise checkpoints.PermanentStoreError("the disk is full")
        return erase_thread(store, erasure, **more)

    monkeypatch.setattr(ErasesForGood, "erase_thread", refuse)
    bench.run(operation)

    assert operation.state == OperationState.PARTIAL, operation.message
    lines = {line["agent_id"]: line for line in operation.result["receipt"]["threads"]}
    assert len(lines["early"]["erased"]) == 1
    assert (lines["late"]["erased"], lines["late"]["failure"]) == ([], "the disk is full")


def test_what_the_index_learns_while_it_is_erased_is_forgotten_too(
    bench: Bench, operation: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread_rows = parts.thread_rows

    def then_scan(*args: Any) -> Any:
        found = thread_rows(*args)
        scans.scan_source(source_id=bench.source.pk, now=bench.clock())
        return found

    monkeypatch.setattr(parts, "thread_rows", then_scan)
    bench.run(operation)

    assert operation.state == OperationState.SUCCEEDED, operation.message
    rows = Checkpoint.objects.filter(thread__agent__agent_id__in=["early", "late"])
    assert [row.metadata for row in rows] == [{}, {}]


def test_what_a_run_reported_beside_its_checkpoints_is_erased_with_it(bench: Bench) -> None:
    run_id = bench.rows()[0].run_id
    bench.save({"step": "another run"})
    scans.scan_source(source_id=bench.source.pk, now=bench.clock())
    for name, run in (("gone", run_id), ("stays", "another")):
        Failure.objects.create(
            thread=bench.thread(),
            item_id=name,
            error_type="KeyError",
            message="no such customer: Ada",
            run_id=run,
            at=bench.clock(),
            received_at=bench.clock(),
        )

    operation = bench.run(ask(bench, draft_erase(bench, run_id=run_id)))

    assert operation.state == OperationState.SUCCEEDED, operation.message
    assert [failure.item_id for failure in Failure.objects.all()] == ["stays"]


def test_of_a_thread_that_was_erased_nothing_is_said_any_more(bench: Bench) -> None:
    Thread.objects.update(detail="Which account is Ada's?", next_steps=["ask"])
    whole = {"agent_id": "agent", "thread_id": bench.thread_id}

    bench.run(ask(bench, draft_erase(bench, **whole)))

    thread = bench.thread()
    assert (thread.detail, thread.next_steps) == ("", [])
