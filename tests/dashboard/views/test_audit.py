"""The audit page: what it shows to whom, and the files that it hands out."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client

from dashboard.models import Project, Role, User
from dashboard.models.access import default_project
from dashboard.selectors.audit import AuditFilter, audit_page
from dashboard.services import audit
from tests.dashboard.people import join, log_in
from tests.dashboard.services.audit.events import append, edit
from tests.flushing import unprotected

pytestmark = pytest.mark.django_db


@pytest.fixture
def events(now: datetime) -> None:
    """An event of our project, one of another, one of the whole dashboard."""
    theirs = Project.objects.create(name="Theirs", slug="theirs", created_at=now)
    for number, project in enumerate((default_project(), theirs.pk, None)):
        audit.record(
            user=None,
            actor=f"actor-{number}",
            action=f"kind{number}.made",
            target="<script>alert(1)</script>",
            details={"n": number},
            now=now + timedelta(days=number),
            project=project,
        )


@pytest.fixture
def admin(events: None) -> Client:
    return log_in(join(User.objects.create_user("grace"), Role.ADMIN))


@pytest.fixture
def root(events: None) -> Client:
    return log_in(User.objects.create_superuser("root"))


def actors(client: Client, query: str = "") -> set[str]:
    body = client.get(f"/audit/{query}").content.decode()
    return {name for name in ("actor-0", "actor-1", "actor-2") if name in body}


def test_an_administrator_sees_their_projects_events(admin: Client) -> None:
    assert actors(admin) == {"actor-0"}
    theirs = Project.objects.get(slug="theirs")
    assert actors(admin, f"?project={theirs.pk}") == set()


def test_a_superuser_sees_all(root: Client) -> None:
    assert actors(root) == {"actor-0", "actor-1", "actor-2"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?person=actor-1", {"actor-1"}),
        ("?action=kind2", {"actor-2"}),
        ("?since=2026-11-22", {"actor-1", "actor-2"}),
        ("?until=2026-11-22", {"actor-0", "actor-1"}),
        ("?person=nobody&action=kind2", set()),
    ],
)
def test_it_is_narrowed(root: Client, query: str, found: set[str]) -> None:
    assert actors(root, query) == found


@pytest.mark.parametrize(
    "query", ["?since=yesterday", "?until=2026-02-31", "?project=x", "?after=x"]
)
def test_what_makes_no_sense_is_not_found(root: Client, query: str) -> None:
    assert root.get(f"/audit/{query}").status_code == 404


def test_what_others_wrote_is_text(root: Client) -> None:
    assert "<script>alert" not in root.get("/audit/").content.decode()


def test_pages_follow_each_other(now: datetime) -> None:
    append(now, 130)
    user = User.objects.create_superuser("root")
    first = audit_page(user=user, wanted=AuditFilter())
    second = audit_page(user=user, wanted=AuditFilter(), after=first.next_key)
    found = [event.sequence for event in (*first.rows, *second.rows)]
    assert found == list(range(130, 0, -1))


def test_a_check_says_whether_the_log_holds(root: Client, now: datetime) -> None:
    append(now)
    assert "It holds" in root.get("/audit/check/").content.decode()
    with unprotected():
        edit()
    body = root.get("/audit/check/", headers={"HX-Request": "true"}).content.decode()
    assert "It does not hold" in body
    assert "event 3 was changed" in body


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_export_of_everything_is_checked_by_itself(
    root: Client, now: datetime, form: str
) -> None:
    answer = root.get(f"/audit/export/{form}/")
    lines = answer.getvalue().decode().splitlines(keepends=True)
    assert audit.verify_file(lines, now=now).events == 3
    assert answer["Content-Disposition"].startswith("attachment")


def test_an_administrators_export_leaves_others_out(admin: Client, now: datetime) -> None:
    lines = admin.get("/audit/export/jsonl/").getvalue().decode().splitlines()
    assert audit.verify_file(lines, now=now, partial=True).events == 1
    assert "actor-0" in lines[0]


def test_an_export_of_another_kind_is_not_found(root: Client) -> None:
    assert root.get("/audit/export/pickle/").status_code == 404


def test_only_administrators_find_it_in_the_navigation(admin: Client, browser: Client) -> None:
    assert 'href="/audit/"' in admin.get("/").content.decode()
    assert 'href="/audit/"' not in browser.get("/").content.decode()
