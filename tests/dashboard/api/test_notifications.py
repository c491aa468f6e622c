"""Notifications through the API: administrators who are logged in change them, programs read."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client

from dashboard.models import NotificationChannel, Role
from tests.benches import Bench
from tests.dashboard.api.callers import API, Caller, problem
from tests.dashboard.people import join, log_in

CHANNELS = f"{API}notifications/channels"


@pytest.fixture
def admin(bench: Bench) -> Client:
    return log_in(join(bench.user, Role.ADMIN))


def body(bench: Bench, **changes: Any) -> dict[str, Any]:
    values = {
        "project": bench.source.project.pk,
        "name": "on call",
        "kind": "webhook",
        "address": "http://127.0.0.1:9/s3cr3t-path",
        "rule": {"severity": "high", "kinds": ["drift.opened"], "remind_hours": 4},
    }
    return {**values, **changes}


def send(client: Client, method: str, path: str, values: Any = None) -> Any:
    return client.generic(method, path, json.dumps(values or {}), "application/json")


def test_a_channel_is_added_changed_tested_and_removed(
    admin: Client, operator: Caller, bench: Bench
) -> None:
    added = send(admin, "POST", CHANNELS, body(bench))
    assert added.status_code == HTTPStatus.CREATED, added.content
    assert added.json()["secret"].startswith("whsec_")
    assert b"s3cr3t" not in added.content
    where = f"{CHANNELS}/{added.json()['id']}"

    changed = send(admin, "PUT", where, {"name": "night", "per_hour": 5, "paused": False})
    assert (changed.json()["name"], changed.json()["secret"]) == ("night", None)

    tested = operator.post(f"{where.removeprefix(API)}/test")
    assert tested.status_code == HTTPStatus.ACCEPTED
    found = operator.get(f"notifications/messages/{tested.json()['id']}").json()
    assert (found["kind"], found["state"]) == ("test", "waiting")
    assert len(operator.get("notifications/messages").json()["items"]) == 1

    rule = send(admin, "POST", f"{where}/rules", {"severity": "low"}).json()
    put = send(admin, "PUT", f"{API}notifications/rules/{rule['id']}", {"agents": "crawler-*"})
    assert put.json()["agents"] == "crawler-*"
    deleted = send(admin, "DELETE", f"{API}notifications/rules/{rule['id']}")
    assert deleted.status_code == HTTPStatus.NO_CONTENT
    assert send(admin, "DELETE", where).status_code == HTTPStatus.NO_CONTENT
    assert operator.get("notifications/channels").json() == {"items": []}


def test_nobody_administers_through_a_token(operator: Caller, admin: Client, bench: Bench) -> None:
    answer = operator.post("notifications/channels", body(bench))

    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert problem(answer) == "forbidden"
    assert not NotificationChannel.objects.exists()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"kind": "pigeon"}, HTTPStatus.UNPROCESSABLE_ENTITY),
        ({"address": ""}, HTTPStatus.UNPROCESSABLE_ENTITY),
        ({"rule": {"quiet_from": 1440}}, HTTPStatus.UNPROCESSABLE_ENTITY),
        ({"rule": {"quiet_from": 5}}, HTTPStatus.CONFLICT),
        ({"rule": {"kinds": ["x"]}}, HTTPStatus.CONFLICT),
        ({"address": "http://[::ffff:169.254.169.254]/"}, HTTPStatus.CONFLICT),
        ({"address": "https://ada:pw@example.com/"}, HTTPStatus.CONFLICT),
        ({"unknown": 1}, HTTPStatus.UNPROCESSABLE_ENTITY),
    ],
)
def test_what_cannot_be_is_refused(
    admin: Client, bench: Bench, changes: dict[str, Any], status: HTTPStatus
) -> None:
    answer = send(admin, "POST", CHANNELS, body(bench, **changes))

    assert answer.status_code == status, answer.content
    assert not NotificationChannel.objects.exists()
