"""Orders by those who mean harm: refused with a code, and nothing is changed."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.test.utils import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.models import Agent, Checkpoint, Operation, OperationState, Project, Role, User
from tests.benches import Bench, Clock, register, save_steps
from tests.dashboard.api.callers import Caller, caller_of, problem
from tests.dashboard.api.test_operations import order, place
from tests.dashboard.people import join, log_in

DEEP = '{"kind": "verify", "source": ' + "[" * 100_000 + "]" * 100_000 + "}"
FOREIGN = ("restore", "fork", "edit_fork", "prune", "verify", "erase", "sweep", "undo", "selection")


@pytest.fixture
def theirs(bench: Bench, tmp_path: Path) -> Bench:
    """A store of a project that the operator does not belong to, with an operation in it."""
    url = f"sqlite:///{tmp_path}/theirs.db"
    save_steps(url)
    other = register(url, thread_id="main", clock=Clock())
    project = Project.objects.create(name="Theirs", slug="theirs", created_at=bench.clock())
    other.source.project = project
    other.source.save()
    return other


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "invalid"),
        (" ", "malformed_json"),
        ("[", "malformed_json"),
        ('{"kind": "verify", "source": NaN}', "malformed_json"),
        (b'{"kind": "\xff"}', "malformed_json"),
        ('{"kind": "verify", "source": 1, "source": 2}', "duplicate_key"),
        (DEEP, "too_complex"),
        ("[" + "[]," * 300_000 + "[]]", "too_complex"),
        ('{"kind": "verify", "source": ' + "9" * 5_000 + "}", "malformed_json"),
        ("[]", "invalid"),
        ("null", "invalid"),
        ('"restore"', "invalid"),
        ("{}", "invalid"),
        ('{"kind": "format"}', "invalid"),
        ('{"kind": ["restore"]}', "invalid"),
        ('{"kind": null}', "invalid"),
    ],
)
def test_a_body_that_is_no_order_is_refused(operator: Caller, body: Any, code: str) -> None:
    response = operator.post("operations", body)

    assert response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    assert problem(response) == code
    assert not Operation.objects.exists()


@pytest.mark.parametrize(
    ("kind", "changes", "field"),
    [
        ("restore", {"checkpoint": "1"}, "checkpoint"),
        ("restore", {"checkpoint": 1.0}, "checkpoint"),
        ("restore", {"checkpoint": True}, "checkpoint"),
        ("restore", {"checkpoint": 0}, "checkpoint"),
        ("restore", {"checkpoint": -1}, "checkpoint"),
        ("restore", {"checkpoint": 2**63}, "checkpoint"),
        ("restore", {"dry_run": "yes"}, "dry_run"),
        ("restore", {"reason": "x" * 1_001}, "reason"),
        ("restore", {"reason": "NUL \x00"}, "reason"),
        ("restore", {"idempotency_key": "\ud800"}, "idempotency_key"),
        ("restore", {"plan_hash": "g" * 64}, "plan_hash"),
        ("restore", {"force": True}, "force"),
        ("restore", {"source": 1}, "source"),
        ("fork", {"thread_id": ""}, "thread_id"),
        ("fork", {"thread_id": "a\x00b"}, "thread_id"),
        ("fork", {"edits": []}, "edits"),
        ("edit_fork", {"edits": []}, "edits"),
        ("edit_fork", {"edits": [{"path": [1.5]}]}, "edits[0].path[0]"),
        ("edit_fork", {"edits": [{"path": [-1]}]}, "edits[0].path[0]"),
        ("edit_fork", {"edits": [{"path": [True]}]}, "edits[0].path[0]"),
        ("edit_fork", {"edits": [{"path": [], "value": "\ud800"}]}, "edits[0].value"),
        ("edit_fork", {"edits": [{"path": [], "value": {"\x00": 1}}]}, "edits[0].value"),
        ("edit_fork", {"edits": [{"path": [], "value": [2**63]}]}, "edits[0].value"),
        ("edit_fork", {"edits": [{"path": [], "code": "x"}]}, "edits[0].code"),
        ("prune", {"policy": {"newest": 0}}, "policy.newest"),
        ("prune", {"policy": {"newest": "2"}}, "policy.newest"),
        ("prune", {"policy": {"last": {"all": 1}}}, "policy.last.all.[key]"),
        ("prune", {"policy": {"within": {"routine": 1e300}}}, "policy.within.routine"),
        ("prune", {"policy": {"forever": 1}}, "policy.forever"),
        ("prune", {"thread": None}, "source"),
        ("prune", {"source": 1}, "source"),
        ("prune", {"checkpoints": [1]}, "policy"),
        ("prune", {"checkpoints": [1], "policy": None}, "checkpoints"),
        ("prune", {"checkpoints": [1] * 10_001}, "checkpoints"),
        ("prune", {"policy": None, "query": "kind:routine"}, "query"),
        ("prune", {"policy": None, "thread": None, "query": "kind:routine step>99"}, "query"),
        ("prune", {"policy": None, "thread": None, "query": "colour:red"}, "query"),
        ("erase", {}, "run_id"),
        ("erase", {"run_id": "r"}, "source"),
        ("erase", {"run_id": "r", "user_id": "u"}, "run_id"),
        ("undo", {"operation": "all"}, "operation"),
        ("undo", {}, "operation"),
    ],
)
def test_what_is_wrong_is_named(
    operator: Caller, bench: Bench, kind: str, changes: dict[str, Any], field: str
) -> None:
    response = operator.post("operations", order(bench, kind, **changes))

    assert problem(response) == "invalid"
    assert response.json()["field"] == field
    assert response.json()["detail"].endswith("Nothing was changed.")
    assert not Operation.objects.exists()


def test_a_number_that_only_json_writes_so_large_is_refused(operator: Caller, bench: Bench) -> None:
    text = json.dumps(order(bench, "edit_fork")).replace("100", "1e999")

    assert problem(operator.post("operations", text)) == "invalid"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    *("kind", "checkpoint", "source", "agent", "thread", "thread_id", "agent_id", "edits"),
    *("policy", "checkpoints", "run_id", "user_id", "operation", "deep", "follow_live", "reason"),
    *("typed", "plan_hash", "dry_run", "idempotency_key"),
)


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    kind=st.sampled_from(["restore", "fork", "edit_fork", "prune", "verify", "sweep", "undo"]),
    changes=st.dictionaries(st.sampled_from(FIELDS[1:]), JSON, min_size=1, max_size=3),
)
def test_no_order_is_answered_by_a_failure(
    operator: Caller, bench: Bench, kind: str, changes: dict[str, Any]
) -> None:
    response = operator.post("operations", order(bench, kind, **changes))

    assert response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        assert problem(response)


def foreign_order(theirs: Bench, kind: str) -> dict[str, Any]:
    """Return an order about what lies in somebody else's project."""
    selection = {"kind": "prune", "reason": "mine", "checkpoints": [theirs.rows()[0].pk]}
    if kind == "selection":
        return selection
    about: dict[str, dict[str, Any]] = {
        "erase": {"source": theirs.source.pk, "run_id": "r"},
        "undo": {"operation": str(foreign_operation(theirs).pk)},
    }
    return order(theirs, kind, **about.get(kind, {}))


