"""What an agent may send, and what it hears when it may not."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from dashboard.models import Checkpoint, Source, User
from dashboard.services.tokens import NewToken, create_token
from tests.dashboard.records import envelope, record

URL = "/api/v1/checkpoints"


def send(body: Any, secret: str, **values: Any) -> Any:
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    headers = {"Authorization": f"Bearer {secret}", **values.pop("headers", {})}
    client = Client(raise_request_exception=False)
    kind = values.pop("content_type", "application/json")
    return client.post(URL, text, content_type=kind, headers=headers, **values)


def code_of(response: HttpResponse) -> str:
    assert response["Content-Type"] == "application/problem+json"
    return str(json.loads(response.content)["code"])


def test_a_new_checkpoint_is_created_and_has_a_page(token: NewToken) -> None:
    response = send(envelope(), token.secret)

    row = Checkpoint.objects.get()
    assert response.status_code == HTTPStatus.CREATED
    assert response.json() == {
        "created": 1,
        "duplicates": 0,
        "checkpoints": [{"id": row.pk, "url": f"/checkpoints/{row.pk}/"}],
    }


def test_a_batch_is_answered_in_its_order(token: NewToken) -> None:
    response = send(envelope(record(2), record(1)), token.secret)

    steps = [Checkpoint.objects.get(pk=item["id"]).step for item in response.json()["checkpoints"]]
    assert steps == [2, 1]


def test_the_same_push_again_is_answered_200_with_the_same_row(token: NewToken) -> None:
    first, second = (send(envelope(), token.secret) for _ in range(2))

    assert second.status_code == HTTPStatus.OK
    assert second.json()["duplicates"] == 1
    assert second.json()["checkpoints"] == first.json()["checkpoints"]


def test_another_content_under_a_known_id_is_a_conflict(token: NewToken) -> None:
    send(envelope(), token.secret)

    response = send(envelope(record(1, sha256="f" * 64)), token.secret)

    assert response.status_code == HTTPStatus.CONFLICT
    assert code_of(response) == "content_conflict"
    assert Checkpoint.objects.get().sha256 == record(1).sha256


@pytest.mark.parametrize("secret", ["", "hf_000000000000_" + "x" * 43, "nonsense", "hf_é"])
def test_without_a_valid_token_nothing_is_stored(db: None, secret: str) -> None:
    response = send(envelope(), secret)

    assert response.status_code == HTTPStatus.UNAUTHORIZED
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert not Source.objects.exists()


def test_a_person_who_is_logged_in_is_no_token(browser: Client) -> None:
    response = browser.post(URL, json.dumps(envelope()), content_type="application/json")

    assert response.status_code == HTTPStatus.UNAUTHORIZED


def test_a_token_that_may_only_read_may_not_push(person: User, now: Any) -> None:
    secret = create_token(user=person, name="r", scopes=["read"], now=now).secret

    response = send(envelope(), secret)

    assert response.status_code == HTTPStatus.FORBIDDEN
    assert code_of(response) == "scope_missing"


def test_an_agents_token_may_not_push_for_another(person: User, now: Any) -> None:
    made = create_token(user=person, name="a", scopes=["push"], agent_id="other", now=now)

    response = send(envelope(), made.secret)

    assert response.status_code == HTTPStatus.FORBIDDEN
    assert not Source.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"source": {}}, "source.url"),
        ({"source": {"url": 5}}, "source.url"),
        ({"source": {"url": "nowhere"}}, "source.url"),
        ({"source": {"url": "sqlite:////x", "path": "y"}}, "source.path"),
        ({"checkpoint": {**record().to_dict(), "step": "1"}}, "checkpoint.step"),
        ({"checkpoint": {**record().to_dict(), "step": True}}, "checkpoint.step"),
        ({"checkpoint": {**record().to_dict(), "step": 10**30}}, "checkpoint.step"),
        ({"checkpoint": {**record().to_dict(), "id": None}}, "checkpoint.id"),
        ({"checkpoint": {**record().to_dict(), "id": "a\0b"}}, "checkpoint.id"),
        ({"checkpoint": {**record().to_dict(), "kind": "odd"}}, "checkpoint.kind"),
        ({"checkpoint": {**record().to_dict(), "created_at": 1}}, "checkpoint.created_at"),
        (
            {"checkpoint": {**record().to_dict(), "created_at": "2026-11-21T08:00:00"}},
            "checkpoint.created_at",
        ),
        (
            {"checkpoint": {**record().to_dict(), "created_at": "0001-01-01T00:00:00+14:00"}},
            "checkpoint.created_at",
        ),
        (
            {"checkpoint": {**record().to_dict(), "metrics": {"loss": "high"}}},
            "checkpoint.metrics.loss",
        ),
        ({"head": {"checkpoint_id": "checkpoint-1", "version": 0}}, "head.version"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_malformed_push_names_the_field_and_stores_nothing(
    token: NewToken, change: dict[str, Any], field: str
) -> None:
    response = send(envelope(**change), token.secret)

    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert response.json()["field"] == field
    assert not Source.objects.exists()


def test_a_malformed_record_in_a_batch_is_named_by_its_place(token: NewToken) -> None:
    response = send(envelope(record(1), record(2, sha256="x")), token.secret)

    assert response.json()["field"] == "checkpoints[1].sha256"
    assert not Checkpoint.objects.exists()


def test_a_batch_of_more_than_500_is_refused(token: NewToken) -> None:
    response = send(envelope(*(record(step) for step in range(501))), token.secret)

    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert response.json()["field"] == "checkpoints"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "invalid"),
        ("[]", "invalid"),
        ("null", "invalid"),
        ("{", "malformed_json"),
        ('{"source": {}, "source": {}}', "duplicate_key"),
        ('{"source": NaN}', "malformed_json"),
        ('{"source": -Infinity}', "malformed_json"),
        ('{"source": 1' + "0" * 5_000 + "}", "malformed_json"),
        ("[" * 10_000, "too_complex"),
        ('{"a":' * 65 + "1" + "}" * 65, "too_complex"),
        ("[" + "[]," * 250_000 + "[]]", "too_complex"),
        (b"\xff\xfe", "malformed_json"),
        (b"\xef\xbb\xbf{}", "malformed_json"),
        ('{"source": "\\ud800"}', "invalid"),
    ],
)
def test_a_body_that_is_no_push_is_refused(token: NewToken, body: str | bytes, code: str) -> None:
    response = send(body, token.secret)

    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert code_of(response) == code
    assert not Source.objects.exists()


def test_a_body_over_the_limit_is_answered_413_in_json(token: NewToken) -> None:
    response = send("x" * 1_000_001, token.secret)

    assert response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert code_of(response) == "too_large"


@pytest.mark.parametrize(
    "values",
    [{"content_type": "text/plain"}, {"headers": {"Content-Encoding": "gzip"}}],
)
def test_a_body_in_another_form_is_not_read(token: NewToken, values: dict[str, Any]) -> None:
    response = send(envelope(), token.secret, **values)

    assert response.status_code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    assert not Source.objects.exists()


def test_a_body_in_chunks_is_refused_by_its_reason(token: NewToken) -> None:
    response = send(envelope(), token.secret, headers={"Transfer-Encoding": "chunked"})

    assert response.status_code == HTTPStatus.LENGTH_REQUIRED
    assert code_of(response) == "length_required"
    assert not Source.objects.exists()


def test_the_id_of_an_error_is_that_of_the_answer(token: NewToken) -> None:
    response = send("{", token.secret)

    assert response.json()["error_id"] == response["X-Request-ID"]
