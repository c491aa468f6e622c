"""Retention through the API: policies that apply, what they would remove, and schedules."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest

from dashboard.models import Operation, PruneSchedule, RetentionPolicy, Role, ScheduledRun, User
from dashboard.models.access import default_project
from tests.benches import Bench
from tests.dashboard.api.callers import Caller, caller_of, problem
from tests.dashboard.people import join

NEWEST = {"name": "two", "policy": {"newest": 2}}
NIGHTLY = {"name": "nightly", "minute_of_day": 180}


def on_source(bench: Bench) -> str:
    return f"policies/source/{bench.source.pk}"


def put(operator: Caller, path: str, body: Any) -> Any:
    return operator.send("put", path, body)


def scheduled(operator: Caller, bench: Bench) -> dict[str, Any]:
    body = {"level": "source", "target": bench.source.pk, **NIGHTLY}
    added: dict[str, Any] = operator.post("schedules", body).json()
    return added


def test_a_policy_applies_to_what_lies_in_its_target(operator: Caller, bench: Bench) -> None:
    response = put(operator, on_source(bench), NEWEST)

    assert response.status_code == HTTPStatus.OK
    found = operator.get(f"policies/thread/{bench.thread().pk}").json()
    assert found["own"] is None
    assert found["effective"]["level"] == "source"
    assert found["rules"]["newest"] == 2


def test_the_nearest_policy_overrides_the_others(operator: Caller, bench: Bench) -> None:
    put(operator, on_source(bench), NEWEST)
    put(operator, f"policies/project/{default_project()}", {"name": "all", "policy": {}})

    found = operator.get(on_source(bench)).json()

    assert found["effective"]["name"] == found["own"]["name"] == "two"
    assert [one["name"] for one in found["overrides"]] == ["all"]


def test_policies_are_listed_the_last_changed_first(operator: Caller, bench: Bench) -> None:
    put(operator, on_source(bench), NEWEST)
    put(operator, f"policies/thread/{bench.thread().pk}", NEWEST | {"name": "later"})

    items = operator.get("policies").json()["items"]

    assert [one["name"] for one in items] == ["later", "two"]
    assert items[1]["words"] == ["the newest 2"]


def test_a_policy_is_taken_away(operator: Caller, bench: Bench) -> None:
    put(operator, on_source(bench), NEWEST)

    found = operator.send("delete", on_source(bench)).json()

    assert found["effective"] is None
    assert problem(operator.send("delete", on_source(bench))) == "refused"


def test_a_policy_is_tried_without_being_set(operator: Caller, bench: Bench) -> None:
    body = {"policy": {"newest": 2}}

    found = operator.post(f"{on_source(bench)}/simulate", body).json()

    assert (found["doomed"], found["kept"]) == (3, 2)
    assert [line["thread"] for line in found["items"]] == [bench.thread().pk]
    assert not RetentionPolicy.objects.exists()
    assert not Operation.objects.exists()


def test_a_prune_without_a_policy_is_by_those_that_apply(operator: Caller, bench: Bench) -> None:
    body = {"kind": "prune", "source": bench.source.pk, "dry_run": True}
    assert problem(operator.post("operations", body)) == "refused"
    put(operator, on_source(bench), NEWEST)

    answer = operator.post("operations", body).json()

    assert answer["operation"]["counts"]["removed"] == 3
    assert answer["plan"]["details"]["policies"][0]["newest"] == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"policy": {}}, "name"),
        ({"name": "", "policy": {}}, "name"),
        ({"name": "x" * 101, "policy": {}}, "name"),
        ({"name": "x", "policy": {"newest": -1}}, "policy.newest"),
        ({"name": "x", "policy": {}, "more": 1}, "more"),
        ({"name": "a\x00", "policy": {}}, "name"),
    ],
)
def test_what_is_wrong_with_a_policy_is_named(
    operator: Caller, bench: Bench, body: Any, field: str
) -> None:
    response = put(operator, on_source(bench), body)

    assert problem(response) == "invalid"
    assert response.json()["field"] == field
    assert not RetentionPolicy.objects.exists()


@pytest.mark.parametrize("path", ["policies/planet/1", "policies/source/0", "schedules/x"])
def test_an_address_of_nothing_is_a_problem(operator: Caller, path: str) -> None:
    assert problem(operator.get(path)) == "invalid"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "policies/source/{source}"),
        ("put", "policies/source/{source}"),
        ("delete", "policies/source/{source}"),
        ("post", "policies/source/{source}/simulate"),
        ("get", "schedules/{schedule}"),
        ("put", "schedules/{schedule}"),
        ("delete", "schedules/{schedule}"),
        ("post", "schedules/{schedule}/pause"),
        ("post", "schedules/{schedule}/resume"),
        ("post", "schedules/{schedule}/run"),
        ("post", "schedules"),
    ],
)
def test_what_others_keep_is_not_there(
    operator: Caller, bench: Bench, method: str, path: str
) -> None:
    schedule = scheduled(operator, bench)
    put(operator, on_source(bench), NEWEST)
    stranger = alien(bench)
    bodies: dict[str, Any] = {
        "put": NEWEST if "source" in path else NIGHTLY,
        "post": {"policy": {}},
    }
    body = bodies.get(method, {})
    if path == "schedules":
        body = {"level": "source", "target": bench.source.pk, **NIGHTLY}
    address = path.format(source=bench.source.pk, schedule=schedule["id"])

    assert problem(stranger.send(method, address, body)) == "not_found"
    assert RetentionPolicy.objects.get().name == "two"
    assert PruneSchedule.objects.get().paused_at is None
    assert not ScheduledRun.objects.exists()


def alien(bench: Bench) -> Caller:
    """Return a program of another project."""
    project = type(bench.source.project).objects.create(
        name="Theirs", slug="theirs", created_at=bench.clock()
    )
    user = join(User.objects.create(username="stranger"), Role.ADMIN, project)
    return caller_of(user, "read", "operate")


def test_a_schedule_is_added_changed_paused_and_removed(operator: Caller, bench: Bench) -> None:
    added = scheduled(operator, bench)
    path = f"schedules/{added['id']}"

    assert added["rhythm"] == "daily at 03:00 UTC"
    changed = put(operator, path, {"name": "often", "every_hours": 6}).json()
    assert changed["rhythm"] == "every 6 hours"
    assert operator.post(f"{path}/pause").json()["paused_at"] is not None
    assert operator.post(f"{path}/resume").json()["paused_at"] is None
    assert [one["name"] for one in operator.get("schedules").json()["items"]] == ["often"]
    assert operator.send("delete", path).status_code == HTTPStatus.NO_CONTENT
    assert problem(operator.get(path)) == "not_found"


def test_a_schedule_runs_once_at_a_time(operator: Caller, bench: Bench) -> None:
    path = f"schedules/{scheduled(operator, bench)['id']}"

    run = operator.post(f"{path}/run")

    assert run.status_code == HTTPStatus.ACCEPTED
    assert run.json()["finished_at"] is None
    assert problem(operator.post(f"{path}/run")) == "refused"
    assert operator.get(path).json()["last_run"]["due_at"] == run.json()["due_at"]


def test_a_schedule_has_one_rhythm(operator: Caller, bench: Bench) -> None:
    body = {"level": "source", "target": bench.source.pk, "every_hours": 1, **NIGHTLY}

    assert problem(operator.post("schedules", body)) == "refused"
    assert not PruneSchedule.objects.exists()


def test_a_token_that_reads_sets_nothing(operator: Caller, bench: Bench) -> None:
    reader = caller_of(bench.user, "read")

    assert problem(put(reader, on_source(bench), NEWEST)) == "scope_missing"
    body = {"policy": {"newest": 2}}
    assert reader.post(f"{on_source(bench)}/simulate", body).status_code == HTTPStatus.OK
