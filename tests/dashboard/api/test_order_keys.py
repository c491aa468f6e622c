"""The same order again is the same operation; another one under its key is none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from dashboard.models import AuditEvent, Operation, OperationState, RequestKey, User
from tests.benches import Bench, Clock, register, save_steps
from tests.dashboard.api.callers import Caller, caller_of, problem
from tests.dashboard.api.test_operations import order, place, run
from tests.dashboard.people import join

AT_ONCE = 6


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_key_makes_one_operation(operator: Caller, bench: Bench, *, dry_run: bool) -> None:
    body = order(bench, "restore", idempotency_key="once", dry_run=dry_run)

    first, again = (operator.post("operations", body) for _ in range(2))

    assert first.json()["operation"]["id"] == again.json()["operation"]["id"]
    assert first.status_code == (HTTPStatus.CREATED if dry_run else HTTPStatus.ACCEPTED)
    assert again.status_code == (HTTPStatus.OK if dry_run else HTTPStatus.ACCEPTED)
    assert Operation.objects.count() == 1


def test_the_header_says_the_key_as_well(operator: Caller, bench: Bench) -> None:
    body = order(bench, "restore")

    first = operator.post("operations", body, Idempotency_Key="once").json()
    again = operator.post("operations", body | {"idempotency_key": "once"}).json()

    assert first["operation"]["id"] == again["operation"]["id"]


def test_two_keys_in_one_request_are_none(operator: Caller, bench: Bench) -> None:
    body = order(bench, "restore", idempotency_key="once")

    response = operator.post("operations", body, Idempotency_Key="twice")

    assert problem(response) == "invalid"
    assert response.json()["field"] == "idempotency_key"
    assert not Operation.objects.exists()


def test_a_key_is_answered_after_the_end_too(operator: Caller, bench: Bench) -> None:
    body = order(bench, "restore", idempotency_key="once")
    run(bench, operator.post("operations", body).json()["operation"])

    again = operator.post("operations", body).json()

    assert again["operation"]["state"] == "succeeded"
    assert AuditEvent.objects.filter(action="operation.requested").count() == 1


@pytest.mark.parametrize(
    "changes",
    [{"reason": "another"}, {"dry_run": True}, {"follow_live": True}, {"plan_hash": "0" * 64}],
)
def test_a_key_belongs_to_one_body(operator: Caller, bench: Bench, changes: dict[str, Any]) -> None:
    place(operator, bench, "restore", idempotency_key="once")

    response = operator.post(
        "operations", order(bench, "restore", idempotency_key="once", **changes)
    )

    assert problem(response) == "key_reused"
    assert Operation.objects.count() == 1


def test_a_key_belongs_to_an_order_that_was_refused(operator: Caller, bench: Bench) -> None:
    refused = order(bench, "sweep", idempotency_key="once")

    assert problem(operator.post("operations", refused)) == "refused"
    assert problem(operator.post("operations", refused)) == "refused"
    other = order(bench, "verify", idempotency_key="once")
    assert problem(operator.post("operations", other)) == "key_reused"


def test_an_order_without_a_key_leaves_none(operator: Caller, bench: Bench) -> None:
    first, second = (place(operator, bench, "restore") for _ in range(2))

    assert first["id"] != second["id"]
    assert not RequestKey.objects.exists()


def test_a_key_is_that_of_its_person(operator: Caller, bench: Bench) -> None:
    other = caller_of(join(User.objects.create(username="other")), "operate")
    body = order(bench, "restore", idempotency_key="once")

    mine, theirs = (one.post("operations", body).json() for one in (operator, other))

    assert mine["operation"]["id"] != theirs["operation"]["id"]


def test_an_undo_has_a_key_too(operator: Caller, bench: Bench) -> None:
    done = place(operator, bench, "restore")
    run(bench, done)
    path = f"operations/{done['id']}/undo"
    body = {"reason": "it was right", "idempotency_key": "once"}

    first, again = (operator.post(path, body) for _ in range(2))

    assert first.json()["operation"]["id"] == again.json()["operation"]["id"]
    assert problem(operator.post(path, body | {"reason": "other"})) == "key_reused"
    assert Operation.objects.count() == 2


@pytest.fixture
def shared_bench(transactional_db: None, tmp_path: Path) -> Bench:
    """A bench that several threads see."""
    url = f"sqlite:///{tmp_path}/agents.db"
    save_steps(url)
    return register(url, thread_id="main", clock=Clock())


def at_once(acts: Iterable[Callable[[], Any]]) -> list[Any]:
    """Do all of these at one moment, each in a thread of its own."""
    given = list(acts)
    barrier, answers = threading.Barrier(len(given)), []

    def do(act: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            answers.append(act())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=do, args=(act,)) for act in given]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_orders_that_come_at_once_are_one_operation(shared_bench: Bench) -> None:
    operator = caller_of(shared_bench.user, "operate")
    body = order(shared_bench, "restore", idempotency_key="once")

    answers = at_once([lambda: operator.post("operations", body)] * AT_ONCE)

    assert {answer.status_code for answer in answers} == {HTTPStatus.ACCEPTED}
    assert len({answer.json()["operation"]["id"] for answer in answers}) == 1
    assert AuditEvent.objects.filter(action="operation.requested").count() == 1
    assert Operation.objects.get().state == OperationState.QUEUED


def test_of_several_orders_that_come_at_once_one_has_the_key(shared_bench: Bench) -> None:
    operator = caller_of(shared_bench.user, "operate")
    bodies = [
        order(shared_bench, "restore", idempotency_key="once", reason=f"reason {number}")
        for number in range(AT_ONCE)
    ]

    answers = at_once([partial(operator.post, "operations", body) for body in bodies])

    taken = [answer for answer in answers if answer.status_code == HTTPStatus.ACCEPTED]
    assert len(taken) == 1
    assert {problem(one) for one in answers if one not in taken} == {"key_reused"}
    assert Operation.objects.count() == 1


def test_a_draft_that_is_confirmed_many_times_at_once_is_asked_for_once(
    shared_bench: Bench,
) -> None:
    operator = caller_of(shared_bench.user, "operate")
    draft = place(operator, shared_bench, "restore", dry_run=True)
    body = {"plan_hash": draft["plan_hash"], "reason": "it went astray"}

    answers = at_once([lambda: operator.post(f"operations/{draft['id']}/confirm", body)] * AT_ONCE)

    assert {answer.status_code for answer in answers} == {HTTPStatus.ACCEPTED}
    assert AuditEvent.objects.filter(action="operation.requested").count() == 1
