"""From a draft to a request: confirmed by its hash, approved by a second person where asked for."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

import checkpoints
from dashboard.access import Forbidden, Hidden, LoginTooOld
from dashboard.models import AuditEvent, Operation, OperationState, Project, Role, User
from dashboard.services import operations
from dashboard.services.operations import OperationRefused, PlanExpired, PruneOf, Scope
from tests.benches import Bench
from tests.dashboard.people import join


def draft(bench: Bench, *, key: str | None = None) -> Operation:
    return operations.draft_restore(
        user=bench.user,
        checkpoint_pk=bench.rows()[1].pk,
        idempotency_key=key or uuid4().hex,
        now=bench.clock(),
    )


def draft_prune(bench: Bench, *, newest: int = 2) -> Operation:
    bench.user.authenticated_at = bench.clock()
    policy = checkpoints.RetentionPolicy(newest=newest)
    return operations.draft_prune(
        user=bench.user,
        scope=Scope(source=bench.source),
        wanted=[PruneOf(thread=bench.thread(), policy=policy)],
        idempotency_key=uuid4().hex,
        now=bench.clock(),
    )


def confirm(bench: Bench, operation: Operation, **changes: str) -> Operation:
    values = {"plan_hash": operation.plan_hash, "reason": "it went astray", **changes}
    return operations.confirm(
        user=bench.user, operation_id=operation.pk, now=bench.clock(), **values
    )


def asks_for_approval(bench: Bench) -> User:
    """Make the project ask for a second person and return one."""
    Project.objects.filter(pk=bench.source.project.pk).update(requires_approval=True)
    return join(User.objects.create(username="second"))


def test_a_draft_changes_nothing_until_it_is_confirmed(bench: Bench) -> None:
    head = bench.head()

    operation = bench.run(draft(bench))

    assert operation.state == OperationState.DRAFT
    assert bench.head() == head


def test_a_confirmed_draft_is_carried_out(bench: Bench) -> None:
    operation = bench.run(confirm(bench, draft(bench)))

    assert operation.state == OperationState.SUCCEEDED
    assert operation.reason == "it went astray"
    assert bench.head().checkpoint_id == bench.rows()[1].checkpoint_id


def test_a_draft_that_is_confirmed_twice_is_asked_for_once(bench: Bench) -> None:
    operation = draft(bench)

    confirm(bench, operation)
    confirm(bench, operation)

    asked = AuditEvent.objects.filter(action="operation.requested", target=str(operation.pk))
    assert asked.count() == 1


def test_the_same_key_makes_one_draft(bench: Bench) -> None:
    assert draft(bench, key="once") == draft(bench, key="once")


def test_a_draft_cannot_be_confirmed_after_a_quarter_of_an_hour(bench: Bench) -> None:
    operation = draft(bench)
    bench.clock.pass_by(15 * 60 + 1)

    with pytest.raises(PlanExpired, match="older than 15 minutes"):
        confirm(bench, operation)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"plan_hash": "0" * 64}, "not that of this preview"), ({"reason": "  "}, "Say why")],
)
def test_what_was_not_seen_or_has_no_reason_is_not_asked_for(
    bench: Bench, changes: dict[str, str], words: str
) -> None:
    operation = draft(bench)

    with pytest.raises(OperationRefused, match=words):
        confirm(bench, operation, **changes)

    operation.refresh_from_db()
    assert operation.state == OperationState.DRAFT


def test_only_its_maker_can_confirm_a_draft(bench: Bench) -> None:
    operation = draft(bench)
    other = join(User.objects.create(username="other"))

    with pytest.raises(OperationRefused, match="Only who made this draft"):
        operations.confirm(
            user=other,
            operation_id=operation.pk,
            plan_hash=operation.plan_hash,
            reason="mine",
            now=bench.clock(),
        )


def test_a_draft_of_another_project_is_not_there(bench: Bench) -> None:
    operation = draft(bench)
    stranger = User.objects.create(username="stranger")

    with pytest.raises(Hidden):
        operations.find_operation(user=stranger, operation_id=operation.pk)


def test_a_viewer_cannot_make_a_draft(bench: Bench) -> None:
    join(bench.user, Role.VIEWER)

    with pytest.raises(Forbidden):
        draft(bench)


def test_a_prune_needs_a_login_that_is_recent(bench: Bench) -> None:
    operation = draft_prune(bench)
    bench.user.authenticated_at = bench.clock() - timedelta(hours=1)

    with pytest.raises(LoginTooOld):
        confirm(bench, operation)


def test_an_operator_cannot_erase(bench: Bench) -> None:
    bench.user.authenticated_at = bench.clock()

    with pytest.raises(Forbidden):
        operations.draft_erase(
            user=bench.user,
            source=bench.source,
            run_id="r",
            idempotency_key="k",
            now=bench.clock(),
        )


def test_many_removals_are_confirmed_by_the_name_of_what_they_are_taken_from(bench: Bench) -> None:
    with checkpoints.CheckpointManager("agent", store=bench.url) as manager:
        manager.resume()
        for step in range(12):
            manager.create_checkpoint(state={"step": step})
    operation = draft_prune(bench)

    with pytest.raises(OperationRefused, match=f"Type {bench.source.name}"):
        confirm(bench, operation, typed="something")
    assert confirm(bench, operation, typed=bench.source.name).state == OperationState.QUEUED


def test_a_request_waits_for_a_second_person_where_the_project_asks_for_one(bench: Bench) -> None:
    second = asks_for_approval(bench)
    operation = bench.run(confirm(bench, draft(bench)))
    assert operation.state == OperationState.PENDING_APPROVAL

    operations.approve(
        user=second, operation_id=operation.pk, plan_hash=operation.plan_hash, now=bench.clock()
    )

    assert bench.run(operation).state == OperationState.SUCCEEDED
    assert operation.approved_by == second


def test_a_restore_from_its_page_waits_for_a_second_person_too(bench: Bench) -> None:
    asks_for_approval(bench)

    assert bench.request(bench.rows()[1]).state == OperationState.PENDING_APPROVAL


def test_nobody_approves_their_own_request(bench: Bench) -> None:
    asks_for_approval(bench)
    operation = confirm(bench, draft(bench))

    with pytest.raises(OperationRefused, match="a second person"):
        operations.approve(
            user=bench.user,
            operation_id=operation.pk,
            plan_hash=operation.plan_hash,
            now=bench.clock(),
        )


def test_another_plan_than_the_waiting_one_is_not_approved(bench: Bench) -> None:
    second = asks_for_approval(bench)
    operation = confirm(bench, draft(bench))

    with pytest.raises(OperationRefused, match="not the plan"):
        operations.approve(
            user=second, operation_id=operation.pk, plan_hash="0" * 64, now=bench.clock()
        )


def test_the_database_refuses_an_approval_by_the_same_person(bench: Bench) -> None:
    asks_for_approval(bench)
    operation = confirm(bench, draft(bench))

    with pytest.raises(IntegrityError, match="approved_by_a_second_person"), transaction.atomic():
        Operation.objects.filter(pk=operation.pk).update(approved_by=bench.user)


def test_the_database_refuses_to_let_it_run_unapproved(bench: Bench) -> None:
    asks_for_approval(bench)
    operation = confirm(bench, draft(bench))

    with pytest.raises(IntegrityError, match="nothing_runs_unapproved"), transaction.atomic():
        Operation.objects.filter(pk=operation.pk).update(state=OperationState.QUEUED)


def test_what_nobody_approves_within_a_day_is_cancelled(bench: Bench) -> None:
    second = asks_for_approval(bench)
    operation = confirm(bench, draft(bench))
    bench.clock.pass_by(24 * 3600 + 1)

    with pytest.raises(PlanExpired):
        operations.approve(
            user=second, operation_id=operation.pk, plan_hash=operation.plan_hash, now=bench.clock()
        )
    assert operations.reconcile(now=bench.clock()).expired == 1

    operation.refresh_from_db()
    assert operation.state == OperationState.CANCELLED


def test_drafts_that_nobody_confirmed_are_dropped_after_a_day(bench: Bench) -> None:
    operation = draft(bench)
    bench.clock.pass_by(25 * 3600)

    operations.reconcile(now=bench.clock())

    assert not Operation.objects.filter(pk=operation.pk).exists()


def test_a_plan_that_was_altered_in_the_database_is_not_run(bench: Bench) -> None:
    operation = confirm(bench, draft(bench))
    operation.plan["targets"][0]["checkpoint_id"] = bench.rows()[0].checkpoint_id
    operation.save()
    head = bench.head()

    bench.run(operation)

    assert operation.state == OperationState.FAILED
    assert "not the one that was confirmed" in operation.message
    assert bench.head() == head


def test_an_outcome_that_somebody_has_seen_is_noted_once(bench: Bench) -> None:
    operation = bench.run(confirm(bench, draft(bench)))

    for _ in range(2):
        operations.acknowledge(user=bench.user, operation_id=operation.pk, now=bench.clock())

    operation.refresh_from_db()
    assert operation.seen_by == bench.user
    assert AuditEvent.objects.filter(action="operation.acknowledged").count() == 1


def test_a_draft_can_be_cancelled_by_somebody_who_changed_their_mind(bench: Bench) -> None:
    operation = draft(bench)

    cancelled = operations.cancel(user=bench.user, operation_id=operation.pk, now=bench.clock())

    assert cancelled.state == OperationState.CANCELLED
