"""Orders through the API: tried, placed once, carried out, and everything done about them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest

import checkpoints
from dashboard.models import AuditEvent, Operation, OperationState, Project, Role, User
from tests.benches import Bench
from tests.dashboard.api.callers import Caller, caller_of, problem
from tests.dashboard.people import join

REASON = "it went astray"


def order(bench: Bench, kind: str, **values: Any) -> dict[str, Any]:
    """Return an order of a kind about the bench's thread."""
    about: dict[str, dict[str, Any]] = {
        "restore": {"checkpoint": bench.rows()[1].pk},
        "fork": {"checkpoint": bench.rows()[1].pk, "thread_id": "second-try"},
        "edit_fork": {
            "checkpoint": bench.rows()[1].pk,
            "thread_id": "edited",
            "edits": [{"path": ["step"], "value": 100}],
        },
        "prune": {"thread": bench.thread().pk, "policy": {"newest": 2}},
        "verify": {"source": bench.source.pk},
        "sweep": {"source": bench.source.pk},
    }
    return {"kind": kind, "reason": REASON, **about.get(kind, {}), **values}


def place(operator: Caller, bench: Bench, kind: str, **values: Any) -> dict[str, Any]:
    """Place an order and return the operation that is answered."""
    response = operator.post("operations", order(bench, kind, **values))
    assert response.status_code in (200, 201, 202), response.content
    placed: dict[str, Any] = response.json()["operation"]
    return placed


def run(bench: Bench, operation: dict[str, Any]) -> Operation:
    return bench.run(Operation.objects.get(pk=operation["id"]))


def many_saves(bench: Bench) -> None:
    for step in range(12):
        bench.save({"step": step})


@pytest.mark.parametrize("kind", ["restore", "fork", "edit_fork", "prune", "verify"])
def test_a_dry_run_keeps_a_draft_and_changes_nothing(
    operator: Caller, bench: Bench, kind: str
) -> None:
    head = bench.head()

    response = operator.post("operations", order(bench, kind, dry_run=True, reason=""))

    draft = response.json()["operation"]
    assert response.status_code == HTTPStatus.CREATED
    assert (draft["state"], draft["kind"]) == ("draft", kind)
    assert draft["plan_hash"] == response.json()["plan"]["plan_hash"]
    assert draft["expires_at"] is not None
    assert run(bench, draft).state == OperationState.DRAFT
    assert bench.head() == head


@pytest.mark.parametrize("kind", ["restore", "fork", "edit_fork", "prune", "verify"])
def test_an_order_is_carried_out(operator: Caller, bench: Bench, kind: str) -> None:
    response = operator.post("operations", order(bench, kind))

    assert response.status_code == HTTPStatus.ACCEPTED
    assert run(bench, response.json()["operation"]).state == OperationState.SUCCEEDED


def test_what_was_ordered_was_done(operator: Caller, bench: Bench) -> None:
    run(bench, place(operator, bench, "edit_fork"))
    run(bench, place(operator, bench, "restore"))

    assert bench.head().checkpoint_id == bench.rows()[1].checkpoint_id
    store = checkpoints.open_store(bench.url)
    head = store.head(None, "edited")
    assert head is not None
    assert store.load(store.get(head.checkpoint_id)) == {"step": 100}
    store.close()


def test_a_selection_goes_and_nothing_else(operator: Caller, bench: Bench) -> None:
    first, second, *others = bench.rows()

    values = {"kind": "prune", "reason": REASON, "checkpoints": [first.pk, second.pk]}
    body = operator.post("operations", values).json()

    removed = [one["checkpoint_id"] for one in body["plan"]["items"] if one["action"] == "remove"]
    assert set(removed) == {first.checkpoint_id, second.checkpoint_id}
    run(bench, body["operation"])
    store = checkpoints.open_store(bench.url)
    left = {record.id for record in store.history(None, "main")}
    store.close()
    assert left == {row.checkpoint_id for row in others}


