"""Forks, edited forks, erasures and verifications, on a native store."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

import checkpoints
from dashboard.models import (
    AuditEvent,
    Operation,
    OperationKind,
    OperationState,
    Role,
)
from dashboard.selectors.operations import operation_status
from dashboard.selectors.overview import overview_page
from dashboard.services import operations
from dashboard.services.operations import OperationRefused
from dashboard.services.operations.erasures import receipt_digest
from tests.benches import Bench
from tests.dashboard.people import join


def ask(bench: Bench, operation: Operation) -> Operation:
    return operations.confirm(
        user=bench.user,
        operation_id=operation.pk,
        plan_hash=operation.plan_hash,
        reason="to look into it",
        now=bench.clock(),
    )


def draft_fork(bench: Bench, **changes: Any) -> Operation:
    return operations.draft_fork(
        **{
            "user": bench.user,
            "checkpoint_pk": bench.rows()[1].pk,
            "thread_id": "aside",
            "idempotency_key": uuid4().hex,
            "now": bench.clock(),
            **changes,
        }
    )


def draft_erase(bench: Bench, **scope: str) -> Operation:
    join(bench.user, Role.ADMIN)
    bench.user.authenticated_at = bench.clock()
    return operations.draft_erase(
        user=bench.user,
        source=bench.source,
        idempotency_key=uuid4().hex,
        now=bench.clock(),
        **scope,
    )


def state_of(bench: Bench, thread_id: str) -> dict[str, Any]:
    store = checkpoints.open_store(bench.url)
    try:
        head = store.head(None, thread_id)
        assert head is not None
        return store.load(store.get(head.checkpoint_id, thread_id=thread_id))
    finally:
        store.close()


def test_a_fork_begins_a_thread_and_leaves_the_other_as_it_is(bench: Bench) -> None:
    head = bench.head()

    operation = bench.run(ask(bench, draft_fork(bench)))

    assert operation.state == OperationState.SUCCEEDED, operation.message
    assert state_of(bench, "aside")["step"] == 1
    assert bench.head() == head
    assert bench.source.agents.get().threads.filter(thread_id="aside").exists()


def test_a_fork_leads_to_its_new_thread_and_calls_nobody(bench: Bench) -> None:
    operation = bench.run(ask(bench, draft_fork(bench)))

    status = operation_status(user=bench.user, operation_id=operation.pk)
    page = overview_page(user=bench.user, now=bench.clock())

    assert status.thread is not None
    assert status.thread.thread_id == "aside"
    assert "aside" not in [thread.thread_id for thread in page.threads]


def test_an_edited_fork_begins_with_the_edited_state(bench: Bench) -> None:
    edits = [checkpoints.Edit(path=("step",), value=41)]

    operation = bench.run(ask(bench, draft_fork(bench, edits=edits)))

    assert operation.kind == OperationKind.EDIT_FORK
    assert operation.state == OperationState.SUCCEEDED, operation.message
    assert state_of(bench, "aside")["step"] == 41


def test_a_fork_onto_a_thread_that_is_there_is_refused(bench: Bench) -> None:
    with pytest.raises(OperationRefused, match="Nothing was asked for"):
        draft_fork(bench, thread_id="main")


def test_a_thread_that_somebody_made_meanwhile_is_left_alone(bench: Bench) -> None:
    operation = ask(bench, draft_fork(bench))
    with checkpoints.CheckpointManager("agent", store=bench.url, thread="aside") as manager:
        manager.create_checkpoint(state={"step": "mine"})

    bench.run(operation)

    assert operation.state == OperationState.REFUSED_STALE
    assert state_of(bench, "aside")["step"] == "mine"


def test_the_same_draft_of_a_fork_is_found_again_after_it_was_carried_out(bench: Bench) -> None:
    operation = bench.run(ask(bench, draft_fork(bench, idempotency_key="once")))

    assert draft_fork(bench, idempotency_key="once") == operation


def test_a_run_is_erased_with_a_receipt(bench: Bench) -> None:
    run_id = bench.rows()[0].run_id
    with checkpoints.CheckpointManager("agent", store=bench.url) as manager:
        manager.resume()
        manager.create_checkpoint(state={"step": "another run"})
    operations.reconcile(now=bench.clock())

    operation = bench.run(ask(bench, draft_erase(bench, run_id=run_id)))

    assert operation.state == OperationState.SUCCEEDED, operation.message
    receipt = operation.result["receipt"]
    assert receipt["scope"] == {"run_id": run_id}
    assert len(receipt["threads"][0]["erased"]) == 5
    assert receipt["sha256"] == receipt_digest(receipt)
    ended = AuditEvent.objects.get(action="operation.succeeded", target=str(operation.pk))
    assert ended.details["receipt_sha256"] == receipt["sha256"]
    assert state_of(bench, "main") == {"step": "another run"}


def test_of_what_was_erased_the_index_keeps_nothing_but_names(bench: Bench) -> None:
    run_id = bench.rows()[0].run_id

    bench.run(ask(bench, draft_erase(bench, run_id=run_id)))

    for row in bench.rows():
        assert row.removed_reason == "erased"
        assert (row.metadata, row.metrics, row.run_id, row.sha256) == ({}, {}, "", "")


def test_a_thread_of_which_nothing_is_left_says_nothing_about_a_run(bench: Bench) -> None:
    bench.run(ask(bench, draft_erase(bench, thread_id="main")))

    thread = bench.thread()

    assert (thread.status, thread.head, thread.next_steps) == ("unknown", None, [])


def test_an_erasure_whose_run_has_saved_since_is_refused(bench: Bench) -> None:
    with checkpoints.CheckpointManager("agent", store=bench.url, run_id="r1") as manager:
        manager.resume()
        manager.create_checkpoint(state={"step": "r1"})
        operation = ask(bench, draft_erase(bench, run_id="r1"))
        manager.create_checkpoint(state={"step": "more of r1"})

    bench.run(operation)

    assert operation.state == OperationState.REFUSED_STALE
    assert state_of(bench, "main") == {"step": "more of r1"}


def test_an_erasure_cannot_be_undone(bench: Bench) -> None:
    operation = bench.run(ask(bench, draft_erase(bench, run_id=bench.rows()[0].run_id)))

    with pytest.raises(OperationRefused, match="gone for good"):
        bench.undo(operation)


def test_nothing_that_belongs_to_it_is_said_before_anything_is_asked_for(bench: Bench) -> None:
    with pytest.raises(OperationRefused, match="Nothing in this store belongs to it"):
        draft_erase(bench, run_id="nobody's")


def draft_verify(bench: Bench) -> Operation:
    return operations.draft_verify(
        user=bench.user, source=bench.source, idempotency_key=uuid4().hex, now=bench.clock()
    )


def test_a_sound_store_is_verified(bench: Bench) -> None:
    operation = bench.run(ask(bench, draft_verify(bench)))

    assert operation.state == OperationState.SUCCEEDED
    assert operation.message == "Everything was read and nothing is wrong."
