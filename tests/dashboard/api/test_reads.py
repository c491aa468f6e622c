"""What programs may read, and how they hear that something is not there."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from dashboard.models import Agent, Checkpoint
from dashboard.services.ingest import ingest_push
from dashboard.services.tokens import NewToken
from tests.dashboard.records import push, record


@pytest.fixture
def row(token: NewToken, now: Any) -> Checkpoint:
    ingest_push(token=token.token, push=push(record(1), version=1), now=now)
    return Checkpoint.objects.get()


def get(path: str, secret: str = "") -> Any:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return Client().get(f"/api/v1/{path}", headers=headers)


def test_agents_are_listed(token: NewToken, row: Checkpoint) -> None:
    body = get("agents", token.secret).json()

    assert [item["agent_id"] for item in body["items"]] == ["crawler"]
    assert body["next"] is None


def test_pages_of_agents_hang_together(token: NewToken, now: Any) -> None:
    records = [record(step, agent_id=f"agent-{step}") for step in range(150)]
    ingest_push(token=token.token, push=push(*records), now=now)

    first = get("agents", token.secret).json()
    second = get(f"agents?after={first['next'].replace('+', '%2B')}", token.secret).json()

    seen = [item["id"] for item in first["items"] + second["items"]]
    assert len(seen) == len(set(seen)) == Agent.objects.count() == 150
    assert second["next"] is None


def test_a_checkpoint_is_shown_with_its_place(token: NewToken, row: Checkpoint) -> None:
    body = get(f"checkpoints/{row.pk}", token.secret).json()

    assert (body["checkpoint_id"], body["agent_id"], body["thread_id"]) == (
        "checkpoint-1",
        "crawler",
        "main",
    )
    assert body["is_head"] is True


def test_a_person_who_is_logged_in_may_read(browser: Client, row: Checkpoint) -> None:
    assert browser.get(f"/api/v1/checkpoints/{row.pk}").status_code == HTTPStatus.OK


@pytest.mark.parametrize("path", ["agents", "checkpoints/1", f"operations/{uuid4()}"])
def test_nobody_reads_without_a_token(db: None, path: str) -> None:
    response = get(path)

    assert response.status_code == HTTPStatus.UNAUTHORIZED
    assert json.loads(response.content)["code"] == "unauthorized"


@pytest.mark.parametrize(
    "path", ["checkpoints/999", f"operations/{uuid4()}", "agents?after=odd", "nowhere"]
)
def test_what_is_not_there_is_a_problem_that_says_what_to_do(token: NewToken, path: str) -> None:
    response = get(path, token.secret)

    body = json.loads(response.content)
    assert response.status_code == HTTPStatus.NOT_FOUND
    assert (body["code"], body["status"]) == ("not_found", 404)
    assert len(body["detail"]) > 30


def test_the_description_is_openapi_3_1_and_names_every_path(db: None) -> None:
    body = get("openapi.json").json()

    assert body["openapi"].startswith("3.1")
    assert set(body["paths"]) == {
        "/api/v1/checkpoints",
        "/api/v1/directives",
        "/api/v1/failures",
        "/api/v1/reports",
        "/api/v1/agents",
        "/api/v1/checkpoints/{checkpoint_id}",
        "/api/v1/operations/{operation_id}",
    }


def test_the_description_is_a_page_without_scripts_of_others(db: None) -> None:
    page = get("docs").content.decode()

    assert "/api/v1/checkpoints" in page
    assert "<script>" not in page
    assert "style=" not in page