def test_what_a_query_finds_goes_and_nothing_else(operator: Caller, bench: Bench) -> None:
    values = {"kind": "prune", "reason": REASON, "query": "step<2", "source": bench.source.pk}

    body = operator.post("operations", values).json()

    going = [one for one in body["plan"]["items"] if one["action"] == "remove"]
    found = {row.checkpoint_id for row in bench.rows() if row.step < 2}
    assert {one["checkpoint_id"] for one in going} == found != set()
    assert {one["reason"] for one in going} == {"found by step<2"}


def test_the_dry_run_of_a_restore_tells_what_it_means(operator: Caller, bench: Bench) -> None:
    response = operator.post("operations", order(bench, "restore", dry_run=True))

    impact = response.json()["impact"]
    assert impact["problem"] == ""
    assert impact["impact"]["diff"]["changed"] == 1
    assert operator.post("operations", order(bench, "fork")).json()["impact"] is None


def test_a_draft_is_confirmed_by_its_plan(operator: Caller, bench: Bench) -> None:
    draft = place(operator, bench, "restore", dry_run=True)
    confirmation = {"plan_hash": draft["plan_hash"], "reason": REASON}

    response = operator.post(f"operations/{draft['id']}/confirm", confirmation)

    assert response.status_code == HTTPStatus.ACCEPTED
    assert response.json()["state"] == "queued"
    assert run(bench, draft).state == OperationState.SUCCEEDED


def test_another_plan_than_the_drafts_is_not_confirmed(operator: Caller, bench: Bench) -> None:
    draft = place(operator, bench, "restore", dry_run=True)

    confirmation = {"plan_hash": "0" * 64, "reason": REASON}
    response = operator.post(f"operations/{draft['id']}/confirm", confirmation)

    assert problem(response) == "plan_mismatch"
    assert Operation.objects.get().state == OperationState.DRAFT


def test_an_order_of_a_plan_that_was_seen_is_of_that_plan_alone(
    operator: Caller, bench: Bench
) -> None:
    seen = place(operator, bench, "restore", dry_run=True)
    assert place(operator, bench, "restore", plan_hash=seen["plan_hash"])["state"] == "queued"
    bench.save({"step": "on"})

    response = operator.post("operations", order(bench, "restore", plan_hash=seen["plan_hash"]))

    assert problem(response) == "plan_mismatch"


def test_an_order_says_why(operator: Caller, bench: Bench) -> None:
    response = operator.post("operations", order(bench, "restore", reason="  "))

    assert problem(response) == "reason_missing"
    assert response.json()["field"] == "reason"
    assert not Operation.objects.exists()


def test_many_removals_take_the_name_of_what_they_are_taken_from(
    operator: Caller, bench: Bench
) -> None:
    many_saves(bench)

    assert problem(operator.post("operations", order(bench, "prune"))) == "name_not_typed"
    draft = place(operator, bench, "prune", dry_run=True)
    typed = place(operator, bench, "prune", typed=draft["name_to_type"])
    assert typed["state"] == "queued"


def test_a_plan_is_read_page_by_page(operator: Caller, bench: Bench) -> None:
    draft = place(operator, bench, "prune", dry_run=True)
    path = f"operations/{draft['id']}/plan"

    first = operator.get(f"{path}?limit=2").json()
    rest = operator.get(f"{path}?limit=1000&after={first['next']}").json()

    entries = first["items"] + rest["items"]
    assert [one["action"] for one in entries] == ["remove"] * 3 + ["keep"] * 2
    assert all(one["reason"] for one in entries)
    assert rest["next"] is None
    assert first["counts"]["removed"] == 3


def test_a_plan_shows_only_what_is_asked_for(operator: Caller, bench: Bench) -> None:
    draft = place(operator, bench, "prune", dry_run=True)

    items = operator.get(f"operations/{draft['id']}/plan?action=keep").json()["items"]

    assert [one["action"] for one in items] == ["keep"] * 2


