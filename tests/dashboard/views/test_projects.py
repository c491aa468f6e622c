"""Pages of projects and members, and accounts: who changes what, and what is noted."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from dashboard.models import AuditEvent, Membership, Project, Role, User
from dashboard.models.access import default_project
from tests.dashboard.people import join, log_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    return log_in(join(User.objects.create_user("grace"), Role.ADMIN))


@pytest.fixture
def members() -> str:
    return f"/settings/projects/{default_project()}/members/"


def test_a_member_is_added_changed_and_removed(admin: Client, person: User, members: str) -> None:
    assert admin.post(members, {"username": "ada", "role": "viewer"})["Location"] == members
    assert Membership.objects.get(user=person).role == "viewer"
    assert "ada" in admin.get(members).content.decode()
    admin.post(f"{members}{person.pk}/remove/")
    assert not Membership.objects.filter(user=person).exists()


@pytest.mark.parametrize(
    "form", [{"username": "nobody", "role": "viewer"}, {"username": "grace", "role": "viewer"}, {}]
)
def test_a_refusal_is_shown_beside_the_form(
    admin: Client, members: str, form: dict[str, str]
) -> None:
    answer = admin.post(members, form)
    assert answer.status_code == 422
    assert Membership.objects.get().role == "admin"


def test_the_last_administrator_is_not_removed(admin: Client, members: str) -> None:
    person = User.objects.get(username="grace")
    body = admin.post(f"{members}{person.pk}/remove/", follow=True).content.decode()
    assert "last administrator" in body
    assert Membership.objects.filter(user=person).exists()


def test_an_old_login_is_asked_to_confirm(members: str, person: User) -> None:
    admin = log_in(join(User.objects.create_user("grace"), Role.ADMIN), minutes_ago=20)
    assert "/confirm/" in admin.get(members).content.decode()
    answer = admin.post(members, {"username": "ada", "role": "admin"})
    assert answer["Location"].startswith("/confirm/")
    assert Membership.objects.get(user=person).role == "operator"


def test_a_project_is_made_and_changed(members: str) -> None:
    root = log_in(User.objects.create_superuser("root"))
    made = root.post("/settings/projects/", {"name": "Second"})
    project = Project.objects.get(slug="second")
    assert made["Location"] == f"/settings/projects/{project.pk}/members/"
    root.post(f"/settings/projects/{project.pk}/", {"name": "Two", "requires_approval": "on"})
    project.refresh_from_db()
    assert (project.name, project.requires_approval) == ("Two", True)
    assert root.post("/settings/projects/", {"name": "Two"}).status_code == 422


def test_with_one_project_no_page_asks_for_it(browser: Client, person: User) -> None:
    for path in ("/agents/", "/sources/", "/settings/tokens/"):
        assert 'name="project' not in browser.get(path).content.decode()
    second = Project.objects.create(name="Second", slug="second", created_at=person.date_joined)
    join(person, project=second)
    for path in ("/agents/", "/sources/", "/settings/tokens/"):
        assert 'name="project' in browser.get(path).content.decode()


def test_changes_of_accounts_are_noted(person: User) -> None:
    root = log_in(User.objects.create_superuser("root"))
    root.post(f"/admin/dashboard/user/{person.pk}/change/", _account(person))
    event = AuditEvent.objects.get(action="account.changed")
    assert (event.target, event.details["active"]) == ("ada", False)


def test_staff_give_no_rights_and_touch_no_superuser(person: User) -> None:
    root = User.objects.create_superuser("root")
    person.is_staff = True
    person.save()
    person.user_permissions.set(_permissions())
    staff = log_in(person)
    staff.post(
        f"/admin/dashboard/user/{person.pk}/change/",
        _account(person, is_active="on", is_superuser="on"),
    )
    assert staff.get(f"/admin/dashboard/user/{root.pk}/password/").status_code == 403
    person.refresh_from_db()
    assert not person.is_superuser


def _permissions() -> list[Permission]:
    return list(Permission.objects.filter(codename__in=["change_user", "view_user"]))


def _account(person: User, **checked: str) -> dict[str, str]:
    """Return the account's form as a browser sends it; without checked boxes it is closed."""
    joined = person.date_joined
    return {
        "username": person.username,
        "date_joined_0": f"{joined:%Y-%m-%d}",
        "date_joined_1": f"{joined:%H:%M:%S}",
        **checked,
    }
