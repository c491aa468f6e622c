"""Rights come from roles in projects, and a token takes rights away."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser

from dashboard import access
from dashboard.access import Forbidden, Hidden, LoginTooOld, Right
from dashboard.models import ApiToken, Project, Role, Source, User
from dashboard.models.access import default_project
from tests.dashboard.people import join

RIGHTS: tuple[Right, ...] = ("read", "operate", "admin")
MAY = {Role.VIEWER: RIGHTS[:1], Role.OPERATOR: RIGHTS[:2], Role.ADMIN: RIGHTS}


@pytest.fixture
def project(db: None, now: datetime) -> Project:
    return Project.objects.create(name="Ours", slug="ours", created_at=now)


@pytest.fixture
def theirs(db: None, now: datetime) -> Project:
    return Project.objects.create(name="Theirs", slug="theirs", created_at=now)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("right", RIGHTS)
def test_a_role_gives_its_rights_and_no_more(project: Project, role: Role, right: Right) -> None:
    user = join(User.objects.create(username="ada"), role, project)
    assert access.may(user, right, project) == (right in MAY[role])
    assert access.may(user, right) == (right in MAY[role])


@pytest.mark.parametrize("right", RIGHTS)
def test_a_project_without_a_role_is_hidden(
    project: Project, theirs: Project, right: Right
) -> None:
    user = join(User.objects.create(username="ada"), Role.ADMIN, project)
    with pytest.raises(Hidden):
        access.require(user, right, theirs)


def test_a_right_that_is_missing_in_a_project_one_may_read_is_forbidden(project: Project) -> None:
    user = join(User.objects.create(username="ada"), Role.VIEWER, project)
    with pytest.raises(Forbidden, match="operator"):
        access.require(user, "operate", project)


@pytest.mark.parametrize("right", RIGHTS)
def test_who_belongs_to_no_project_may_nothing(db: None, right: Right) -> None:
    with pytest.raises(Forbidden):
        access.require(User.objects.create(username="ada"), right)


def test_a_superuser_administers_every_project(project: Project, theirs: Project) -> None:
    root = User.objects.create(username="root", is_superuser=True)
    for one in (project, theirs.pk, None):
        access.require(root, "admin", one)


@pytest.mark.parametrize("right", RIGHTS)
def test_strangers_and_closed_accounts_may_nothing(project: Project, right: Right) -> None:
    closed = join(User.objects.create(username="ada", is_active=False), Role.ADMIN, project)
    root = User.objects.create(username="root", is_superuser=True, is_active=False)
    for user in (AnonymousUser(), closed, root):
        with pytest.raises(Forbidden):
            access.require(user, right)
        with pytest.raises(Forbidden):
            access.require(user, right, project)


@pytest.mark.parametrize(
    ("scopes", "rights"),
    [(["push"], ()), (["read"], RIGHTS[:1]), (["operate"], RIGHTS[:2])],
)
def test_a_token_narrows_its_maker_to_its_scopes_and_project(
    project: Project, theirs: Project, scopes: list[str], rights: tuple[Right, ...]
) -> None:
    root = User.objects.create(username="root", is_superuser=True)
    root.through = ApiToken(project=project, scopes=scopes)
    assert tuple(right for right in RIGHTS if access.may(root, right, project)) == rights
    assert not any(access.may(root, right, theirs) for right in RIGHTS)


def test_rows_of_other_projects_are_not_among_the_visible(
    project: Project, theirs: Project, now: datetime
) -> None:
    user = join(User.objects.create(username="ada"), Role.VIEWER, project)
    closed = join(User.objects.create(username="eve", is_active=False), Role.ADMIN, project)
    values = {"kind": "sqlite", "created_at": now}
    for one in (project, theirs):
        Source.objects.create(project=one, name=one.slug, url=f"sqlite:////{one}.db", **values)
    names = {source.name for source in access.visible(user, Source.objects.all())}
    assert names == {"ours"}
    assert not access.visible(user, Source.objects.all(), right="operate").exists()
    assert not access.visible(closed, Source.objects.all()).exists()
    assert not access.visible(AnonymousUser(), Source.objects.all()).exists()


@pytest.mark.parametrize(("minutes", "recent"), [(0, True), (14, True), (15, False), (600, False)])
def test_a_login_is_recent_for_fifteen_minutes(now: datetime, minutes: int, recent: bool) -> None:
    user = User(username="ada")
    user.authenticated_at = now - timedelta(minutes=minutes)
    assert access.recent_login(user, now) == recent


def test_who_never_said_who_they_are_must_do_so(now: datetime) -> None:
    with pytest.raises(LoginTooOld, match="nothing was changed"):
        access.require_recent_login(User(username="ada"), now)
    with pytest.raises(LoginTooOld):
        access.require_recent_login(AnonymousUser(), now)


def test_the_project_of_what_names_none_is_always_there(db: None) -> None:
    Project.objects.all().delete()
    assert default_project() == default_project() == Project.objects.get(slug="default").pk
