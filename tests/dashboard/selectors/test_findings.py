"""What is wrong in sources, as cards and pages show it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import checkpoints
from dashboard.access import Forbidden
from dashboard.models import Source, SourceFinding, User
from dashboard.selectors.checkpoints import checkpoint_page
from dashboard.selectors.findings import PLACES, findings_page, groups_by_source
from dashboard.selectors.overview import overview_page
from dashboard.selectors.sources import sources_page
from dashboard.services.ingest import findings
from tests.dashboard.index import make_thread

pytestmark = pytest.mark.django_db


def many(kind: str, count: int, start: int = 0) -> Iterable[checkpoints.Finding]:
    for number in range(start, start + count):
        name = f"c{number}"
        yield checkpoints.Finding(kind=kind, message=f"{name} is broken", checkpoint_id=name)


@pytest.fixture
def source(now: datetime) -> Source:
    return make_thread(now).agent.source


def test_a_card_counts_all_of_a_kind_and_names_the_first(
    person: User, source: Source, now: datetime
) -> None:
    findings.keep(source, [*many("leftover_file", 3), *many("truncated", 500)], now=now)
    cut, left = groups_by_source(user=person)[source.pk]
    assert (cut.kind.name, cut.count, len(cut.first), cut.more) == (
        "truncated",
        500,
        PLACES,
        500 - PLACES,
    )
    assert (left.kind.name, left.count, left.more) == ("leftover_file", 3, 0)


def test_ten_thousand_findings_take_no_more_queries_than_one(
    person: User, source: Source, now: datetime
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            sources_page(user=person)
            findings_page(user=person, source_pk=source.pk)
        return len(seen)

    findings.keep(source, many("truncated", 1), now=now)
    before = queries()
    findings.keep(source, many("truncated", 10_000), now=now)
    findings.keep(source, many("poisoned", 1_000), now=now)
    assert queries() == before


def test_pages_show_each_finding_once(person: User, source: Source, now: datetime) -> None:
    findings.keep(source, many("truncated", 250), now=now)
    seen: list[str] = []
    after = ""
    while True:
        page = findings_page(user=person, source_pk=source.pk, after=after)
        seen += [row.finding.checkpoint_id for row in page.rows]
        after = page.next_key
        if not after:
            break
    assert len(seen) == len(set(seen)) == 250


def test_a_page_is_narrowed_to_a_kind_and_to_what_is_gone(
    person: User, source: Source, now: datetime
) -> None:
    findings.keep(source, [*many("truncated", 2), *many("poisoned", 1)], now=now)
    later = now + timedelta(minutes=1)
    findings.keep(source, many("poisoned", 1), now=later)
    findings.conclude(source, now=later, deep=True)

    present = findings_page(user=person, source_pk=source.pk)
    assert [row.kind.name for row in present.rows] == ["poisoned"]
    assert present.gone_count == 2
    gone = findings_page(user=person, source_pk=source.pk, kind="truncated", gone=True)
    assert [row.finding.gone_at for row in gone.rows] == [later, later]
    assert groups_by_source(user=person)[source.pk][0].count == 1


def test_a_finding_leads_to_its_checkpoint_and_the_checkpoint_tells_of_it(
    person: User, now: datetime
) -> None:
    thread = make_thread(now)
    other = make_thread(now, agent_id="other", thread_id="other")
    row = thread.checkpoints.get(step=1)
    named = checkpoints.Finding(
        kind="poisoned", message="empty", checkpoint_id=row.checkpoint_id, thread_id="main"
    )
    elsewhere = checkpoints.Finding(
        kind="truncated", message="cut", checkpoint_id=row.checkpoint_id, thread_id="other"
    )
    findings.keep(thread.agent.source, [named, elsewhere], now=now)
    places = [
        p for group in groups_by_source(user=person)[other.agent.source_id] for p in group.first
    ]
    assert {(p.kind.name, p.checkpoint_pk) for p in places} == {
        ("poisoned", row.pk),
        ("truncated", None),
    }
    page = checkpoint_page(user=person, checkpoint_pk=row.pk)
    assert [place.kind.name for place in page.findings] == ["poisoned"]


def test_what_is_gone_is_no_more_told_of_on_a_checkpoints_page(person: User, now: datetime) -> None:
    thread = make_thread(now)
    row = thread.checkpoints.get(step=1)
    finding = checkpoints.Finding(kind="poisoned", message="", checkpoint_id=row.checkpoint_id)
    findings.keep(thread.agent.source, [finding], now=now)
    findings.conclude(thread.agent.source, now=now + timedelta(seconds=1), deep=True)
    assert checkpoint_page(user=person, checkpoint_pk=row.pk).findings == ()


def test_others_see_nothing_of_it(
    source: Source, now: datetime, django_user_model: type[User]
) -> None:
    findings.keep(source, many("truncated", 1), now=now)
    stranger = User.objects.create_user("eve")
    assert groups_by_source(user=stranger) == {}
    with pytest.raises(Forbidden):
        findings_page(user=stranger, source_pk=source.pk)
    assert SourceFinding.objects.count() == 1


def test_what_is_gone_does_not_count_on_the_overview(
    person: User, source: Source, now: datetime
) -> None:
    findings.keep(source, many("truncated", 3), now=now)
    later = now + timedelta(minutes=1)
    findings.keep(source, many("truncated", 1), now=later)
    findings.conclude(source, now=later, deep=True)
    [shown] = overview_page(user=person, now=later).sources
    assert vars(shown)["wrong"] == 1
