"""What people do about alerts, who may, and what the detector makes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from dashboard.access import Forbidden
from dashboard.models import AuditEvent, DriftAlert, Project, Role, User
from dashboard.selectors.errors import NotFound
from dashboard.services import drift
from tests.dashboard.people import join
from tests.dashboard.services.drift.yard import DriftYard

ACTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("acknowledge", {}),
    ("resolve", {"reason": "w"}),
    ("not_drift", {"reason": "w"}),
)


def act(name: str) -> Callable[..., DriftAlert]:
    found: Callable[..., DriftAlert] = getattr(drift, name)
    return found


def test_an_acknowledged_alert_lasts_and_says_who_knows(yard: DriftYard) -> None:
    alert = yard.drifted()

    drift.acknowledge(user=yard.user, alert_pk=alert.pk, now=yard.clock())
    drift.acknowledge(user=yard.user, alert_pk=alert.pk, now=yard.clock())

    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by) == ("acknowledged", yard.user)
    assert AuditEvent.objects.filter(action="drift_alert.acknowledged").count() == 1


def test_a_snoozed_alert_opens_again_at_its_time(yard: DriftYard) -> None:
    alert = yard.drifted()
    until = yard.clock() + timedelta(hours=1)
    drift.snooze(user=yard.user, alert_pk=alert.pk, until=until, now=yard.clock())

    drift.look_round(now=until - timedelta(seconds=1))
    alert.refresh_from_db()
    assert alert.state == "snoozed"
    drift.look_round(now=until)
    alert.refresh_from_db()
    assert (alert.state, alert.snoozed_until) == ("open", None)


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=91)])
def test_nothing_is_put_off_to_the_past_or_for_ever(yard: DriftYard, ahead: timedelta) -> None:
    alert = yard.drifted()
    now = yard.clock()

    with pytest.raises(drift.DriftRefused, match="90 days"):
        drift.snooze(user=yard.user, alert_pk=alert.pk, until=now + ahead, now=now)


def test_what_comes_after_a_resolved_alert_is_a_new_one(yard: DriftYard) -> None:
    alert = yard.drifted()
    drift.resolve(user=yard.user, alert_pk=alert.pk, reason="put back", now=yard.clock())
    yard.look()
    due = yard.watch().stall_due_at
    assert due is not None
    yard.clock.now = due + timedelta(seconds=1)
    drift.look_round(now=yard.clock())
    yard.look()

    alert.refresh_from_db()
    after = DriftAlert.objects.get(state="open")
    assert (alert.state, after.number, after.kinds) == ("resolved", 2, ["stall"])


def test_what_is_no_drift_is_normal_from_then_on(yard: DriftYard) -> None:
    alert = yard.drifted()
    drift.not_drift(user=yard.user, alert_pk=alert.pk, reason="a new model", now=yard.clock())
    yard.report(200, factor=2.5)
    yard.look()

    alert.refresh_from_db()
    assert (alert.state, alert.reason, alert.resolved_by) == ("not_drift", "a new model", yard.user)
    assert DriftAlert.objects.count() == 1


@pytest.mark.parametrize(("name", "values"), ACTS)
def test_an_alert_that_has_ended_is_not_changed(
    yard: DriftYard, name: str, values: dict[str, Any]
) -> None:
    alert = yard.drifted()
    drift.resolve(user=yard.user, alert_pk=alert.pk, reason="put back", now=yard.clock())

    with pytest.raises(drift.DriftRefused, match="has ended"):
        act(name)(user=yard.user, alert_pk=alert.pk, now=yard.clock(), **values)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1001])
def test_an_end_needs_a_reason_and_without_one_changes_nothing(
    yard: DriftYard, reason: str
) -> None:
    alert = yard.drifted()

    with pytest.raises(drift.DriftRefused, match="Say why"):
        drift.resolve(user=yard.user, alert_pk=alert.pk, reason=reason, now=yard.clock())

    alert.refresh_from_db()
    assert alert.state == "open"


@pytest.mark.parametrize(("name", "values"), ACTS)
def test_a_viewer_may_not_and_others_do_not_know_of_it(
    yard: DriftYard, name: str, values: dict[str, Any]
) -> None:
    alert = yard.drifted()
    viewer = join(User.objects.create_user("viewer"), Role.VIEWER)
    elsewhere = Project.objects.create(name="Other", slug="other", created_at=yard.clock())
    other = join(User.objects.create_user("other"), project=elsewhere)

    with pytest.raises(Forbidden):
        act(name)(user=viewer, alert_pk=alert.pk, now=yard.clock(), **values)
    with pytest.raises(NotFound):
        act(name)(user=other, alert_pk=alert.pk, now=yard.clock(), **values)


def test_a_replay_says_what_would_have_been_found_and_changes_nothing(yard: DriftYard) -> None:
    yard.drifted()
    before = yard.watch().claim

    found = drift.replay(
        user=yard.user, agent_pk=yard.agent().pk, sensitivity=0.5, sensitivities={}
    )

    assert found.observations == 162
    assert ["latency"] in [[one.signal.metric for one in e.contributions] for e in found.episodes]
    assert (yard.watch().claim, DriftAlert.objects.count()) == (before, 1)


def test_tuning_is_kept_and_the_detector_learns_anew(yard: DriftYard) -> None:
    yard.report(150)
    yard.look()

    drift.tune(
        user=yard.user,
        agent_pk=yard.agent().pk,
        sensitivity=0.2,
        sensitivities={"latency": 0.0},
        now=yard.clock(),
    )
    yard.report(12, factor=2.5)
    yard.look()

    watch = yard.watch()
    assert (watch.sensitivity, watch.sensitivities) == (0.2, {"latency": 0.0})
    assert (watch.tuned_by, watch.observed) == (yard.user, 162)


def test_a_sensitivity_is_a_share(yard: DriftYard) -> None:
    yard.report(1)

    with pytest.raises(drift.DriftRefused, match="from 0"):
        drift.replay(user=yard.user, agent_pk=yard.agent().pk, sensitivity=2, sensitivities={})


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_what_no_database_keeps_is_refused_where_people_write(yard: DriftYard, text: str) -> None:
    alert = yard.drifted()
    now = yard.clock()

    for end in (drift.resolve, drift.not_drift):
        with pytest.raises(drift.DriftRefused, match="nothing was changed"):
            end(user=yard.user, alert_pk=alert.pk, reason=text, now=now)
    with pytest.raises(drift.DriftRefused, match="nothing was changed"):
        drift.tune(
            user=yard.user,
            agent_pk=yard.agent().pk,
            sensitivity=0.5,
            sensitivities={text: 0.5},
            now=now,
        )
