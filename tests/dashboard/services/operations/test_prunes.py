"""A prune, its undo and the sweeps, on a native store."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

import checkpoints
from dashboard.models import (
    Checkpoint,
    Operation,
    OperationKind,
    OperationState,
    Thread,
    TrashedBatch,
)
from dashboard.services import operations
from dashboard.services.operations import OperationRefused, PruneOf, Scope
from dashboard.services.operations.sweeps import BETWEEN_SWEEPS
from tests.benches import Bench

GRACE = timedelta(days=7)


def ask_for_prune(bench: Bench, *, newest: int = 2, selected: list[str] | None = None) -> Operation:
    bench.user.authenticated_at = bench.clock()
    if selected is None:
        policy = checkpoints.RetentionPolicy(newest=newest)
        wanted = PruneOf(thread=bench.thread(), policy=policy)
    else:
        reasons = dict.fromkeys(selected, "selected")
        wanted = PruneOf(thread=bench.thread(), selected=reasons)
    operation = operations.draft_prune(
        user=bench.user,
        scope=Scope(source=bench.source),
        wanted=[wanted],
        idempotency_key=uuid4().hex,
        now=bench.clock(),
    )
    return operations.confirm(
        user=bench.user,
        operation_id=operation.pk,
        plan_hash=operation.plan_hash,
        reason="too many",
        now=bench.clock(),
    )


def listed(bench: Bench) -> list[str]:
    store = checkpoints.open_store(bench.url)
    try:
        return [record.id for record in reversed(store.history(None, bench.thread_id))]
    finally:
        store.close()


def sweep(bench: Bench) -> Operation | None:
    """Let the reconciler begin a sweep, and carry it out."""
    operations.reconcile(now=bench.clock())
    queued = Operation.objects.filter(kind=OperationKind.SWEEP, state=OperationState.QUEUED)
    operation = queued.first()
    return bench.run(operation) if operation else None


def test_what_a_policy_does_not_keep_goes_to_the_trash(bench: Bench) -> None:
    ids = listed(bench)

    operation = bench.run(ask_for_prune(bench))

    assert operation.state == OperationState.SUCCEEDED, operation.message
    assert listed(bench) == ids[-2:]
    assert "3 checkpoints went to the trash" in operation.message
    assert TrashedBatch.objects.get().checkpoint_ids == list(reversed(ids[:-2]))


def test_what_went_stays_in_the_index_with_its_reason(bench: Bench) -> None:
    bench.run(ask_for_prune(bench))

    row = bench.rows()[0]

    assert row.removed_at is not None
    assert row.removed_reason.endswith("not among the newest 2")
    assert bench.thread().checkpoint_count == 2


def test_a_thread_that_its_store_has_lost_keeps_no_other_from_being_pruned(bench: Bench) -> None:
    lost = Thread.objects.create(agent=bench.thread().agent, thread_id="lost")
    bench.user.authenticated_at = bench.clock()
    policy = checkpoints.RetentionPolicy(newest=2)

    draft = operations.draft_prune(
        user=bench.user,
        scope=Scope(source=bench.source),
        wanted=[PruneOf(thread=one, policy=policy) for one in (lost, bench.thread())],
        idempotency_key=uuid4().hex,
        now=bench.clock(),
    )

    notes = [part["notes"] for part, _ in draft.plan["parts"]]
    assert "left out" in notes[0][0]
    assert notes[1] == []


def test_only_what_was_selected_goes(bench: Bench) -> None:
    ids = listed(bench)

    bench.run(ask_for_prune(bench, selected=[ids[1]]))

    assert listed(bench) == [ids[0], *ids[2:]]


def test_the_head_does_not_go_even_when_it_was_selected(bench: Bench) -> None:
    with pytest.raises(OperationRefused, match="Nothing would go"):
        ask_for_prune(bench, selected=[listed(bench)[-1]])


def test_what_becomes_the_head_or_is_pinned_meanwhile_stays_and_is_named(bench: Bench) -> None:
    ids = listed(bench)
    operation = ask_for_prune(bench)
    store = checkpoints.open_native_store(bench.url)
    store.pin(store.get(ids[0]), reason="evidence", now=bench.clock())
    store.set_head(store.get(ids[1]), expected=ids[-1], now=bench.clock())
    store.close()

    bench.run(operation)

    assert operation.state == OperationState.PARTIAL
    assert set(operation.result["stayed"]) == {ids[0], ids[1]}
    assert "evidence" in operation.result["stayed"][ids[0]]
    assert listed(bench) == [ids[0], ids[1], *ids[3:]]


def test_what_an_agent_saves_meanwhile_is_never_touched(bench: Bench) -> None:
    operation = ask_for_prune(bench)
    bench.save({"step": "new"})

    bench.run(operation)

    assert operation.state == OperationState.SUCCEEDED
    assert len(listed(bench)) == 3


def test_a_prune_is_undone_by_bringing_back_all_that_went(bench: Bench) -> None:
    ids = listed(bench)
    operation = bench.run(ask_for_prune(bench))

    undo = bench.run(bench.undo(operation))

    assert undo.state == OperationState.SUCCEEDED, undo.message
    assert listed(bench) == ids
    operation.refresh_from_db()
    assert operation.state == OperationState.UNDONE
    assert not Checkpoint.objects.filter(removed_at__isnull=False).exists()
    assert TrashedBatch.objects.get().returned_at is not None


def test_an_operation_is_being_undone_until_its_undo_ends(bench: Bench) -> None:
    operation = bench.run(ask_for_prune(bench))

    undo = bench.undo(operation)

    operation.refresh_from_db()
    assert operation.state == OperationState.UNDOING
    operations.cancel(user=bench.user, operation_id=undo.pk, now=bench.clock())
    operation.refresh_from_db()
    assert operation.state == OperationState.SUCCEEDED


def test_nothing_is_swept_before_its_grace_is_over(bench: Bench) -> None:
    bench.run(ask_for_prune(bench))
    bench.clock.pass_by((GRACE - timedelta(minutes=1)).total_seconds())

    assert sweep(bench) is None


def test_only_the_second_sweep_deletes(bench: Bench) -> None:
    bench.run(ask_for_prune(bench))
    bench.clock.pass_by(GRACE.total_seconds() + 1)

    first = sweep(bench)
    assert first is not None
    assert first.state == OperationState.SUCCEEDED
    assert TrashedBatch.objects.get().purged_at is None
    assert sweep(bench) is None

    bench.clock.pass_by(BETWEEN_SWEEPS.total_seconds() + 1)
    second = sweep(bench)

    assert second is not None
    assert second.state == OperationState.SUCCEEDED, second.message
    assert "3 checkpoints were deleted for good" in second.message
    assert TrashedBatch.objects.get().purged_at is not None


def test_what_was_swept_cannot_be_brought_back_and_it_is_said(bench: Bench) -> None:
    operation = bench.run(ask_for_prune(bench))
    bench.clock.pass_by(GRACE.total_seconds() + 1)
    sweep(bench)
    bench.clock.pass_by(BETWEEN_SWEEPS.total_seconds() + 1)
    sweep(bench)

    with pytest.raises(OperationRefused, match="gone for good"):
        bench.undo(operation)


def test_an_undo_between_two_sweeps_brings_everything_back(bench: Bench) -> None:
    ids = listed(bench)
    operation = bench.run(ask_for_prune(bench))
    bench.clock.pass_by(GRACE.total_seconds() + 1)
    sweep(bench)
    undo = bench.undo(operation)
    bench.clock.pass_by(BETWEEN_SWEEPS.total_seconds() + 1)

    swept = sweep(bench)
    bench.run(undo)

    assert swept is None or swept.state != OperationState.SUCCEEDED or swept.result["noted"] == 0
    assert undo.state == OperationState.SUCCEEDED, undo.message
    assert listed(bench) == ids
