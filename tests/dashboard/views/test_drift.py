"""The pages of drift: what an operator sees of an alert and does about it."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from random import Random

import pytest
from django.test import Client
from django.utils import timezone

import checkpoints
from dashboard.models import Agent, DriftAlert, Role, User
from dashboard.selectors.drift_rows import calling_alerts
from dashboard.services import drift
from dashboard.services.ingest import ingest_push
from dashboard.services.tokens import NewToken
from dashboard.templatetags.drift import percent
from tests.dashboard.people import join, log_in
from tests.dashboard.records import push, record

pytestmark = pytest.mark.django_db
CLEAN, DRIFTED = 60, 15


@pytest.fixture
def alert(token: NewToken) -> DriftAlert:
    """A drift that was found in what an agent saved: its tokens and seconds rose."""
    random, now = Random(5), timezone.now()
    records = [_saved(step, random, now - timedelta(hours=6)) for step in range(CLEAN + DRIFTED)]
    ingest_push(token=token.token, push=push(*records, version=1), now=now)
    drift.analyse_agent(agent_pk=Agent.objects.get().pk, now=lambda: now)
    return DriftAlert.objects.get()


def _saved(step: int, random: Random, begin: datetime) -> checkpoints.Checkpoint:
    high = step >= CLEAN
    tokens = random.gauss(2600 if high else 1400, 60)
    return record(
        step,
        parent_id=f"checkpoint-{step - 1}" if step else None,
        created_at=begin + timedelta(minutes=4 * step),
        step_name="generation",
        metrics={"tokens": tokens, "seconds": random.gauss(8 if high else 3, 0.2)},
    )


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content[:400]
    return re.sub(r"\s+", " ", answer.content.decode())


def test_the_list_says_what_was_measured_and_since_when(alert: DriftAlert, browser: Client) -> None:
    page = text(browser, "/drift/")
    assert f"/drift/{alert.pk}/" in page
    assert "tokens" in page
    assert "open" in page


def test_the_list_is_narrowed_by_state(alert: DriftAlert, browser: Client) -> None:
    assert f"/drift/{alert.pk}/" not in text(browser, "/drift/?state=resolved")
    assert browser.get("/drift/?state=nonsense").status_code == 404


def test_without_any_agent_the_page_teaches_how_to_begin(browser: Client, person: User) -> None:
    assert "create_checkpoint" in text(browser, "/drift/")


def test_an_alert_shows_its_evidence_its_charts_and_the_way_back(
    alert: DriftAlert, browser: Client
) -> None:
    page = text(browser, f"/drift/{alert.pk}/")
    assert "What was measured" in page
    assert 'class="drifted"' in page
    assert 'class="band"' in page
    assert f"checkpoint #{alert.onset_checkpoint_id}" in page


def test_no_rung_of_the_ladder_lies_after_the_onset(alert: DriftAlert, browser: Client) -> None:
    ladder = text(browser, f"/drift/{alert.pk}/").split('class="rungs"')[1].split("</ol>")[0]
    offered = [int(pk) for pk in re.findall(r"/checkpoints/(\d+)/", ladder)]
    assert len(offered) >= 3
    assert max(offered) < (alert.onset_checkpoint_id or 0)


def test_the_restore_page_is_given_the_reason(alert: DriftAlert, browser: Client) -> None:
    page = text(browser, f"/checkpoints/{alert.onset_checkpoint_id}/restore/?reason=drift+%231")
    assert "drift #1" in page or "cannot be restored" in page or "not restored from here" in page


def test_an_alert_is_acknowledged(alert: DriftAlert, browser: Client) -> None:
    browser.post(f"/drift/{alert.pk}/acknowledge/")
    alert.refresh_from_db()
    assert alert.state == "acknowledged"


def test_an_alert_is_put_off_for_the_time_that_was_typed(
    alert: DriftAlert, browser: Client
) -> None:
    browser.post(f"/drift/{alert.pk}/snooze/", {"length": "2d"})
    alert.refresh_from_db()
    assert alert.snoozed_until is not None
    assert abs(alert.snoozed_until - timezone.now() - timedelta(days=2)) < timedelta(minutes=1)


@pytest.mark.parametrize("length", ["soon", "", "-4h", "400d", "nan h"])
def test_a_length_that_cannot_be_is_refused_and_changes_nothing(
    alert: DriftAlert, browser: Client, length: str
) -> None:
    answer = browser.post(f"/drift/{alert.pk}/snooze/", {"length": length})
    assert answer.status_code == 409
    assert "othing was changed" in answer.content.decode()
    alert.refresh_from_db()
    assert alert.state == "open"


@pytest.mark.parametrize("way", ["resolve", "not-drift"])
def test_an_end_wants_a_reason_and_shows_it(alert: DriftAlert, browser: Client, way: str) -> None:
    assert browser.post(f"/drift/{alert.pk}/{way}/", {"reason": " "}).status_code == 409
    browser.post(f"/drift/{alert.pk}/{way}/", {"reason": "the site changed"})
    assert "the site changed" in text(browser, f"/drift/{alert.pk}/")


def test_an_alert_that_has_ended_cannot_be_put_off(alert: DriftAlert, browser: Client) -> None:
    browser.post(f"/drift/{alert.pk}/resolve/", {"reason": "done"})
    answer = browser.post(f"/drift/{alert.pk}/snooze/", {"length": "4h"})
    assert answer.status_code == 409
    assert "has ended already" in answer.content.decode()


def test_a_viewer_sees_an_alert_and_why_they_cannot_act(alert: DriftAlert) -> None:
    viewer = join(User.objects.create_user("viewer"), Role.VIEWER, alert.agent.source.project)
    page = text(log_in(viewer), f"/drift/{alert.pk}/")
    assert "disabled" in page
    assert log_in(viewer).post(f"/drift/{alert.pk}/acknowledge/").status_code == 403


def test_trying_a_sensitivity_changes_nothing(alert: DriftAlert, browser: Client) -> None:
    answer = browser.post(
        f"/drift/tuning/{alert.agent_id}/", {"sensitivity": "0.9", "enabled": "on", "try": "1"}
    )
    assert "What would have been found" in answer.content.decode()
    alert.agent.watch.refresh_from_db()
    assert alert.agent.watch.sensitivity == 0.5


def test_a_sensitivity_is_kept_for_the_agent_and_for_one_metric(
    alert: DriftAlert, browser: Client
) -> None:
    browser.post(
        f"/drift/tuning/{alert.agent_id}/",
        {"sensitivity": "0.25", "enabled": "on", "own-tokens": "0.9", "own-seconds": ""},
    )
    watch = alert.agent.watch
    watch.refresh_from_db()
    assert (watch.sensitivity, watch.sensitivities) == (0.25, {"tokens": 0.9})


@pytest.mark.parametrize(
    "given", [{"sensitivity": "2"}, {"sensitivity": "x"}, {"sensitivity": "0.5", "own-a": "much"}]
)
def test_a_sensitivity_that_is_no_share_is_refused(
    alert: DriftAlert, browser: Client, given: dict[str, str]
) -> None:
    answer = browser.post(f"/drift/tuning/{alert.agent_id}/", given)
    assert answer.status_code == 409
    assert "othing was changed" in answer.content.decode()


def test_names_of_metrics_are_text_and_nothing_else(alert: DriftAlert, browser: Client) -> None:
    evil = "<img src=x onerror=alert(1)>"
    for one in alert.contributions:
        one["signal"]["metric"] = evil
        one["signal"]["evidence"]["words"] = evil
    alert.words = evil
    alert.save()
    for path in ("/drift/", f"/drift/{alert.pk}/"):
        assert "<img" not in text(browser, path)


def test_the_overview_calls_until_somebody_has_seen_it(alert: DriftAlert, browser: Client) -> None:
    assert f"/drift/{alert.pk}/" in text(browser, "/")
    browser.post(f"/drift/{alert.pk}/acknowledge/")
    assert f"/drift/{alert.pk}/" not in text(browser, "/")


def test_the_agents_timeline_tells_of_it_and_marks_where_it_began(
    alert: DriftAlert, browser: Client
) -> None:
    assert alert.thread is not None
    page = text(browser, f"/agents/{alert.agent_id}/")
    assert "It drifts since" in page
    lanes = f"/agents/{alert.agent_id}/crawler/threads/{alert.thread.pk}/lanes.json"
    (mark,) = json.loads(browser.get(lanes).content)["operations"]
    assert (mark["note"], mark["url"]) == ("drift", f"/drift/{alert.pk}/")
    assert mark["t"] == round(alert.onset_at.timestamp() * 1000)


def test_the_overview_names_the_most_severe_first(alert: DriftAlert, person: User) -> None:
    other = Agent.objects.create(
        source=alert.agent.source, agent_id="other", created_at=timezone.now()
    )
    DriftAlert.objects.create(
        agent=other,
        number=1,
        episode=1,
        severity="low",
        onset_at=timezone.now(),
        found_at=timezone.now() + timedelta(hours=1),
        opened_at=timezone.now(),
        last_signal_at=timezone.now(),
    )
    first, second = calling_alerts(person, most=8)
    assert (first.agent_id, second.agent_id) == (alert.agent_id, other.pk)


def test_older_states_are_asked_for_where_the_store_is_connected(
    alert: DriftAlert, browser: Client
) -> None:
    """Agents only report about this one, so the page says what to do first."""
    answer = browser.post(f"/drift/tuning/{alert.agent_id}/states/")
    assert answer.status_code == 409
    assert "Connect it on the Sources page first" in answer.content.decode()
    alert.agent.source.connected = True
    alert.agent.source.save()
    browser.post(f"/drift/tuning/{alert.agent_id}/states/")
    assert alert.agent.drift_backfills.get().state == "running"
    assert "states are read" in text(browser, f"/drift/tuning/{alert.agent_id}/")


def test_a_confidence_is_never_shown_as_certain() -> None:
    assert percent(0.999) == "99%"


def test_what_was_over_before_it_was_found_is_not_called_back_to_normal(
    alert: DriftAlert, browser: Client
) -> None:
    ended = {"state": "resolved", "resolved_at": timezone.now(), "reason": "It was over before."}
    DriftAlert.objects.filter(pk=alert.pk).update(**ended)
    page = text(browser, f"/drift/{alert.pk}/")
    assert "It was over before" in page
    assert "back to normal" not in page