def foreign_operation(theirs: Bench) -> Operation:
    return Operation.objects.create(
        kind="verify",
        state=OperationState.FAILED,
        source=theirs.source,
        reason="theirs",
        plan={"deep": False},
        plan_hash="0" * 64,
        idempotency_key="theirs",
        created_at=theirs.clock(),
        finished_at=theirs.clock(),
    )


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("dry_run", [True, False])
def test_what_others_have_is_not_there(
    operator: Caller, theirs: Bench, kind: str, *, dry_run: bool
) -> None:
    body = foreign_order(theirs, kind)
    before = list(Operation.objects.values())

    response = operator.post("operations", body | {"dry_run": dry_run})

    assert problem(response) == "not_found"
    assert list(Operation.objects.values()) == before


def test_a_selection_with_one_of_others_in_it_takes_nothing(
    operator: Caller, bench: Bench, theirs: Bench
) -> None:
    selected = [bench.rows()[0].pk, theirs.rows()[0].pk]

    body = {"kind": "prune", "reason": "all", "checkpoints": selected}

    assert problem(operator.post("operations", body)) == "not_found"
    assert not Operation.objects.exists()


@pytest.mark.parametrize("act", ["confirm", "approve", "cancel", "undo", "retry", "acknowledge"])
def test_nothing_is_done_about_the_operations_of_others(
    operator: Caller, theirs: Bench, act: str
) -> None:
    found = foreign_operation(theirs)
    body = {"plan_hash": found.plan_hash, "reason": "mine"}
    bodies = {"approve": {"plan_hash": found.plan_hash}, "undo": {"reason": "mine"}}

    response = operator.post(f"operations/{found.pk}/{act}", bodies.get(act, body))

    assert problem(response) == "not_found"
    assert Operation.objects.values().get() == Operation.objects.filter(pk=found.pk).values().get()
    found.refresh_from_db()
    assert (found.state, found.seen_at) == (OperationState.FAILED, None)


