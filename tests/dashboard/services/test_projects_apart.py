"""Two projects that use one store: neither sees, changes or learns of the other's rows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from dashboard import access
from dashboard.models import (
    ApiToken,
    Checkpoint,
    Directive,
    DirectiveOutcome,
    Project,
    Role,
    Source,
    User,
)
from dashboard.selectors.agents import AgentFilter, agents_page
from dashboard.selectors.checkpoints import find_checkpoint
from dashboard.selectors.errors import NotFound
from dashboard.selectors.operations import operations_page
from dashboard.selectors.overview import overview_page
from dashboard.selectors.reports import find_directive
from dashboard.selectors.sources import sources_page
from dashboard.selectors.timelines import find_thread
from dashboard.services import reports, sources
from dashboard.services.ingest import ContentConflict, ingest_push
from dashboard.services.sources import SourceRefused
from dashboard.services.tokens import create_token
from tests.benches import save_steps
from tests.dashboard.people import join
from tests.dashboard.records import URL, push, record

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours(person: User, now: datetime) -> ApiToken:
    """A token of the project that came first."""
    return create_token(user=person, name="ours", scopes=["push"], now=now).token


@pytest.fixture
def stranger(now: datetime) -> User:
    """An administrator of another project."""
    project = Project.objects.create(name="Theirs", slug="theirs", created_at=now)
    user = join(User.objects.create_user("eve"), Role.ADMIN, project)
    user.authenticated_at = now
    return user


@pytest.fixture
def theirs(stranger: User, now: datetime) -> ApiToken:
    return create_token(user=stranger, name="theirs", scopes=["push"], now=now).token


@pytest.fixture
def checkpoint(ours: ApiToken, now: datetime) -> Checkpoint:
    """A checkpoint that was reported in our project, and a directive to restore the one before."""
    ingest_push(token=ours, push=push(record(1), record(2), version=2), now=now)
    return Checkpoint.objects.get(checkpoint_id="checkpoint-1")


@pytest.fixture
def directive(person: User, checkpoint: Checkpoint, now: datetime) -> Directive:
    return reports.leave_restore(
        user=person, checkpoint_pk=checkpoint.pk, reason="w", idempotency_key="k", now=now
    )


def test_a_push_about_a_store_of_another_project_makes_rows_of_its_own(
    checkpoint: Checkpoint, theirs: ApiToken, now: datetime
) -> None:
    before = list(Checkpoint.objects.order_by("pk").values())
    other = push(record(1, sha256="f" * 64), version=9)
    ingested = ingest_push(token=theirs, push=other, now=now)
    assert ingested.created == 1
    assert list(Checkpoint.objects.exclude(pk__in=ingested.rows).order_by("pk").values()) == before
    assert {source.project_id for source in Source.objects.filter(url=URL)} == {
        checkpoint.thread.agent.source.project_id,
        theirs.project_id,
    }
    checkpoint.thread.refresh_from_db()
    assert checkpoint.thread.head_version == 2


def test_in_ones_own_project_the_other_content_is_a_conflict(
    checkpoint: Checkpoint, ours: ApiToken, now: datetime
) -> None:
    with pytest.raises(ContentConflict):
        ingest_push(token=ours, push=push(record(1, sha256="f" * 64)), now=now)


def test_a_token_of_another_project_is_given_no_directive_and_answers_none(
    directive: Directive, theirs: ApiToken, now: datetime
) -> None:
    names = {"agent_id": "crawler", "thread_id": "main", "source_url": URL}
    assert reports.waiting_directives(token=theirs, now=now, **names) == []
    answer = reports.AcknowledgementItem(
        id=uuid4().hex, directive_id=str(directive.pk), at=now, outcome=DirectiveOutcome.APPLIED
    )
    checkpoint_too = reports.CheckpointItem(id=uuid4().hex, record=record(1))
    both: list[list[reports.Item]] = [[answer], [answer, checkpoint_too]]
    for items in both:
        taken = reports.take_reports(token=theirs, source_url=URL, items=items, now=now)
        assert [refused.id for refused in taken.refused] == [answer.id]
        assert taken.directives == ()
    directive.refresh_from_db()
    assert directive.state == "waiting"


def test_nobody_of_another_project_finds_a_row(
    checkpoint: Checkpoint, directive: Directive, stranger: User, now: datetime
) -> None:
    with pytest.raises(NotFound):
        find_checkpoint(user=stranger, checkpoint_pk=checkpoint.pk)
    with pytest.raises(NotFound):
        find_thread(user=stranger, agent_pk=checkpoint.thread.agent_id)
    with pytest.raises(NotFound):
        find_directive(user=stranger, directive_id=directive.pk)
    page = overview_page(user=stranger, now=now)
    assert (page.agents, page.checkpoint_count, page.stored_bytes) == (0, 0, 0)
    assert (page.sources, page.latest, page.threads, page.statuses) == ((), (), (), ())
    assert agents_page(user=stranger, wanted=AgentFilter()).rows == ()
    assert agents_page(user=stranger, wanted=AgentFilter(text="checkpoint-1")).rows == ()
    assert agents_page(user=stranger, wanted=AgentFilter()).sources == ()
    assert sources_page(user=stranger).rows == ()
    assert operations_page(user=stranger).directives == ()


def test_nobody_of_another_project_changes_a_row(
    checkpoint: Checkpoint, directive: Directive, stranger: User, now: datetime
) -> None:
    source = checkpoint.thread.agent.source
    values: dict[str, Any] = {"reason": "w", "idempotency_key": "k", "now": now}
    with pytest.raises(access.Hidden):
        reports.leave_restore(user=stranger, checkpoint_pk=checkpoint.pk, **values)
    with pytest.raises(access.Hidden):
        reports.cancel_directive(user=stranger, directive_id=directive.pk, now=now)
    for act in (sources.remove_source, sources.connect_source):
        with pytest.raises(SourceRefused, match="no such source"):
            act(user=stranger, source_id=source.pk, now=now)
    with pytest.raises(SourceRefused, match="no such source"):
        sources.sync_now(user=stranger, source_id=source.pk)
    directive.refresh_from_db()
    assert directive.state == "waiting"
    assert Source.objects.filter(pk=source.pk).exists()


def test_a_viewer_changes_nothing(
    checkpoint: Checkpoint, directive: Directive, person: User, now: datetime
) -> None:
    join(person, Role.VIEWER)
    source = checkpoint.thread.agent.source
    values: dict[str, Any] = {"reason": "w", "idempotency_key": "other", "now": now}
    with pytest.raises(access.Forbidden):
        reports.leave_restore(user=person, checkpoint_pk=checkpoint.pk, **values)
    with pytest.raises(access.Forbidden):
        reports.cancel_directive(user=person, directive_id=directive.pk, now=now)
    for act in (sources.remove_source, sources.connect_source):
        with pytest.raises(access.Forbidden):
            act(user=person, source_id=source.pk, now=now)
    with pytest.raises(access.Forbidden):
        sources.add_source(user=person, url=URL, name="", now=now)


def test_a_store_that_is_opened_in_one_project_is_opened_in_no_other(
    person: User, stranger: User, tmp_path: Path, now: datetime
) -> None:
    url = f"sqlite:///{tmp_path}/agents.db"
    save_steps(url)
    sources.add_source(user=person, url=url, name="ours", now=now)
    with pytest.raises(SourceRefused, match="Nothing was added"):
        sources.add_source(user=stranger, url=url, name="theirs", now=now)
    assert [source.name for source in Source.objects.all()] == ["ours"]


def test_a_store_that_another_project_reports_about_is_not_opened_a_second_time(
    person: User, stranger: User, theirs: ApiToken, tmp_path: Path, now: datetime
) -> None:
    url = f"sqlite:///{tmp_path}/agents.db"
    save_steps(url)
    sources.add_source(user=person, url=url, name="ours", now=now)
    reports.take_reports(
        token=theirs,
        source_url=url,
        items=[reports.CheckpointItem(id="1", record=record(1))],
        now=now,
    )
    reported = Source.objects.get(project=theirs.project)
    with pytest.raises(SourceRefused, match="Nothing was connected"):
        sources.connect_source(user=stranger, source_id=reported.pk, now=now)
    reported.refresh_from_db()
    assert not reported.connected


def test_removing_a_source_needs_a_recent_login(person: User, checkpoint: Checkpoint) -> None:
    source = checkpoint.thread.agent.source
    person.authenticated_at = None
    with pytest.raises(access.LoginTooOld):
        sources.remove_source(user=person, source_id=source.pk, now=source.created_at)
    assert Source.objects.filter(pk=source.pk).exists()
