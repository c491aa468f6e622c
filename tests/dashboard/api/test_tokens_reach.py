"""How far tokens reach at every address of the API: their scope, their project, their maker."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from dashboard.models import Project, User
from dashboard.services.tokens import create_token
from tests.dashboard.people import join
from tests.dashboard.test_every_url import ALL, EXPECTED, PEOPLE
from tests.dashboard.world import World, make_world, undone

REPORTING = {
    "api:push_checkpoints",
    "api:push_reports",
    "api:push_failure",
    "api:get_directives",
}
OPEN_TO_ALL = {"api:openapi-json", "api:api-root"}
REACH = [
    (name, method)
    for name, method in sorted(EXPECTED)
    if name.startswith("api:")
    and name not in OPEN_TO_ALL
    and EXPECTED[name, method][PEOPLE.index("anonymous")] == "401"
]


@pytest.fixture(scope="module")
def world(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world(tmp_path_factory.mktemp("store"))
        transaction.set_rollback(True)


def answered(world: World, name: str, method: str, *, who: str, scopes: list[str]) -> int:
    user = User.objects.get(username=who)
    user.authenticated_at = timezone.now()
    project = Project.objects.get(slug="theirs" if who == "other" else "default")
    made = create_token(
        user=user, name="x", scopes=scopes, now=timezone.now(), project_id=project.pk
    )
    with undone():
        return world.send_with_token(made.secret, method, ALL[name].path(world), name)


def refused(name: str, method: str, who: str) -> bool:
    """Whether somebody may not do this, by whatever way they come."""
    return EXPECTED[name, method][PEOPLE.index(who)] == "403"


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "method"), REACH)
def test_each_address_takes_one_scope_of_its_own_project(
    world: World, name: str, method: str
) -> None:
    opened = {
        scope
        for scope in ("push", "read", "operate")
        if answered(world, name, method, who="operator", scopes=[scope]) != 403
    }
    if name in REPORTING:
        assert opened == {"push"}
    elif refused(name, method, "operator"):
        assert opened == set()
    elif method == "GET":
        assert opened == ({"operate"} if refused(name, method, "viewer") else {"read"})
    else:
        assert len(opened) == 1
        assert "push" not in opened


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "method"), [pair for pair in REACH if pair[0] not in REPORTING])
def test_a_token_of_another_project_reaches_no_row(world: World, name: str, method: str) -> None:
    found = answered(world, name, method, who="other", scopes=["read", "operate"])
    assert found == int(EXPECTED[name, method][PEOPLE.index("other")])


def test_a_token_that_ended_opens_nothing(db: None) -> None:
    user = join(User.objects.create(username="ada"))
    then = timezone.now() - timedelta(days=400)
    secret = create_token(user=user, name="x", scopes=["read"], now=then).secret
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    assert client.get("/api/v1/agents").status_code == 401
