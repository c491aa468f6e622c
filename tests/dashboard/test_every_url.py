"""Every address × everybody: ``every_url.txt`` says what each is answered; nothing else exists.

A new address needs two lines there, one for GET and one for POST (and of the API for PUT and DELETE
where it takes them): its name, the method, and what anonymous, a member of another project, a
viewer, an operator, an administrator of the project and a superuser are answered. A failure prints
the line as it would be; read it before you copy it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLResolver, get_resolver

from tests.dashboard.world import World, make_world, undone

PEOPLE = ("anonymous", "other", "viewer", "operator", "admin", "root")
TABLE = Path(__file__).with_name("every_url.txt")
CHANGE_BY_GET = {"login-link"}
"""A link from the terminal; it works once."""
ABOUT_NO_ROW = {"login-link", "audit-export"}
"""What their parameters name belongs to no project."""
PATHS = {
    "account_confirm_email": "accounts/confirm-email/none/",
    "account_reset_password_from_key": "accounts/password/reset/key/1-none/",
    "admin:app_list": "admin/dashboard/",
    "admin/(?P<url>.*)$": "admin/nowhere/",
    r"^accounts/(signup|email|confirm-email|password/reset)\b": "accounts/signup/",
}
"""Addresses that are patterns of text."""
HOW = (
    f"{TABLE.name} has no such line. Check that each of these answers is what that person must "
    "get, and that the request is a good one (BODIES in world.py), then add:\n"
)


@dataclass(frozen=True, slots=True)
class Address:
    """A pattern of the resolver, by its full name."""

    name: str
    route: str

    def path(self, world: World) -> str:
        values = {**world.parameters, **world.own.get(self.name, {})}
        route = PATHS.get(self.name, self.route)
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values[found[1]]), route)


def addresses(
    found: list[Any] | None = None, route: str = "", names: tuple[str, ...] = ()
) -> Iterator[Address]:
    """Yield every address of the dashboard, its API, the admin and the account pages."""
    for item in get_resolver().url_patterns if found is None else found:
        whole = f"{route}{item.pattern}"
        if isinstance(item, URLResolver):
            inner = (*names, item.namespace) if item.namespace else names
            yield from addresses(item.url_patterns, whole, inner)
        else:
            yield Address(":".join((*names, item.name)) if item.name else whole, whole)


def expected() -> dict[tuple[str, str], tuple[str, ...]]:
    lines = [line.split() for line in TABLE.read_text().splitlines()]
    rows = [words for words in lines if words and not words[0].startswith("#")]
    return {(name, method): tuple(answers) for name, method, *answers in rows}


def requests() -> Iterator[tuple[str, str]]:
    """Yield each address with its methods: forms send two of them, programs four."""
    for name in sorted(ALL):
        for method in ("GET", "POST", "PUT", "DELETE")[: 4 if name.startswith("api:") else 2]:
            yield name, method


ALL = {address.name: address for address in addresses()}
EXPECTED = expected()
NOT_ALLOWED = ("405",) * len(PEOPLE)


@pytest.fixture(scope="module")
def world(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The rows, made once; what each request changes is undone."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world(tmp_path_factory.mktemp("store"))
        transaction.set_rollback(True)


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "method"), list(requests()))
def test_everybody_is_answered_what_the_table_says(world: World, name: str, method: str) -> None:
    found = tuple(_answer(world, ALL[name], method, who) for who in PEOPLE)
    wanted = EXPECTED.get((name, method))
    if method in ("PUT", "DELETE"):
        wanted = wanted or NOT_ALLOWED
    line = f"{name:<34} {method:<6} {' '.join(found)}"
    assert wanted, HOW + line
    answers = dict(zip(PEOPLE, found, strict=True))
    assert answers == dict(zip(PEOPLE, wanted, strict=True)), line


def test_the_table_lists_no_address_that_is_gone() -> None:
    assert sorted({name for name, _ in EXPECTED} - set(ALL)) == []


def test_rows_of_another_project_are_never_found() -> None:
    """Whatever the table says: an address that names a row is none for who may not see it."""
    told = {
        name
        for (name, _), answers in EXPECTED.items()
        if "<" in ALL[name].route and answers[PEOPLE.index("other")] not in ("404", "405")
    }
    foreign = {name for name in told if not name.startswith(("admin", "account_", "mfa_"))}
    assert foreign == ABOUT_NO_ROW


@pytest.mark.django_db
def test_no_form_is_taken_without_its_token(world: World) -> None:
    """Also from who may do everything; a program's token is proof enough by itself."""
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.cookies.load(world.cookies["root"])
    taken = {}
    for name, address in ALL.items():
        with undone() as written:
            status = client.post(address.path(world)).status_code
        assert written == set(), name
        if status not in ((401, 403, 404, 405) if name.startswith("api:") else (403,)):
            taken[name] = status
    assert taken == {}


def _answer(world: World, address: Address, method: str, who: str) -> str:
    path = address.path(world)
    with undone() as written:
        status = world.send(who, method, path, address.name)
    if method == "GET" and address.name not in CHANGE_BY_GET:
        assert written == set(), f"a GET of {path} by {who} wrote {written}"
    if status >= 400 or who == "anonymous":
        assert written == set(), f"{path} wrote {written} for {who}: {status}"
    return str(status)