def test_a_plan_that_was_altered_is_not_shown_as_one(operator: Caller, bench: Bench) -> None:
    draft = place(operator, bench, "restore", dry_run=True)
    row = Operation.objects.get()
    row.plan["targets"][0]["checkpoint_id"] = bench.rows()[0].checkpoint_id
    row.save()

    assert problem(operator.get(f"operations/{draft['id']}/plan")) == "refused"
    assert operator.get(f"operations/{draft['id']}").json()["plan_damage"]
    confirmation = {"plan_hash": draft["plan_hash"], "reason": REASON}
    assert problem(operator.post(f"operations/{draft['id']}/confirm", confirmation)) == "refused"


def test_the_list_is_narrowed_and_hangs_together(operator: Caller, bench: Bench) -> None:
    for _ in range(60):
        place(operator, bench, "verify", dry_run=True)
        place(operator, bench, "verify")

    first = operator.get("operations").json()
    second = operator.get(f"operations?after={first['next'].replace('+', '%2B')}").json()
    queued = operator.get("operations?state=queued&kind=verify").json()

    ids = [one["id"] for one in first["items"] + second["items"]]
    assert len(ids) == len(set(ids)) == 120
    assert len(queued["items"]) == 60
    assert operator.get(f"operations?source={bench.source.pk + 1}").json()["items"] == []
    assert operator.get(f"operations?agent={bench.thread().agent_id}").json()["items"] == []


def test_others_drafts_are_not_listed(operator: Caller, bench: Bench) -> None:
    place(operator, bench, "verify", dry_run=True)
    other = caller_of(join(User.objects.create(username="other")), "read")

    assert other.get("operations").json()["items"] == []


def test_an_undo_is_tried_without_being_kept(operator: Caller, bench: Bench) -> None:
    done = place(operator, bench, "restore")
    run(bench, done)
    before = bench.head()

    tried = operator.post(f"operations/{done['id']}/undo", {"dry_run": True})

    assert tried.status_code == HTTPStatus.OK
    assert tried.json()["operation"]["id"] is None
    assert Operation.objects.count() == 1
    assert bench.head() == before


def test_a_restore_is_undone_by_the_plan_that_was_seen(operator: Caller, bench: Bench) -> None:
    head = bench.head().checkpoint_id
    done = place(operator, bench, "restore")
    run(bench, done)
    path = f"operations/{done['id']}/undo"
    seen = operator.post(path, {"dry_run": True}).json()["operation"]["plan_hash"]

    wrong = operator.post(path, {"reason": REASON, "plan_hash": "0" * 64})
    right = operator.post(path, {"reason": REASON, "plan_hash": seen})

    assert problem(wrong) == "plan_mismatch"
    assert right.status_code == HTTPStatus.ACCEPTED
    bench.clock.pass_by(1)
    assert run(bench, right.json()["operation"]).state == OperationState.SUCCEEDED
    assert bench.head().checkpoint_id == head


def test_an_undo_is_an_order_like_others(operator: Caller, bench: Bench) -> None:
    done = place(operator, bench, "prune")
    run(bench, done)

    undo = place(operator, bench, "undo", operation=done["id"])
    bench.clock.pass_by(1)

    assert run(bench, undo).state == OperationState.SUCCEEDED
    assert operator.get(f"operations/{done['id']}").json()["state"] == "undone"


def test_what_waits_is_cancelled_and_what_ended_is_not(operator: Caller, bench: Bench) -> None:
    queued = place(operator, bench, "restore")
    path = f"operations/{queued['id']}/cancel"

    assert operator.post(path).json()["state"] == "cancelled"
    assert problem(operator.post(path)) == "wrong_state"


def test_what_failed_is_retried_and_what_ended_is_acknowledged(
    operator: Caller, bench: Bench
) -> None:
    queued = place(operator, bench, "restore")
    Operation.objects.update(state=OperationState.NEEDS_ATTENTION, finished_at=bench.clock())
    path = f"operations/{queued['id']}"

    assert operator.post(f"{path}/acknowledge").json()["seen_at"] is not None
    retried = operator.post(f"{path}/retry")
    assert retried.status_code == HTTPStatus.ACCEPTED
    assert retried.json()["state"] == "queued"
    assert problem(operator.post(f"{path}/retry")) == "wrong_state"
    assert problem(operator.post(f"{path}/acknowledge")) == "wrong_state"


