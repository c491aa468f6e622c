"""Projects and their members: who changes them, and what can never be."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from dashboard.access import Forbidden, Hidden, LoginTooOld
from dashboard.models import AuditEvent, Membership, Project, Role, User
from dashboard.models.access import default_project
from dashboard.services import audit, members, projects
from dashboard.services.members import MemberRefused
from dashboard.services.projects import ProjectRefused
from tests.dashboard.people import join

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(now: datetime) -> User:
    user = User.objects.create_superuser("root")
    user.authenticated_at = now
    return user


@pytest.fixture
def admin(now: datetime) -> User:
    user = join(User.objects.create_user("grace"), Role.ADMIN)
    user.authenticated_at = now
    return user


def roles() -> dict[str, str]:
    rows = Membership.objects.filter(project=default_project())
    return dict(rows.values_list("user__username", "role"))


def test_a_superuser_makes_a_project_and_administers_it(root: User, now: datetime) -> None:
    made = projects.create_project(user=root, name=" Night Shift ", now=now)
    assert (made.name, made.slug) == ("Night Shift", "night-shift")
    assert made.memberships.get().role == Role.ADMIN
    assert AuditEvent.objects.get().project == made


def test_an_administrator_of_a_project_makes_no_others(admin: User, now: datetime) -> None:
    with pytest.raises(Forbidden):
        projects.create_project(user=admin, name="More", now=now)


@pytest.mark.parametrize("name", ["Default", "default", "…"])
def test_two_projects_have_two_names(root: User, now: datetime, name: str) -> None:
    default_project()
    with pytest.raises(ProjectRefused, match="nothing was changed"):
        projects.create_project(user=root, name=name, now=now)
    assert Project.objects.count() == 1


def test_an_administrator_asks_for_a_second_person(admin: User, now: datetime) -> None:
    pk = default_project()
    for _ in range(2):
        changed = projects.change_project(
            user=admin, project_id=pk, name="Main", requires_approval=True, now=now
        )
    assert (changed.name, changed.slug, changed.requires_approval) == ("Main", "default", True)
    assert AuditEvent.objects.filter(action="project.changed").count() == 1


def test_members_come_change_and_go(admin: User, person: User, now: datetime) -> None:
    pk = default_project()
    members.set_role(user=admin, project_id=pk, username="ada", role="viewer", now=now)
    assert roles() == {"grace": "admin", "ada": "viewer"}
    assert members.remove_member(user=admin, project_id=pk, person_id=person.pk, now=now) == "ada"
    assert roles() == {"grace": "admin"}
    actions = list(AuditEvent.objects.order_by("sequence").values_list("action", "details"))
    assert actions == [
        ("member.set", {"role": "viewer", "before": "operator"}),
        ("member.removed", {"before": "viewer"}),
    ]
    assert audit.verify(now=now).holds


def test_the_last_administrator_stays(admin: User, person: User, now: datetime) -> None:
    pk = default_project()
    with pytest.raises(MemberRefused, match="last administrator"):
        members.remove_member(user=admin, project_id=pk, person_id=admin.pk, now=now)
    with pytest.raises(MemberRefused, match="last administrator"):
        members.set_role(user=admin, project_id=pk, username="grace", role="viewer", now=now)
    members.set_role(user=admin, project_id=pk, username="ada", role="admin", now=now)
    members.remove_member(user=admin, project_id=pk, person_id=admin.pk, now=now)
    assert roles() == {"ada": "admin"}


def test_an_administrator_whose_account_is_closed_is_none(admin: User, now: datetime) -> None:
    closed = join(User.objects.create_user("eve", is_active=False), Role.ADMIN)
    pk = default_project()
    with pytest.raises(MemberRefused, match="last administrator"):
        members.remove_member(user=admin, project_id=pk, person_id=admin.pk, now=now)
    members.remove_member(user=admin, project_id=pk, person_id=closed.pk, now=now)
    assert roles() == {"grace": "admin"}


@pytest.mark.parametrize(("username", "role"), [("nobody", "viewer"), ("ada", "king")])
def test_a_person_or_role_that_is_not_there_is_refused(
    admin: User, person: User, now: datetime, username: str, role: str
) -> None:
    with pytest.raises(MemberRefused, match="nothing was changed"):
        members.set_role(
            user=admin, project_id=default_project(), username=username, role=role, now=now
        )
    assert roles() == {"grace": "admin", "ada": "operator"}


def test_nobody_gives_themselves_a_role(person: User, now: datetime) -> None:
    theirs = Project.objects.create(name="Theirs", slug="theirs", created_at=now)
    values = {"user": person, "username": "ada", "role": "admin", "now": now}
    with pytest.raises(Forbidden):
        members.set_role(project_id=default_project(), **values)  # type: ignore[arg-type]
    with pytest.raises(Hidden):
        members.set_role(project_id=theirs.pk, **values)  # type: ignore[arg-type]
    assert roles() == {"ada": "operator"}


def test_rights_change_after_a_recent_login_only(admin: User, root: User, now: datetime) -> None:
    pk, later = default_project(), now + timedelta(minutes=16)
    with pytest.raises(LoginTooOld):
        members.set_role(user=admin, project_id=pk, username="root", role="viewer", now=later)
    with pytest.raises(LoginTooOld):
        members.remove_member(user=admin, project_id=pk, person_id=admin.pk, now=later)
    with pytest.raises(LoginTooOld):
        projects.create_project(user=root, name="More", now=later)
    with pytest.raises(LoginTooOld):
        projects.change_project(
            user=admin, project_id=pk, name="x", requires_approval=False, now=later
        )
