"""The pages of drills, and what drills say on others."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.models import Drill, ObjectiveAlert, RecoveryObjective, Role, Thread, User
from dashboard.services import drills
from tests.dashboard.people import join, log_in
from tests.dashboard.services.drills.yard import DrillYard, make_drill_yard

pytestmark = pytest.mark.django_db


@pytest.fixture
def yard(tmp_path: Path, person: User) -> DrillYard:
    """A drilled store of which one agent's head is damaged."""
    yard = make_drill_yard(tmp_path)
    yard.clock.now = timezone.now()
    path = yard.head_file("billing")
    path.write_bytes(path.read_bytes()[:-40])
    yard.drilled()
    Thread.objects.update(status="running")
    return yard


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_overview_says_how_many_agents_are_proven(yard: DrillYard, browser: Client) -> None:
    page = text(browser, "/")
    assert "Restorable" in page
    assert "restore not proven" in page.lower()
    assert "could not be restored" in page


def test_a_proof_that_holds_for_all_stands_in_the_headline(
    yard: DrillYard, browser: Client
) -> None:
    drills.carry_out(drill_pk=yard.ask("crawler").pk, now=yard.clock)
    yard.agent("billing").delete()
    assert "Restorable, proven" in text(browser, "/")


def test_beside_a_failure_it_says_what_is_proven_and_since_when(
    yard: DrillYard, browser: Client
) -> None:
    page = " ".join(text(browser, "/").split())
    shown = page[page.index('id="restorable"') :]
    shown = shown[: shown.index("</section>")]
    assert "Restorable, proven" not in shown
    assert "1 of 2 agents proven; the oldest of these proofs is from" in shown
    assert f"/agents/{yard.agent('billing').pk}/" in shown
    assert "never proven" in shown


def test_the_page_of_drills_names_what_failed_and_what_to_do(
    yard: DrillYard, browser: Client
) -> None:
    page = text(browser, "/drills/")
    assert "1 of 2" in page
    assert "To do:" in page


@pytest.mark.parametrize(
    ("state", "named", "left_out"),
    [
        pytest.param("failed", "billing", "crawler", id="failed"),
        pytest.param("proven", "crawler", "billing", id="proven"),
    ],
)
def test_it_can_be_narrowed(
    yard: DrillYard, browser: Client, state: str, named: str, left_out: str
) -> None:
    page = text(browser, f"/drills/?state={state}")
    assert f">{named}</a>" in page
    assert f">{left_out}</a>" not in page


def test_a_drill_shows_what_was_proved_of_each_checkpoint(yard: DrillYard, browser: Client) -> None:
    page = text(browser, f"/drills/{Drill.objects.get().pk}/")
    assert "read back the same" in page
    assert yard.head_file("billing").stem in page


def test_an_agent_page_says_when_a_restore_was_last_proven(
    yard: DrillYard, browser: Client
) -> None:
    assert "never rehearsed" not in text(browser, f"/agents/{yard.agent('crawler').pk}/x/")
    assert "restore not proven" in text(browser, f"/agents/{yard.agent('billing').pk}/x/")


def test_rehearse_now_begins_a_drill_and_shows_it(yard: DrillYard, browser: Client) -> None:
    answer = browser.post("/drills/rehearse/", {"agent": yard.agent("crawler").pk})
    asked = Drill.objects.latest("pk")
    assert answer["Location"] == f"/drills/{asked.pk}/"
    assert asked.agent == yard.agent("crawler")


def test_an_objective_is_set_in_place_and_a_missed_one_is_shown_in_words(
    yard: DrillYard, browser: Client
) -> None:
    agent = yard.agent("crawler")
    Thread.objects.filter(agent=agent).update(status="running")
    agent.threads.get().checkpoints.update(created_at=yard.clock.now.replace(year=2025))
    browser.post(f"/drills/objectives/agent/{agent.pk}/", {"minutes": "2h"})
    assert RecoveryObjective.objects.get().minutes == 120
    assert "recovery point too old" in text(browser, "/agents/")
    assert "too old" in text(browser, "/drills/?state=missed")
    browser.post(f"/drills/objectives/agent/{agent.pk}/", {"minutes": ""})
    assert not RecoveryObjective.objects.exists()


@pytest.mark.parametrize("typed", ["soon", "0min", "90s", "1000d"])
def test_an_objective_that_cannot_be_is_refused_with_a_sentence(
    yard: DrillYard, browser: Client, typed: str
) -> None:
    path = f"/drills/objectives/source/{yard.source.pk}/"
    answer = browser.post(path, {"minutes": typed})
    assert answer.status_code == 409
    assert "objective" in answer.content.decode()
    assert not RecoveryObjective.objects.exists()


def test_an_acknowledged_alert_calls_nobody_any_more(yard: DrillYard, browser: Client) -> None:
    alert = ObjectiveAlert.objects.get()
    browser.post(f"/drills/alerts/{alert.pk}/")
    assert "could not be restored" not in text(browser, "/")


def test_a_schedule_is_changed_in_place(yard: DrillYard, browser: Client) -> None:
    values = {"every_hours": "6", "per_agent": "3", "enabled": "on"}
    browser.post(f"/drills/sources/{yard.source.pk}/", values)
    assert "every 6 hours, 3 of each agent" in text(browser, "/drills/")


def test_a_viewer_sees_all_of_it_and_is_offered_nothing(yard: DrillYard) -> None:
    viewer = log_in(join(User.objects.create(username="eve"), Role.VIEWER))
    page = text(viewer, "/drills/")
    assert "crawler" in page
    assert "Rehearse now" not in page
    assert viewer.post("/drills/rehearse/", {"source": yard.source.pk}).status_code == 403