def test_a_second_person_approves_what_waits(operator: Caller, bench: Bench) -> None:
    Project.objects.update(requires_approval=True)
    second = caller_of(join(User.objects.create(username="second")), "operate")
    waiting = place(operator, bench, "restore")
    path, plan = f"operations/{waiting['id']}/approve", {"plan_hash": waiting["plan_hash"]}

    assert waiting["state"] == "pending_approval"
    assert problem(operator.post(path, plan)) == "second_person_needed"
    assert problem(second.post(path, {"plan_hash": "0" * 64})) == "plan_mismatch"
    assert second.post(path, plan).json()["state"] == "queued"
    assert problem(second.post(path, plan)) == "wrong_state"


def test_an_erasure_leaves_a_receipt_that_holds(operator: Caller, bench: Bench) -> None:
    done = place(operator, bench, "verify")
    assert problem(operator.get(f"operations/{done['id']}/receipt")) == "not_found"
    receipt = {"operation": done["id"], "sha256": "0" * 64}
    Operation.objects.update(result={"receipt": receipt})

    found = operator.get(f"operations/{done['id']}/receipt").json()

    assert found == {"receipt": receipt, "holds": False}
    assert operator.get(f"operations/{done['id']}").json()["result"] == {}


def test_no_token_erases(operator: Caller, bench: Bench) -> None:
    body = {"kind": "erase", "source": bench.source.pk, "run_id": "r", "dry_run": True}

    assert problem(operator.post("operations", body)) == "forbidden"


@pytest.mark.parametrize("act", ["confirm", "approve", "cancel", "undo", "retry", "acknowledge"])
def test_a_token_that_reads_changes_nothing(operator: Caller, bench: Bench, act: str) -> None:
    reader = caller_of(bench.user, "read")
    draft = place(operator, bench, "restore", dry_run=True)

    response = reader.post(f"operations/{draft['id']}/{act}", {"plan_hash": draft["plan_hash"]})

    assert problem(response) == "scope_missing"
    assert problem(reader.post("operations", order(bench, "restore"))) == "scope_missing"
    assert Operation.objects.get().state == OperationState.DRAFT


def test_a_token_orders_no_more_than_its_maker_may_by_now(operator: Caller, bench: Bench) -> None:
    join(bench.user, Role.VIEWER)

    assert problem(operator.post("operations", order(bench, "restore"))) == "scope_missing"
    assert not Operation.objects.exists()


def test_an_order_is_audited_with_its_maker(operator: Caller, bench: Bench) -> None:
    placed = place(operator, bench, "restore")

    event = AuditEvent.objects.get(action="operation.requested", target=placed["id"])
    assert event.user == bench.user
    assert event.details["reason"] == REASON


def test_a_list_takes_the_same_queries_however_long(
    operator: Caller, bench: Bench, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        place(operator, bench, "restore")

    with django_assert_max_num_queries(8):
        assert len(operator.get("operations").json()["items"]) == 20


@pytest.mark.parametrize("path", ["", "/plan", "/receipt"])
def test_what_is_not_there_is_not_found(operator: Caller, path: str) -> None:
    assert problem(operator.get(f"operations/{uuid4()}{path}")) == "not_found"


@pytest.mark.parametrize("act", ["confirm", "approve", "cancel", "undo", "retry", "acknowledge"])
def test_nothing_changes_by_a_get(operator: Caller, bench: Bench, act: str) -> None:
    draft = place(operator, bench, "restore", dry_run=True)

    response = operator.get(f"operations/{draft['id']}/{act}")

    assert problem(response) == "method_not_allowed"
    assert response["Allow"] == "POST"
    assert Operation.objects.get().state == OperationState.DRAFT
