"""Batches of reports: each item once, each refusal by its id, and what waits for the agent."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.models import (
    Checkpoint,
    Directive,
    DirectiveState,
    Effect,
    Failure,
    MetricsPoint,
    Resume,
    Thread,
    User,
)
from dashboard.services.reports import cancel_directive, leave_restore
from dashboard.services.tokens import NewToken, create_token
from tests.dashboard.records import URL, record

AT = "2026-11-21T08:00:00+00:00"


def send(items: list[Any], secret: str, **changes: Any) -> Any:
    body = {"source": {"url": URL}, "items": items, **changes}
    return post("/api/v1/reports", body, secret)


def post(path: str, body: Any, secret: str) -> Any:
    headers = {"Authorization": f"Bearer {secret}"}
    client = Client(raise_request_exception=False)
    return client.post(path, json.dumps(body), content_type="application/json", headers=headers)


def fetch(secret: str, **changes: str) -> Any:
    query = {"source": URL, "agent_id": "crawler", "thread_id": "main", **changes}
    headers = {"Authorization": f"Bearer {secret}"}
    return Client().get("/api/v1/directives", query, headers=headers)


def checkpoint(step: int = 1, version: int | None = None, /, **changes: Any) -> dict[str, Any]:
    saved = record(step, **changes)
    head = {"checkpoint_id": saved.id, "version": version} if version else None
    return {
        "id": str(uuid4()),
        "type": "checkpoint",
        "checkpoint": saved.to_dict(),
        "head": head,
    }


def event(kind: str, **values: Any) -> dict[str, Any]:
    place = {"agent_id": "crawler", "thread_id": "main", "at": AT}
    return {"id": str(uuid4()), "type": kind, **place, **values}


def everything() -> list[dict[str, Any]]:
    return [
        checkpoint(1, 1),
        checkpoint(2, 2),
        event("failure", error_type="builtins.ValueError", message="no page", step=2),
        event("metrics", values={"loss": 0.5}, step=2),
        event("effect", name="mail", key="invoice-7", checkpoint_id="checkpoint-1"),
        event("resume", run_id="run-1", checkpoint_id="checkpoint-1", outcome="resumed"),
    ]


def counts() -> list[int]:
    return [row.objects.count() for row in (Checkpoint, Failure, MetricsPoint, Effect, Resume)]


def test_a_batch_is_stored_and_again_changes_nothing(token: NewToken) -> None:
    batch = everything()

    first, again = (send(batch, token.secret) for _ in range(2))

    assert first.status_code == HTTPStatus.OK
    assert first.json() == {"accepted": 6, "duplicates": 0, "refused": [], "directives": []}
    assert again.json() == {"accepted": 0, "duplicates": 6, "refused": [], "directives": []}
    assert counts() == [2, 1, 1, 1, 1]
    thread = Thread.objects.get()
    assert (thread.head and thread.head.step, thread.head_version) == (2, 2)
    assert thread.checkpoint_count == 2


def test_the_same_item_twice_in_one_batch_counts_once(token: NewToken) -> None:
    batch = everything()

    answer = send([*batch, *batch], token.secret)

    assert answer.json()["duplicates"] == 6
    assert counts() == [2, 1, 1, 1, 1]


def test_an_effect_is_known_by_its_name_and_key(token: NewToken) -> None:
    for _ in range(2):
        send([event("effect", name="mail", key="invoice-7")], token.secret)
    assert Effect.objects.count() == 1


@pytest.mark.parametrize(
    "item",
    [
        event("effect", name="", key="k"),
        event("effect", name="mail", key="a\0b"),
        event("metrics", values={"loss": "high"}),
        event("resume", run_id="r", outcome="perhaps"),
        event("failure", error_type="E", at="yesterday"),
        event("failure", error_type="E", step=2**70),
        event("unheard_of"),
        {"id": "x", "checkpoint": {}},
        checkpoint(1, 10**9),
        checkpoint(1, sha256="nonsense"),
        {**checkpoint(1), "id": "x" * 65},
        event("acknowledgement", directive_id="nobody's", outcome="applied"),
    ],
)
def test_an_item_that_cannot_be_kept_is_refused_alone(token: NewToken, item: Any) -> None:
    good = checkpoint(2, 1)

    answer = send([item, good], token.secret).json()

    assert (answer["accepted"], [one["id"] for one in answer["refused"]]) == (1, [item["id"]])
    assert answer["refused"][0]["detail"]
    assert Checkpoint.objects.get().step == 2


def test_another_content_under_a_known_id_is_refused_alone(token: NewToken) -> None:
    send([checkpoint(1, 1)], token.secret)

    other = checkpoint(1, 2, sha256="f" * 64)
    answer = send([other, checkpoint(2)], token.secret).json()

    assert [one["id"] for one in answer["refused"]] == [other["id"]]
    assert "another content" in answer["refused"][0]["detail"]
    assert Thread.objects.get().head_version == 1
    assert Checkpoint.objects.count() == 2


@pytest.mark.parametrize(
    ("items", "source", "field"),
    [
        (["text"], {"url": URL}, "items[0]"),
        ([{"type": "metrics"}], {"url": URL}, "items[0]"),
        ([], {"url": "nowhere"}, "source.url"),
        ([], {"url": "sqlite:///relative.db"}, "source.url"),
    ],
)
def test_a_batch_that_is_none_is_refused_whole(
    token: NewToken, items: list[Any], source: Any, field: str
) -> None:
    answer = send(items, token.secret, source=source)

    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["field"].startswith(field)


def test_an_agents_token_reports_for_that_agent_alone(person: User, now: datetime) -> None:
    made = create_token(user=person, name="a", scopes=["push"], agent_id="crawler", now=now)

    answer = send([event("metrics", values={}, agent_id="other"), checkpoint()], made.secret)

    assert (answer.json()["accepted"], len(answer.json()["refused"])) == (1, 1)
    assert fetch(made.secret, agent_id="other").status_code == HTTPStatus.FORBIDDEN


def test_without_a_token_nothing_is_taken(db: None) -> None:
    assert send(everything(), "hf_nobody").status_code == HTTPStatus.UNAUTHORIZED
    assert counts() == [0, 0, 0, 0, 0]


def test_a_batch_takes_as_many_queries_however_many_items_it_has(token: NewToken) -> None:
    def taken(first: int, count: int) -> int:
        items = [
            one
            for n in range(first, first + count)
            for one in (
                checkpoint(n, n + 1),
                event("failure", error_type="E"),
                event("metrics", values={}),
                event("effect", name="mail", key=str(n)),
                event("resume", run_id=f"run-{n}", outcome="resumed"),
            )
        ]
        with CaptureQueriesContext(connection) as queries:
            assert send(items, token.secret).json()["accepted"] == 5 * count
        return len(queries)

    taken(0, 1)
    assert taken(1, 1) == taken(2, 40)


def test_the_outcome_of_a_resume_replaces_what_was_known_in_any_order(token: NewToken) -> None:
    begun = event("resume", run_id="run-1", outcome="resumed")
    ended = event("resume", run_id="run-1", outcome="succeeded", at="2026-11-21T08:00:05+00:00")
    for item in (ended, begun, ended):
        send([item], token.secret)

    row = Resume.objects.get()
    assert (row.outcome, row.at.isoformat()) == ("succeeded", AT)


def test_a_thread_keeps_the_measurements_that_came_last(
    token: NewToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.services.reports.happenings.MAX_POINTS", 3)
    for step in range(5):
        send([event("metrics", values={}, step=step)], token.secret)
    send([event("metrics", values={}, step=9, thread_id="other")], token.secret)
    steps = MetricsPoint.objects.order_by("step").values_list("step", flat=True)
    assert list(steps) == [2, 3, 4, 9]


def test_one_failure_has_a_door_of_its_own(token: NewToken) -> None:
    failure = event("failure", error_type="E")
    body = {"source": {"url": URL}, "failure": failure}

    first, again = (post("/api/v1/failures", body, token.secret) for _ in range(2))

    assert (first.status_code, again.status_code) == (HTTPStatus.CREATED, HTTPStatus.OK)
    assert Failure.objects.count() == 1
    bad = {**body, "failure": {**failure, "agent_id": ""}}
    refused = post("/api/v1/failures", bad, token.secret)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert refused.json()["field"] == "failure.agent_id"


@pytest.fixture
def directive(token: NewToken, person: User, now: datetime) -> Directive:
    send([checkpoint(1, 1), checkpoint(2, 2)], token.secret)
    target = Checkpoint.objects.get(step=1)
    return leave_restore(
        user=person,
        checkpoint_pk=target.pk,
        reason="it went astray",
        idempotency_key="click",
        now=now,
    )


def test_a_directive_is_delivered_with_an_answer_until_it_is_acknowledged(
    token: NewToken, directive: Directive
) -> None:
    [given] = send([checkpoint(3, 3)], token.secret).json()["directives"]
    assert (given["id"], given["strategy"]) == (str(directive.pk), "restore_checkpoint")
    assert given["parameters"] == {"checkpoint_id": "checkpoint-1"}
    assert given["reason"] == "it went astray"
    assert fetch(token.secret).json()["directives"] == [given]
    directive.refresh_from_db()
    assert directive.state == DirectiveState.DELIVERED

    told = event("acknowledgement", directive_id=given["id"], outcome="applied", detail="done")
    answers = [send([told], token.secret).json() for _ in range(2)]

    assert [answer["accepted"] for answer in answers] == [1, 0]
    assert fetch(token.secret).json()["directives"] == []
    directive.refresh_from_db()
    assert (directive.state, directive.outcome) == (DirectiveState.ACKNOWLEDGED, "applied")


def test_other_threads_are_given_nothing(token: NewToken, directive: Directive) -> None:
    assert send([checkpoint(9, thread_id="other")], token.secret).json()["directives"] == []
    assert fetch(token.secret, thread_id="other").json() == {"directives": []}
    assert fetch(token.secret, source="sqlite:////srv/unheard.db").json() == {"directives": []}


def test_a_cancelled_directive_is_not_given_out(
    token: NewToken, directive: Directive, person: User, now: datetime
) -> None:
    cancel_directive(user=person, directive_id=directive.pk, now=now)

    assert fetch(token.secret).json()["directives"] == []


def test_an_answer_that_crossed_a_cancel_is_noted(
    token: NewToken, directive: Directive, person: User, now: datetime
) -> None:
    fetch(token.secret)
    cancel_directive(user=person, directive_id=directive.pk, now=now)
    send(
        [event("acknowledgement", directive_id=str(directive.pk), outcome="applied")], token.secret
    )
    directive.refresh_from_db()
    assert directive.state == DirectiveState.ACKNOWLEDGED


def test_another_agents_token_cannot_acknowledge(
    person: User, directive: Directive, now: datetime
) -> None:
    made = create_token(user=person, name="o", scopes=["push"], agent_id="other", now=now)
    told = event("acknowledgement", directive_id=str(directive.pk), outcome="applied")

    assert len(send([told], made.secret).json()["refused"]) == 1


def test_the_description_names_every_kind_of_item(db: None) -> None:
    page = Client().get("/api/v1/docs").content.decode()
    for name in ("CheckpointItemIn", "FailureItemIn", "EffectItemIn", "AcknowledgementItemIn"):
        assert name in page


@pytest.mark.django_db(transaction=True)
def test_batches_that_meet_are_stored_once(token: NewToken) -> None:
    batch = [*everything(), *(checkpoint(step) for step in range(3, 40))]

    def sent(_: int) -> Any:
        try:
            return send(batch, token.secret).json()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(sent, range(4)))

    assert sum(answer["accepted"] for answer in answers) == len(batch)
    assert sum(answer["duplicates"] for answer in answers) == 3 * len(batch)
    assert counts() == [39, 1, 1, 1, 1]
    assert Thread.objects.get().checkpoint_count == 39
