"""The storage page: the chart, what is foretold, the way into the parts, and quotas."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.models import (
    Project,
    Role,
    Source,
    StorageQuota,
    Thread,
    ThreadStorage,
    User,
)
from tests.dashboard.growth import KB, grown
from tests.dashboard.people import join, log_in

pytestmark = pytest.mark.django_db

LEVELS = ("all", "source", "agent", "thread")


@pytest.fixture
def source(db: None) -> Source:
    return grown(timezone.now(), agents=3, days=40, size=lambda n, hours: (n + 1) * hours * 40 * KB)


def page(browser: Client, query: str = "") -> str:
    answer = browser.get(f"/storage/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def address(level: str) -> str:
    thread = Thread.objects.order_by("-stored_bytes").select_related("agent")[0]
    pks = {"source": thread.agent.source_id, "agent": thread.agent_id, "thread": thread.pk}
    return f"?{level}={pks[level]}" if level in pks else ""


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("range_", ["24h", "7d", "30d", "90d", "all"])
def test_growth_is_drawn_with_what_is_foretold(
    browser: Client, source: Source, level: str, range_: str
) -> None:
    query = address(level) or "?"
    shown = page(browser, f"{query}&range={range_}")
    assert 'class="outline"' in shown
    assert 'class="ahead"' in shown
    assert "At this rate" in shown
    assert "nan" not in "".join(re.findall(r' d="([^"]*)"', shown))


def test_nothing_on_it_is_styled_inline(browser: Client, source: Source) -> None:
    shown = page(browser, "?by=agent")
    assert not re.search(r"\sstyle=|<style|<script(?![^>]*\bsrc=)|\son\w+=", shown)


def test_its_links_lead_from_all_to_the_fields_of_a_thread(browser: Client, source: Source) -> None:
    agent = source.agents.get(agent_id="agents-2")
    assert f'href="?agent={agent.pk}"' in page(browser, f"?source={source.pk}")
    thread = agent.threads.get()
    assert f'href="?thread={thread.pk}"' in page(browser, f"?agent={agent.pk}")
    assert "No field has been measured yet" in page(browser, f"?thread={thread.pk}")


def test_the_numbers_stand_in_a_table_too(browser: Client, source: Source) -> None:
    shown = page(browser)
    assert "Stored bytes by time" in shown
    assert shown.count('<th scope="row">') >= 15


def test_before_the_first_sample_it_says_how_they_come(browser: Client) -> None:
    now = timezone.now()
    Source.objects.create(name="new", url="sqlite:////new.db", kind="sqlite", created_at=now)
    assert "No sample has been taken yet" in page(browser)


def test_one_sample_is_said_and_not_drawn_as_an_empty_chart(browser: Client, db: None) -> None:
    grown(timezone.now(), agents=1, days=0)
    shown = page(browser)
    assert "There is one sample so far." in shown
    assert 'class="growth-chart"' not in shown
    assert "agents-0" in shown


def test_a_day_stands_once_under_the_axis(browser: Client, db: None) -> None:
    grown(timezone.now(), agents=1, days=2)
    shown = page(browser)
    days = re.findall(r">(\d+ \w{3})</time>", shown[shown.index("growth-times") :])
    assert len(days) == len(set(days)) >= 2


def test_what_is_not_smaller_in_the_store_is_not_called_so(browser: Client, source: Source) -> None:
    ThreadStorage.objects.update(plain_bytes=1020 * KB, packed_bytes=1000 * KB)
    assert "× smaller" not in page(browser)
    ThreadStorage.objects.update(plain_bytes=2000 * KB)
    assert "2.0 × smaller" in page(browser)


def test_before_a_day_has_passed_nothing_is_foretold(browser: Client, db: None) -> None:
    grown(timezone.now(), agents=1, days=0)
    assert "Not enough is known yet" in page(browser)


@pytest.mark.parametrize(
    "query", ["?range=1y", "?source=x", "?source=999999", "?agent=999999", "?thread=999999"]
)
def test_what_cannot_be_shown_is_not_found(browser: Client, source: Source, query: str) -> None:
    assert browser.get(f"/storage/{query}").status_code == 404


def test_a_quota_is_set_drawn_and_taken_away(browser: Client, source: Source) -> None:
    url = f"/storage/quota/source/{source.pk}/"
    shown = browser.post(url, {"size": "300 MB"}, follow=True).content.decode()
    assert StorageQuota.objects.get().bytes == 300 * 10**6
    assert "The quota of 300 MB is reached about" in shown
    assert 'class="quota"' in shown

    browser.post(url, {"size": ""})
    assert not StorageQuota.objects.exists()


def test_a_quota_that_is_no_size_is_refused_and_says_why(browser: Client, source: Source) -> None:
    url = f"/storage/quota/source/{source.pk}/"
    shown = browser.post(url, {"size": "a lot"}, follow=True).content.decode()
    assert "No quota was set" in shown
    assert not StorageQuota.objects.exists()


def planned(source: Source) -> Thread:
    """Let the policies free something of the largest thread."""
    thread = Thread.objects.order_by("-stored_bytes").select_related("agent")[0]
    freed = {"freed_bytes": 5 * KB, "freed_count": 5, "planned_at": timezone.now()}
    ThreadStorage.objects.filter(thread=thread).update(**freed)
    return thread


@pytest.mark.parametrize("level", ["source", "agent"])
def test_what_policies_would_free_leads_to_a_preview_of_it_and_of_each_row(
    browser: Client, source: Source, level: str
) -> None:
    thread = planned(source)
    shown = page(browser, address(level))
    inner = "agent" if level == "source" else "thread"
    pks = {"source": source.pk, "agent": thread.agent_id, "thread": thread.pk}
    for one in (level, inner):
        assert f'action="/storage/prune/{one}/{pks[one]}/"' in shown
    assert shown.count("/storage/prune/") == 2


def test_of_all_sources_only_the_rows_lead_to_a_preview(browser: Client, source: Source) -> None:
    thread = planned(source)
    shown = page(browser, "?eats=threads")
    assert f'action="/storage/prune/thread/{thread.pk}/"' in shown
    assert "Preview and prune" not in shown


def test_a_viewer_is_told_why_they_cannot_prune(source: Source) -> None:
    planned(source)
    viewer = join(User.objects.create_user("viewer"), Role.VIEWER)
    shown = page(log_in(viewer), f"?source={source.pk}")
    assert "/storage/prune/" not in shown
    assert re.search(r'disabled title="This needs the role operator[^"]*">Preview and prune', shown)


def test_a_viewer_is_told_why_they_cannot_set_a_quota(source: Source) -> None:
    viewer = join(User.objects.create_user("viewer"), Role.VIEWER)
    shown = page(log_in(viewer), f"?source={source.pk}")
    assert "This needs the role operator in the project." in shown


def test_a_member_of_another_project_sees_nothing_of_it(source: Source) -> None:
    other = Project.objects.create(name="Other", slug="other", created_at=timezone.now())
    eve = log_in(join(User.objects.create_user("eve"), Role.OPERATOR, other))
    assert "agents-2" not in page(eve)
    assert eve.get(f"/storage/?source={source.pk}").status_code == 404


def test_a_change_says_which_way_it_went(browser: Client, db: None) -> None:
    size = 40 * 24 * KB
    grown(timezone.now(), agents=1, days=40, size=lambda _, hours: (size - hours * KB) * 50)
    assert "\N{MINUS SIGN}8.4 MB" in page(browser)


def test_hours_without_a_worker_are_named_as_such(browser: Client, db: None) -> None:
    now = timezone.now() - timedelta(minutes=1)
    grown(now, agents=1, days=20, gaps=(2, 3))
    assert "no sample" in page(browser, "?range=7d")
