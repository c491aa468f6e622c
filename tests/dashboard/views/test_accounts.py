"""Account pages: none leads to a page that is not offered."""

from __future__ import annotations

import pytest
from django.test import Client

PASSWORD = "correct horse battery staple"


@pytest.fixture
def with_password(client: Client, person: object) -> Client:
    """The client of somebody who came in by their password."""
    client.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    return client


def test_the_login_page_says_how_to_get_a_new_password(client: Client, db: None) -> None:
    body = client.get("/accounts/login/").content.decode()
    assert "/accounts/password/reset/" not in body
    assert "holdfast login-link" in body


@pytest.mark.parametrize("path", ["reauthenticate", "password/change"])
def test_pages_that_ask_for_the_password_say_how_to_get_a_new_one(
    with_password: Client, path: str
) -> None:
    body = with_password.get(f"/accounts/{path}/").content.decode()
    assert "/accounts/password/reset/" not in body
    assert "holdfast login-link" in body
