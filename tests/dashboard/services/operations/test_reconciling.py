"""What the reconciler finds: lost hints, abandoned work, overtaken restores."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

import checkpoints
from dashboard import queue
from dashboard.models import Heartbeat, Operation, OperationState, Thread
from dashboard.services import operations, scans
from dashboard.services.operations import claims
from tests.benches import Bench


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The hints that would be sent."""
    sent: list[UUID] = []
    monkeypatch.setattr(queue, "enqueue_operation", sent.append)
    return sent


def claim(operation: Operation, bench: Bench) -> claims.Claim | None:
    return claims.claim(operation_id=operation.pk, worker="w", now=bench.clock())


def test_a_hint_that_nobody_heard_is_sent_again_after_ten_seconds(
    bench: Bench, hints: list[UUID]
) -> None:
    operation = bench.request(bench.rows()[1])
    hints.clear()

    bench.clock.pass_by(9)
    operations.reconcile(now=bench.clock())
    assert hints == []

    bench.clock.pass_by(2)
    operations.reconcile(now=bench.clock())
    assert hints == [operation.pk]


def test_two_reconcilers_send_one_hint(bench: Bench, hints: list[UUID]) -> None:
    bench.request(bench.rows()[1])
    hints.clear()
    bench.clock.pass_by(11)

    operations.reconcile(now=bench.clock())
    operations.reconcile(now=bench.clock())

    assert len(hints) == 1


def test_abandoned_work_is_hinted_at_once_its_lease_has_ended(
    bench: Bench, hints: list[UUID]
) -> None:
    operation = bench.request(bench.rows()[1])
    assert claim(operation, bench) is not None
    hints.clear()

    bench.clock.pass_by(59)
    operations.reconcile(now=bench.clock())
    assert hints == []

    bench.clock.pass_by(2)
    operations.reconcile(now=bench.clock())
    assert hints == [operation.pk]


def test_the_reconciler_leaves_a_sign_of_life(bench: Bench) -> None:
    operations.reconcile(now=bench.clock())

    assert Heartbeat.objects.get(name="reconciler").at == bench.clock()


def test_a_waiting_operation_of_the_thread_is_hinted_when_the_first_one_ends(
    bench: Bench, hints: list[UUID]
) -> None:
    first, second = bench.request(bench.rows()[1]), bench.request(bench.rows()[2])
    hints.clear()

    bench.run(first)

    assert hints == [second.pk]


def test_one_thread_is_changed_by_one_operation_at_a_time(bench: Bench) -> None:
    first, second = bench.request(bench.rows()[1]), bench.request(bench.rows()[2])

    assert claim(first, bench) is not None
    assert claim(second, bench) is None

    second.refresh_from_db()
    assert (second.state, second.attempts) == (OperationState.QUEUED, 0)


def test_a_thread_stays_with_an_abandoned_operation_until_that_is_settled(bench: Bench) -> None:
    first, second = bench.request(bench.rows()[1]), bench.request(bench.rows()[2])
    assert claim(first, bench) is not None
    bench.clock.pass_by(61)

    assert claim(second, bench) is None
    assert bench.run(first).state == OperationState.SUCCEEDED
    assert bench.run(second).state == OperationState.REFUSED_STALE


def overtake(bench: Bench) -> str:
    """Save as a live run would that never heard of the restore: on top of the old head."""
    store = checkpoints.open_store(bench.url)
    assert isinstance(store, checkpoints.Store)
    old = bench.rows()[-1]
    draft = checkpoints.Draft(
        id="of-the-live-run",
        agent_id="agent",
        thread_id="main",
        step=old.step + 1,
        created_at=old.created_at + timedelta(seconds=1),
        parent_id=old.checkpoint_id,
    )
    store.put(draft, {"step": "live"}, expected_head=bench.head().checkpoint_id)
    store.close()
    return draft.id


def test_a_restore_that_a_live_run_overtakes_is_called_superseded_with_both_heads(
    bench: Bench,
) -> None:
    target = bench.rows()[1].checkpoint_id
    operation = bench.run(bench.request(bench.rows()[1]))
    assert operation.state == OperationState.SUCCEEDED
    live = overtake(bench)
    scans.scan_source(source_id=bench.source.pk, now=bench.clock())

    operations.reconcile(now=bench.clock())

    operation.refresh_from_db()
    assert operation.state == OperationState.SUPERSEDED
    assert target in operation.message
    assert live in operation.message


def test_a_restore_that_stands_in_its_store_is_not_called_superseded_by_the_index(
    bench: Bench,
) -> None:
    operation = bench.run(bench.request(bench.rows()[1]))
    Thread.objects.update(head=bench.rows()[-1])

    found = operations.reconcile(now=bench.clock())

    operation.refresh_from_db()
    assert (found.superseded, operation.state) == (0, OperationState.SUCCEEDED)


def test_what_a_live_run_has_overtaken_cannot_be_undone(bench: Bench) -> None:
    operation = bench.run(bench.request(bench.rows()[1]))
    live = overtake(bench)

    with pytest.raises(operations.PlanStale) as refused:
        bench.undo(operation)

    assert refused.value.actual == live


def test_a_restore_that_was_undone_is_not_called_superseded(bench: Bench) -> None:
    operation = bench.run(bench.request(bench.rows()[1]))
    bench.run(bench.undo(operation))

    operations.reconcile(now=bench.clock())

    operation.refresh_from_db()
    assert operation.state == OperationState.UNDONE


def test_a_cancelled_operation_lets_the_next_one_have_the_thread(bench: Bench) -> None:
    first, second = bench.request(bench.rows()[1]), bench.request(bench.rows()[2])

    operations.cancel(user=bench.user, operation_id=first.pk, now=bench.clock())

    assert bench.run(second).state == OperationState.SUCCEEDED
