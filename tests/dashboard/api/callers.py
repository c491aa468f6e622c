"""Programs that call the API."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.test import Client
from django.utils import timezone

from dashboard.models import User
from dashboard.services.tokens import create_token

API = "/api/v1/"


@dataclass(frozen=True)
class Caller:
    """A program with a token."""

    secret: str

    def get(self, path: str, **headers: str) -> Any:
        return self._client().get(API + path, headers=self._headers(headers))

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """Send a body as JSON; a text or bytes as they are."""
        return self.send("post", path, body, **headers)

    def put(self, path: str, body: Any) -> Any:
        return self.send("put", path, body)

    def delete(self, path: str) -> Any:
        return self.send("delete", path)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Make a request of any method."""
        raw = body if isinstance(body, (str, bytes)) else json.dumps(body or {})
        return getattr(self._client(), method)(
            API + path,
            {} if method == "get" else raw,
            content_type="application/json",
            headers=self._headers(headers),
        )

    def _client(self) -> Client:
        return Client(raise_request_exception=False)

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return {"Authorization": f"Bearer {self.secret}", **named}


def caller_of(user: User, *scopes: str, now: datetime | None = None) -> Caller:
    """Return a program of ``user``, who has just logged in to make its token."""
    made_at = now or timezone.now()
    user.authenticated_at = made_at
    return Caller(create_token(user=user, name="tests", scopes=scopes, now=made_at).secret)


def problem(response: Any) -> str:
    """Return the code of an answer that must be a problem."""
    assert response["Content-Type"] == "application/problem+json", response.content
    body = json.loads(response.content)
    assert body["status"] == response.status_code
    assert body["error_id"] == response["X-Request-ID"]
    return str(body["code"])
