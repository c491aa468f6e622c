"""A restore from its preview to its end, on the native store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import checkpoints
from dashboard.models import (
    AuditEvent,
    Checkpoint,
    Operation,
    OperationState,
    OperationStep,
    ThreadLock,
    User,
)
from dashboard.services import operations
from dashboard.services.operations import claims
from dashboard.services.operations.seen_plans import PLAN_LIFETIME, Seen, SeenPlan
from tests.benches import Bench
from tests.dashboard.people import join


def test_the_preview_says_what_becomes_a_branch_and_how_to_do_it_by_hand(bench: Bench) -> None:
    target, *later = bench.rows()[1:]

    preview = bench.preview(target)

    assert preview.refused is None
    assert preview.becomes_branch == tuple(row.checkpoint_id for row in reversed(later))
    assert preview.head == later[-1]
    assert preview.cli.startswith("holdfast restore sqlite:///")
    assert target.checkpoint_id in preview.cli


def test_the_head_itself_cannot_be_restored_and_the_preview_says_why(bench: Bench) -> None:
    preview = bench.preview(bench.rows()[-1])

    assert preview.refused is not None
    assert "already is the head" in preview.refused
    assert preview.plan_token == ""


def test_a_restore_moves_the_head_of_the_store_and_of_the_index(bench: Bench) -> None:
    target = bench.rows()[1]

    operation = bench.run(bench.request(target))

    assert operation.state == OperationState.SUCCEEDED
    assert bench.head().checkpoint_id == target.checkpoint_id
    assert bench.thread().head == target


def test_a_restore_loses_nothing(bench: Bench) -> None:
    before = bench.rows()

    bench.run(bench.request(before[1]))

    store = checkpoints.open_store(bench.url)
    kept = {record.id for record in store.history("agent", "main")}
    assert kept == {row.checkpoint_id for row in before}


def test_a_finished_operation_frees_its_thread_and_is_audited(bench: Bench) -> None:
    operation = bench.run(bench.request(bench.rows()[1]))

    assert not ThreadLock.objects.exists()
    actions = AuditEvent.objects.filter(target=str(operation.pk)).values_list("action", flat=True)
    assert list(actions.order_by("pk")) == ["operation.requested", "operation.succeeded"]


def test_two_clicks_are_one_operation(bench: Bench) -> None:
    key = uuid4().hex

    first, second = bench.request(bench.rows()[1], key=key), bench.request(bench.rows()[1], key=key)

    assert first == second


def test_a_key_that_was_used_for_another_checkpoint_is_refused(bench: Bench) -> None:
    key = uuid4().hex
    bench.request(bench.rows()[1], key=key)

    with pytest.raises(operations.OperationRefused, match="already used"):
        bench.request(bench.rows()[2], key=key)


def test_a_reason_is_required(bench: Bench) -> None:
    row = bench.rows()[1]

    with pytest.raises(operations.OperationRefused, match="reason"):
        operations.request_restore(
            user=bench.user,
            checkpoint_pk=row.pk,
            plan_token=bench.preview(row).plan_token,
            reason="  ",
            idempotency_key="key",
            now=bench.clock(),
        )


def request_with(bench: Bench, token: str) -> None:
    operations.request_restore(
        user=bench.user,
        checkpoint_pk=bench.rows()[1].pk,
        plan_token=token,
        reason="late",
        idempotency_key="key",
        now=bench.clock(),
    )


def test_a_preview_expires(bench: Bench) -> None:
    token = bench.preview(bench.rows()[1]).plan_token
    bench.clock.pass_by(15 * 60 + 1)

    with pytest.raises(operations.PlanExpired):
        request_with(bench, token)


def test_a_forged_preview_is_refused(bench: Bench) -> None:
    token = bench.preview(bench.rows()[1]).plan_token

    with pytest.raises(operations.OperationRefused, match="not that of your preview"):
        request_with(bench, token[:-1] + ("A" if token[-1] != "A" else "B"))


def test_a_preview_of_another_checkpoint_is_refused(bench: Bench) -> None:
    token = bench.preview(bench.rows()[2]).plan_token

    with pytest.raises(operations.OperationRefused, match="not that of your preview"):
        request_with(bench, token)


def test_a_preview_that_somebody_else_saw_is_refused(bench: Bench) -> None:
    target = bench.rows()[1]
    token = bench.preview(target).plan_token
    bench.user = join(User.objects.create_user("another"))

    with pytest.raises(operations.OperationRefused, match="not that of your preview"):
        bench.request(target, plan_token=token)


def test_a_plan_that_differs_under_the_same_head_is_not_called_stale(bench: Bench) -> None:
    target = bench.rows()[1]
    seen = SeenPlan(
        plan_hash="0" * 64,
        expected_head=bench.head().checkpoint_id,
        expires_at=bench.clock() + PLAN_LIFETIME,
    )
    token = seen.token(Seen(checkpoint_pk=target.pk, user_pk=bench.user.pk))

    with pytest.raises(operations.OperationRefused, match="content or plan is not") as refused:
        bench.request(target, plan_token=token)

    assert not isinstance(refused.value, operations.PlanStale)


def test_a_key_of_a_restore_is_not_taken_for_an_undo_to_the_same_checkpoint(bench: Bench) -> None:
    old_head = bench.rows()[-1]
    bench.run(bench.request(bench.rows()[1]))
    first = bench.run(bench.request(old_head, key="a-click"))
    second = bench.run(bench.request(bench.rows()[1]))
    assert second.previous_head_id == first.target_id

    with pytest.raises(operations.OperationRefused, match="already used"):
        operations.request_undo(
            user=bench.user,
            operation_id=second.pk,
            reason="back",
            idempotency_key="a-click",
            now=bench.clock(),
        )


def test_a_head_that_moved_since_the_preview_is_refused_with_both_heads(bench: Bench) -> None:
    token = bench.preview(bench.rows()[1]).plan_token
    seen = bench.head().checkpoint_id
    bench.save({"step": 5})

    with pytest.raises(operations.PlanStale) as refused:
        request_with(bench, token)

    assert (refused.value.expected, refused.value.actual) == (seen, bench.head().checkpoint_id)


def test_a_head_that_moved_since_the_request_is_refused_and_left_alone(bench: Bench) -> None:
    operation = bench.request(bench.rows()[1])
    seen = bench.head().checkpoint_id
    bench.save({"step": 5})
    live = bench.head()

    bench.run(operation)

    assert operation.state == OperationState.REFUSED_STALE
    assert (operation.result["expected_head"], operation.result["head_id"]) == (
        seen,
        live.checkpoint_id,
    )
    assert bench.head() == live
    assert not OperationStep.objects.exists()


def test_a_restore_is_undone_by_a_restore_of_the_head_before(bench: Bench) -> None:
    before = bench.head().checkpoint_id
    first = bench.run(bench.request(bench.rows()[1]))

    undo = bench.run(bench.undo(first))

    first.refresh_from_db()
    assert undo.state == OperationState.SUCCEEDED
    assert first.state == OperationState.UNDONE
    assert bench.head().checkpoint_id == before
    assert undo.undo_of == first


def test_an_undo_can_be_asked_for_once(bench: Bench) -> None:
    first = bench.run(bench.request(bench.rows()[1]))
    bench.undo(first)

    with pytest.raises(operations.OperationRefused, match="already under way"):
        bench.undo(first)


def test_an_undo_that_came_to_nothing_can_be_asked_for_again(bench: Bench) -> None:
    first = bench.run(bench.request(bench.rows()[1]))
    stale = bench.undo(first)
    bench.run(bench.request(bench.rows()[2]))
    assert bench.run(stale).state == OperationState.REFUSED_STALE

    again = bench.run(bench.undo(first))

    assert again.state == OperationState.SUCCEEDED


def test_what_did_not_succeed_cannot_be_undone(bench: Bench) -> None:
    operation = bench.request(bench.rows()[1])

    with pytest.raises(operations.OperationRefused, match="Only what succeeded"):
        bench.undo(operation)


def test_a_waiting_operation_can_be_cancelled(bench: Bench) -> None:
    operation = bench.request(bench.rows()[1])
    head = bench.head()

    operations.cancel(user=bench.user, operation_id=operation.pk, now=bench.clock())
    bench.run(operation)

    assert operation.state == OperationState.CANCELLED
    assert bench.head() == head


def cancel_in_phase(bench: Bench, operation: Operation, phase: str) -> None:
    """Run an operation that somebody cancels while it is in ``phase``."""
    advance = claims.advance

    def interrupted(*args: Any, **options: Any) -> None:
        advance(*args, **options)
        if options["phase"] == phase:
            operations.cancel(user=bench.user, operation_id=operation.pk, now=bench.clock())

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(claims, "advance", interrupted)
        bench.run(operation)


@pytest.mark.parametrize("phase", ["checking", "safety"])
def test_a_running_operation_can_be_cancelled_until_its_first_step(
    bench: Bench, phase: str
) -> None:
    operation, head = bench.request(bench.rows()[1]), bench.head()

    cancel_in_phase(bench, operation, phase)

    assert operation.state == OperationState.CANCELLED
    assert bench.head() == head
    assert not ThreadLock.objects.exists()


@pytest.mark.parametrize("phase", ["applying", "verifying"])
def test_a_cancel_that_comes_too_late_does_not_hide_what_was_done(bench: Bench, phase: str) -> None:
    operation = bench.request(bench.rows()[1])

    cancel_in_phase(bench, operation, phase)

    assert operation.state == OperationState.SUCCEEDED
    assert bench.head().checkpoint_id == operation.target_id


def test_an_operation_that_has_ended_cannot_be_cancelled(bench: Bench) -> None:
    operation = bench.run(bench.request(bench.rows()[1]))

    with pytest.raises(operations.OperationRefused, match="has ended"):
        operations.cancel(user=bench.user, operation_id=operation.pk, now=bench.clock())


def test_only_what_failed_can_be_retried(bench: Bench) -> None:
    operation = bench.run(bench.request(bench.rows()[1]))

    with pytest.raises(operations.OperationRefused, match="Only what failed"):
        operations.retry(user=bench.user, operation_id=operation.pk, now=bench.clock())


def test_a_plan_that_was_tampered_with_is_not_run(bench: Bench) -> None:
    operation = bench.request(bench.rows()[1])
    operation.plan["targets"][0]["checkpoint_id"] = bench.rows()[2].checkpoint_id
    operation.save()
    head = bench.head()

    bench.run(operation)

    assert operation.state == OperationState.FAILED
    assert bench.head() == head


def test_an_agent_that_goes_on_from_the_restored_checkpoint_keeps_it_succeeded(
    bench: Bench,
) -> None:
    operation = bench.run(bench.request(bench.rows()[1]))
    bench.save({"step": "new line"})

    operations.reconcile(now=bench.clock())

    operation.refresh_from_db()
    assert operation.state == OperationState.SUCCEEDED


def test_an_agent_that_saved_a_moment_ago_looks_alive(bench: Bench) -> None:
    bench.clock.now = bench.rows()[-1].created_at + timedelta(seconds=1)
    assert bench.preview(bench.rows()[1]).agent_looks_alive

    bench.clock.pass_by(3600)
    assert not bench.preview(bench.rows()[1]).agent_looks_alive


def damage(bench: Bench, row: Checkpoint) -> None:
    """Flip a byte of the stored state."""
    with closing(sqlite3.connect(bench.url.removeprefix("sqlite:///"))) as database:
        sql = "SELECT frame FROM checkpoints WHERE id = ?"
        (frame,) = database.execute(sql, (row.checkpoint_id,)).fetchone()
        altered = frame[:-1] + bytes([frame[-1] ^ 1])
        database.execute(
            "UPDATE checkpoints SET frame = ? WHERE id = ?", (altered, row.checkpoint_id)
        )
        database.commit()


def test_what_a_restore_appended_is_no_sign_of_a_live_agent(bench: Bench) -> None:
    target, last = bench.rows()[1], bench.rows()[-1]
    bench.clock.pass_by(3_600)
    Checkpoint.objects.create(
        thread=last.thread,
        checkpoint_id="appended",
        step=last.step + 1,
        metadata={"holdfast_operation_id": "1"},
        created_at=bench.clock(),
        received_at=bench.clock(),
    )

    assert not bench.preview(target).agent_looks_alive


def test_a_damaged_checkpoint_is_refused_in_the_preview(bench: Bench) -> None:
    row = bench.rows()[1]
    damage(bench, row)

    preview = bench.preview(row)

    assert preview.refused is not None
    assert row.checkpoint_id in preview.refused


def test_a_checkpoint_that_was_damaged_since_the_request_is_not_restored(bench: Bench) -> None:
    row, head = bench.rows()[1], bench.head()
    operation = bench.request(row)
    damage(bench, row)

    bench.run(operation)

    assert operation.state == OperationState.FAILED
    assert bench.head() == head


def test_a_source_that_is_gone_fails_the_operation_and_says_so(bench: Bench) -> None:
    operation = bench.request(bench.rows()[1])
    Path(bench.url.removeprefix("sqlite:///")).unlink()

    bench.run(operation)

    assert operation.state == OperationState.FAILED
    assert "agents.db" in operation.message


def test_a_source_that_is_only_reported_about_is_refused_in_the_preview(bench: Bench) -> None:
    bench.source.connected = False
    bench.source.save()

    preview = bench.preview(bench.rows()[1])

    assert preview.refused is not None
    assert "Connect it" in preview.refused
