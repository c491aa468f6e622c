"""What programs may read, and how they hear that something is not there."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client

from dashboard.models import Agent, Checkpoint
from dashboard.services.ingest import ingest_push
from dashboard.services.tokens import NewToken
from tests.dashboard.records import push, record

NOBODYS = "5f0c6d1e-2f7b-4f0e-9d0a-3a1b5c7d9e11"


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


@pytest.mark.parametrize("path", ["agents", "checkpoints/1", f"operations/{NOBODYS}"])
def test_nobody_reads_without_a_token(db: None, path: str) -> None:
    response = get(path)

    assert response.status_code == HTTPStatus.UNAUTHORIZED
    assert json.loads(response.content)["code"] == "unauthorized"


@pytest.mark.parametrize(
    "path", ["checkpoints/999", f"operations/{NOBODYS}", "agents?after=odd", "nowhere"]
)
def test_what_is_not_there_is_a_problem_that_says_what_to_do(token: NewToken, path: str) -> None:
    response = get(path, token.secret)

    body = json.loads(response.content)
    assert response.status_code == HTTPStatus.NOT_FOUND
    assert (body["code"], body["status"]) == ("not_found", 404)
    assert len(body["detail"]) > 30


def test_the_description_is_a_page_without_scripts_of_others(db: None) -> None:
    page = get("docs").content.decode()

    assert "/api/v1/checkpoints" in page
    assert "<script>" not in page
    assert "style=" not in page
