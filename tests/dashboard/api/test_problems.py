"""Every code that is listed is answered by some request, with its own status."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.test.utils import override_settings
from django.utils import timezone

import checkpoints
from dashboard import stores
from dashboard.models import Checkpoint, Operation, Project, User
from dashboard.problems import CODES
from tests.benches import Bench
from tests.dashboard.api.callers import API, Caller, caller_of, problem
from tests.dashboard.api.test_operations import many_saves, order, place, run
from tests.dashboard.people import join, log_in
from tests.dashboard.records import envelope, record

Act = Callable[["Desk"], Any]


class Desk:
    """What requests need to go wrong: a store, programs and people."""

    def __init__(self, bench: Bench, patch: pytest.MonkeyPatch) -> None:
        self.bench, self.patch = bench, patch
        self.program = caller_of(bench.user, "push", "read", "operate")

    def order(self, kind: str = "restore", **values: Any) -> Any:
        return self.program.post("operations", order(self.bench, kind, **values))

    def draft(self, kind: str = "restore") -> dict[str, Any]:
        return place(self.program, self.bench, kind, dry_run=True)

    def confirm(self, draft: dict[str, Any], caller: Caller | None = None) -> Any:
        body = {"plan_hash": draft["plan_hash"], "reason": "it went astray"}
        return (caller or self.program).post(f"operations/{draft['id']}/confirm", body)

    def send(self, body: str = "{}", **headers: str) -> Any:
        client = Client(raise_request_exception=False)
        known = {"Authorization": f"Bearer {self.program.secret}"}
        kind = headers.pop("kind", "application/json")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"{API}operations"
        return client.post(url, body, content_type=kind, headers={**known, **named})


def too_large(desk: Desk) -> Any:
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=10):
        return desk.order()


def scope_missing(desk: Desk) -> Any:
    return caller_of(desk.bench.user, "read").post("operations", order(desk.bench, "restore"))


def login_too_old(desk: Desk) -> Any:
    browser = log_in(desk.bench.user, minutes_ago=600)
    body = json.dumps(order(desk.bench, "prune"))
    return browser.post(f"{API}operations", body, content_type="application/json")


def csrf_failed(desk: Desk) -> Any:
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = log_in(desk.bench.user).cookies
    return browser.post(f"{API}operations", "{}", content_type="application/json")


def content_conflict(desk: Desk) -> Any:
    desk.program.post("checkpoints", envelope())
    return desk.program.post("checkpoints", envelope(record(1, sha256="f" * 64)))


def corrupt(desk: Desk) -> Any:
    Checkpoint.objects.filter(pk=desk.bench.rows()[1].pk).update(sha256="f" * 64)
    return desk.order()


def plan_stale(desk: Desk) -> Any:
    first = place(desk.program, desk.bench, "restore")
    run(desk.bench, first)
    desk.bench.clock.pass_by(1)
    second = {"checkpoint": desk.bench.rows()[0].pk}
    run(desk.bench, place(desk.program, desk.bench, "restore", **second))
    return desk.program.post(f"operations/{first['id']}/undo", {"reason": "it was right"})


def plan_expired(desk: Desk) -> Any:
    draft = desk.draft()
    Operation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    return desk.confirm(draft)


def key_reused(desk: Desk) -> Any:
    desk.order(idempotency_key="once")
    return desk.order(idempotency_key="once", reason="another")


def name_not_typed(desk: Desk) -> Any:
    many_saves(desk.bench)
    return desk.order("prune")


def not_your_draft(desk: Desk) -> Any:
    other = caller_of(join(User.objects.create(username="other")), "operate")
    return desk.confirm(desk.draft(), other)


def second_person_needed(desk: Desk) -> Any:
    Project.objects.update(requires_approval=True)
    waiting = place(desk.program, desk.bench, "restore")
    plan = {"plan_hash": waiting["plan_hash"]}
    return desk.program.post(f"operations/{waiting['id']}/approve", plan)


def wrong_state(desk: Desk) -> Any:
    queued = place(desk.program, desk.bench, "restore")
    return desk.program.post(f"operations/{queued['id']}/retry")


def server_error(desk: Desk) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a fault of ours")

    desk.patch.setattr("dashboard.services.orders.place_order", fail)
    return desk.order()


def store_busy(desk: Desk) -> Any:
    def away(*_: Any, **__: Any) -> None:
        raise checkpoints.TransientStoreError("the store is locked")

    desk.patch.setattr(stores, "open_source", away)
    return desk.order()


ANSWERS: dict[str, Act] = {
    "bad_request": lambda desk: desk.program.get("agents?" + "a=1&" * 1_100),
    "unknown_host": lambda _: Client().get(f"{API}agents", headers={"Host": "evil.example"}),
    "unauthorized": lambda _: Client().get(f"{API}operations"),
    "scope_missing": scope_missing,
    "forbidden": lambda desk: desk.program.get("audit"),
    "login_too_old": login_too_old,
    "csrf_failed": csrf_failed,
    "not_found": lambda desk: desk.order(checkpoint=10**9),
    "method_not_allowed": lambda desk: desk.program.send("delete", "operations"),
    "content_conflict": content_conflict,
    "refused": lambda desk: desk.order("sweep"),
    "corrupt": corrupt,
    "plan_stale": plan_stale,
    "plan_expired": plan_expired,
    "plan_mismatch": lambda desk: desk.order(plan_hash="0" * 64),
    "key_reused": key_reused,
    "name_not_typed": name_not_typed,
    "not_your_draft": not_your_draft,
    "second_person_needed": second_person_needed,
    "wrong_state": wrong_state,
    "length_required": lambda desk: desk.send(Transfer_Encoding="chunked"),
    "too_large": too_large,
    "unsupported_encoding": lambda desk: desk.send(Content_Encoding="gzip"),
    "unsupported_media_type": lambda desk: desk.send(kind="text/plain"),
    "invalid": lambda desk: desk.send("{}"),
    "reason_missing": lambda desk: desk.order(reason=""),
    "malformed_json": lambda desk: desk.send("{"),
    "duplicate_key": lambda desk: desk.send('{"kind": 1, "kind": 2}'),
    "too_complex": lambda desk: desk.send("[" * 1_000 + "]" * 1_000),
    "server_error": server_error,
    "store_busy": store_busy,
}


def test_no_code_is_left_out() -> None:
    assert list(ANSWERS) == list(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_listed_code_is_answered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    response = ANSWERS[code](Desk(bench, monkeypatch))

    assert problem(response) == code
    assert response.status_code == CODES[code].status
    body = json.loads(response.content)
    assert body["type"] == f"urn:holdfast:problem:{code}"
    assert body["title"] == CODES[code].status.phrase
    assert len(body["detail"]) > 20
