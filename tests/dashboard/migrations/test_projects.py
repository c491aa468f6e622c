"""What was there before projects is kept: sources, tokens, what people may do, the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from dashboard.chains import GENESIS, digest
from dashboard.models import ApiToken, AuditEvent, AuditHead, Membership, Project, Source

NOW = datetime(2026, 11, 21, 12, 0, 0, 123, tzinfo=UTC)
BEFORE, AFTER = ("dashboard", "0002_reports"), ("dashboard", "0003_projects")

pytestmark = pytest.mark.django_db(transaction=True)


def migrate(to: tuple[str, str]) -> Any:
    executor = MigrationExecutor(connection)
    return executor.migrate([to]).apps


@pytest.fixture
def _migrated() -> Iterator[None]:
    """A database that had rows before there were projects."""
    old = migrate(BEFORE)
    people = old.get_model("dashboard", "User")
    ada = people.objects.create(username="ada")
    people.objects.create(username="root", is_staff=True, is_superuser=True)
    old.get_model("dashboard", "Source").objects.create(
        name="agents", url="sqlite:////a.db", kind="sqlite", created_at=NOW
    )
    old.get_model("dashboard", "ApiToken").objects.create(
        name="t", prefix="0" * 12, digest="x", scopes=["push"], created_by=ada, created_at=NOW
    )
    for number in range(3):
        old.get_model("dashboard", "AuditEvent").objects.create(
            at=NOW, user=ada, actor="ada", action="token.created", details={"n": number, "é": "“"}
        )
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.mark.usefixtures("_migrated")
def test_everything_is_in_the_default_project_and_people_keep_their_rights() -> None:
    project = Project.objects.get()
    assert Source.objects.get().project == project
    assert ApiToken.objects.get().project == project
    roles = dict(Membership.objects.values_list("user__username", "role"))
    assert roles == {"ada": "operator", "root": "admin"}


@pytest.mark.usefixtures("_migrated")
def test_the_events_form_a_chain() -> None:
    previous = GENESIS
    for number, event in enumerate(AuditEvent.objects.order_by("pk"), 1):
        assert (event.sequence, event.previous) == (number, previous)
        assert event.hash == digest(event.link())
        previous = event.hash
    head = AuditHead.objects.get()
    assert (head.count, head.hash) == (3, previous)


@pytest.mark.usefixtures("_migrated")
def test_the_database_refuses_to_change_or_delete_an_event() -> None:
    rows = AuditEvent.objects.all()
    with pytest.raises(DatabaseError, match="appended"), transaction.atomic():
        rows.update(actor="somebody else")
    with pytest.raises(DatabaseError, match="appended"), transaction.atomic():
        rows._raw_delete(using="default")
    assert rows.count() == 3
