"""A project that wants a second person gets one, whatever way a request took."""

from __future__ import annotations

from typing import Any

import pytest

from checkpoints import RetentionPolicy as Rules
from dashboard.models import Operation, OperationState, Project, Role, User
from dashboard.services import operations, retention
from dashboard.services.operations import OperationRefused
from dashboard.services.operations.offers import offers_of
from tests.benches import Bench
from tests.dashboard.people import join
from tests.dashboard.yards import Yard, make_yard


@pytest.fixture
def second(db: None) -> User:
    return join(User.objects.create(username="second"), Role.OPERATOR)


@pytest.fixture
def failed(bench: Bench) -> Operation:
    """A request that nobody had to approve when it was made, and that failed."""
    operation = bench.request(bench.rows()[1])
    Operation.objects.filter(pk=operation.pk).update(state=OperationState.FAILED)
    Project.objects.update(requires_approval=True)
    return operation


@pytest.fixture
def yard(db: None, tmp_path_factory: pytest.TempPathFactory) -> Yard:
    yard = make_yard(tmp_path_factory.mktemp("yard"))
    yard.set(yard.target(), Rules.keep_last(7))
    return yard


def test_nobody_retries_alone_what_needs_a_second_person_by_now(
    bench: Bench, failed: Operation
) -> None:
    with pytest.raises(OperationRefused, match="second person"):
        operations.retry(user=bench.user, operation_id=failed.pk, now=bench.clock())

    failed.refresh_from_db()
    assert failed.state == OperationState.FAILED
    offers = offers_of(user=bench.user, operation=failed, now=bench.clock())
    assert offers.retry is not None
    assert "second person" in offers.retry.refused


def test_a_second_person_who_retries_approves(
    bench: Bench, failed: Operation, second: User
) -> None:
    operations.retry(user=second, operation_id=failed.pk, now=bench.clock())

    assert bench.run(failed).state == OperationState.SUCCEEDED, failed.message
    assert failed.approved_by == second


def test_who_lets_their_schedule_run_does_not_approve_what_it_asks_for(
    yard: Yard, second: User
) -> None:
    Project.objects.update(requires_approval=True)
    run = retention.run_now(user=yard.user, schedule_pk=yard.hourly(), now=yard.clock())
    retention.carry_out(run_pk=run.pk, now=yard.clock)
    operation = Operation.objects.get()
    named: dict[str, Any] = {"operation_id": operation.pk, "plan_hash": operation.plan_hash}

    with pytest.raises(OperationRefused, match="a second person"):
        operations.approve(user=yard.user, now=yard.clock(), **named)

    second.authenticated_at = yard.clock()
    approved = operations.approve(user=second, now=yard.clock(), **named)
    assert approved.state == OperationState.QUEUED