@pytest.mark.parametrize("path", ["", "/plan", "/receipt"])
def test_the_operations_of_others_are_not_read(operator: Caller, theirs: Bench, path: str) -> None:
    found = foreign_operation(theirs)

    assert problem(operator.get(f"operations/{found.pk}{path}")) == "not_found"
    assert operator.get("operations").json()["items"] == []
    assert operator.get(f"operations?source={theirs.source.pk}").json()["items"] == []


def test_a_token_reaches_no_other_project_of_its_maker(bench: Bench, theirs: Bench) -> None:
    program = caller_of(bench.user, "read", "operate")
    join(bench.user, Role.ADMIN, theirs.source.project)

    assert problem(program.post("operations", order(theirs, "restore"))) == "not_found"


@pytest.mark.parametrize("changes", [{"plan_hash": "0" * 64}, {"plan_hash": "A" * 64}, {}])
def test_nothing_is_approved_or_confirmed_without_the_plans_own_hash(
    operator: Caller, bench: Bench, changes: dict[str, str]
) -> None:
    draft = place(operator, bench, "restore", dry_run=True)

    for act, more in [("confirm", {"reason": "x"}), ("approve", {})]:
        response = operator.post(f"operations/{draft['id']}/{act}", {**changes, **more})
        assert problem(response) in ("plan_mismatch", "invalid", "second_person_needed")
    assert Operation.objects.get().state == OperationState.DRAFT


def test_a_checkpoint_that_was_altered_is_not_restored(operator: Caller, bench: Bench) -> None:
    Checkpoint.objects.filter(pk=bench.rows()[1].pk).update(sha256="f" * 64)

    assert problem(operator.post("operations", order(bench, "restore"))) == "corrupt"
    assert not Operation.objects.exists()


@pytest.mark.parametrize(
    "path",
    [
        "operations?after=odd",
        f"operations?after={'9' * 40}~2026-11-21T12:00:00%2B00:00",
        f"operations?after={UUID(int=1)}~2026-11-21T12:00:00",
        f"operations?after={UUID(int=1)}~0001-01-01T00:00:00%2B14:00",
        f"operations?after={UUID(int=1)}~9999-12-31T23:59:59-14:00",
        f"operations/{UUID(int=0)}/plan?after=-1",
        f"operations/{UUID(int=0)}/plan?limit=100000",
        "operations?source=" + "9" * 30,
        "operations?agent=x",
        "operations/1",
        "checkpoints/" + "9" * 30,
    ],
)
def test_an_address_that_was_made_up_is_a_problem(operator: Caller, path: str) -> None:
    assert problem(operator.get(path)) in ("not_found", "invalid")


@pytest.mark.parametrize("filters", ["state=x' OR 1=1--", "kind=%FF", "state=%F0%9F%92%A3"])
def test_filters_are_values(operator: Caller, bench: Bench, filters: str) -> None:
    place(operator, bench, "verify")

    assert operator.get(f"operations?{filters}").json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    "path",
    ["operations?kind=%00", "agents?text=a%00", "audit?person=%00", "directives?source=%00&a=b"],
)
def test_a_filter_that_no_database_takes_is_named(operator: Caller, path: str) -> None:
    response = operator.get(path)

    assert problem(response) == "invalid"
    assert response.json()["field"] == path.partition("?")[2].partition("=")[0]


def person(bench: Bench) -> Client:
    """Return a browser of the operator that Django does not spare the CSRF check."""
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.cookies = log_in(bench.user).cookies
    return browser


def test_a_form_of_another_site_orders_nothing(bench: Bench) -> None:
    response = person(bench).post(
        "/api/v1/operations", json.dumps(order(bench, "restore")), content_type="application/json"
    )

    assert problem(response) == "csrf_failed"
    assert not Operation.objects.exists()


def test_a_person_orders_with_the_csrf_token(bench: Bench) -> None:
    client = person(bench)
    client.get("/")
    (csrf,) = (one.value for name, one in client.cookies.items() if "csrf" in name)

    response = client.post(
        "/api/v1/operations",
        json.dumps(order(bench, "restore")),
        content_type="application/json",
        headers={"X-CSRFToken": csrf},
    )

    assert response.status_code == HTTPStatus.ACCEPTED


def test_a_body_over_the_limit_is_too_large(operator: Caller, bench: Bench) -> None:
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1_000):
        response = operator.post("operations", order(bench, "restore", reason="x" * 2_000))

    assert problem(response) == "too_large"


def test_names_of_the_store_stay_names(operator: Caller, bench: Bench) -> None:
    name = "../../<script>alert(1)</script>\n\x1b[31m"

    response = operator.post("operations", order(bench, "fork", thread_id=name, dry_run=True))

    assert response.status_code in (HTTPStatus.CREATED, HTTPStatus.CONFLICT)
    assert Agent.objects.count() == 1
    assert User.objects.count() == 1
