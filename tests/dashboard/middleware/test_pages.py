"""What holds for every page: who sees it, what its headers forbid, how it says that it failed."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from http import HTTPStatus

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from dashboard.logs import logging_settings
from dashboard.models import User
from dashboard.services.login import make_link

OPEN_TO_ALL = {"login/<str:token>/", "^accounts/(signup|email|confirm-email|password/reset)\\b"}
OTHERS = ("accounts/", "admin/", "api/")
"""Of allauth, of Django's admin, and the API, which asks for its tokens itself."""


def patterns(
    found: list[URLPattern | URLResolver] | None = None, prefix: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    """Yield every address with its view."""
    for item in get_resolver().url_patterns if found is None else found:
        route = f"{prefix}{item.pattern}"
        if isinstance(item, URLResolver):
            yield from patterns(item.url_patterns, route)
        else:
            yield route, item


def test_every_page_needs_a_person_except_those_named_here() -> None:
    opened = {
        route
        for route, item in patterns()
        if not getattr(item.callback, "login_required", True) and not route.startswith(OTHERS)
    }

    assert opened == OPEN_TO_ALL


@pytest.mark.parametrize(
    "address",
    ["/", "/agents/", "/agents/1/x/", "/checkpoints/1/", "/sources/", "/settings/tokens/"],
)
def test_a_stranger_is_sent_to_the_login(db: None, address: str) -> None:
    response = Client().get(address)

    assert response.status_code == HTTPStatus.FOUND
    assert response["Location"] == f"/accounts/login/?next={address}"


def test_a_part_of_a_page_sends_the_whole_page_to_the_login(db: None) -> None:
    response = Client().get("/", headers={"HX-Request": "true"})

    assert response["HX-Redirect"] == "/accounts/login/"


def test_the_content_policy_allows_only_our_own_files(browser: Client) -> None:
    policy = dict(
        part.strip().split(" ", 1)
        for part in browser.get("/")["Content-Security-Policy"].split(";")
    )

    assert policy.pop("default-src") == "'none'"
    assert policy.pop("frame-ancestors") == "'none'"
    assert policy.pop("base-uri") == "'none'"
    assert set(policy.values()) == {"'self'"}


def test_private_pages_are_kept_out_of_caches_and_frames(browser: Client) -> None:
    headers = browser.get("/").headers

    assert "no-store" in headers["Cache-Control"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_form_without_its_token_is_refused(person: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)

    response = client.post("/sources/add/", {"url": "sqlite:////x"})

    assert response.status_code == HTTPStatus.FORBIDDEN
    assert "nothing was changed" in response.content.decode()


def test_an_unknown_page_says_what_to_do_and_shows_its_id(browser: Client) -> None:
    response = browser.get("/nowhere/")

    page = response.content.decode()
    assert response.status_code == HTTPStatus.NOT_FOUND
    assert "start from the overview" in page
    assert response["X-Request-ID"] in page


def test_the_id_of_an_error_is_in_the_log(browser: Client) -> None:
    formatter = dict(logging_settings(level="INFO", json=True)["formatters"]["lines"])
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter.pop("()")(**formatter))
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)

    response = browser.get("/nowhere/")

    logger.removeHandler(handler)
    assert json.loads(stream.getvalue())["request_id"] == response["X-Request-ID"]


def test_a_host_name_that_is_not_ours_says_which_setting(db: None) -> None:
    response = Client().get("/", headers={"host": "elsewhere.example"})

    assert response.status_code == HTTPStatus.BAD_REQUEST
    assert "HOLDFAST_ALLOWED_HOSTS" in response.content.decode()


def test_a_form_over_the_limit_is_answered_413(browser: Client) -> None:
    response = browser.post("/sources/add/", {"url": "x" * 1_000_001})

    assert response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.parametrize("address", ["/accounts/signup/", "/accounts/password/reset/"])
def test_strangers_make_no_accounts_and_get_no_mail(db: None, address: str) -> None:
    assert Client().get(address).status_code == HTTPStatus.NOT_FOUND


def test_a_failure_of_ours_shows_an_id_and_no_detail(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("s3cr3t detail")

    monkeypatch.setattr("dashboard.views.overview.overview_page", fail)
    browser.raise_request_exception = False
    response = browser.get("/")

    page = response.content.decode()
    assert response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert response["X-Request-ID"] in page
    assert "s3cr3t" not in page


def test_the_login_link_logs_in_once_and_leads_to_a_password(db: None) -> None:
    link = make_link(now=timezone.now())
    first, second = Client(), Client()

    response = first.get(link)

    assert response["Location"] == "/accounts/password/set/"
    assert SESSION_KEY in first.session
    assert second.get(link).status_code == HTTPStatus.FORBIDDEN
    assert SESSION_KEY not in second.session


def test_five_wrong_passwords_lock_the_account_whatever_the_address(person: User) -> None:
    client = Client()
    for attempt in range(5):
        client.post(
            "/accounts/login/",
            {"login": "ada", "password": "wrong"},
            headers={"X-Forwarded-For": f"10.0.0.{attempt}"},
        )

    client.post("/accounts/login/", {"login": "ada", "password": "correct horse battery staple"})

    assert SESSION_KEY not in client.session


def test_the_right_password_logs_in_under_a_new_session(person: User) -> None:
    client = Client()
    client.get("/accounts/login/")
    before = client.session.session_key

    client.post("/accounts/login/", {"login": "ada", "password": "correct horse battery staple"})

    assert SESSION_KEY in client.session
    assert client.session.session_key != before


@pytest.mark.parametrize("query", ["text=%00", "a%00b=1", "after=x%00"])
def test_an_address_that_no_database_takes_is_refused_in_words(
    client: Client, query: str, db: None
) -> None:
    client.force_login(User.objects.create(username="operator"))

    response = client.get(f"/agents/?{query}")

    assert response.status_code == HTTPStatus.BAD_REQUEST
    assert b"othing was changed" in response.content
