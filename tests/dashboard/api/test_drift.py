"""Drift through the API and from the terminal: alerts read, seen to, tuned."""

from __future__ import annotations

import json
from datetime import timedelta
from http import HTTPStatus

import pytest
import typer
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from typer.testing import CliRunner, Result

from checkpoints.cli.exits import Exit
from dashboard.commands import register
from dashboard.models import DriftAlert, User
from dashboard.selectors.drift import drift_alert_page
from tests.dashboard.api.callers import Caller, caller_of
from tests.dashboard.services.drift.yard import DriftYard, make_drift_yard

pytestmark = pytest.mark.django_db
app = typer.Typer()
register(app)


@pytest.fixture
def yard(db: None) -> DriftYard:
    return make_drift_yard()


@pytest.fixture
def alert(yard: DriftYard) -> DriftAlert:
    return yard.drifted()


@pytest.fixture
def caller(yard: DriftYard) -> Caller:
    return caller_of(User.objects.get(pk=yard.user.pk), "read", "operate")


def holdfast(user: User, *words: str) -> Result:
    return CliRunner().invoke(app, ["drift", *words, "--as", user.username])


def test_an_alert_names_the_checkpoints_to_go_back_to(caller: Caller, alert: DriftAlert) -> None:
    (listed,) = caller.get("drift/alerts").json()["items"]
    whole = caller.get(f"drift/alerts/{alert.pk}").json()

    assert (listed["id"], listed["metrics"]) == (alert.pk, ["latency"])
    assert whole["contributions"][0]["signal"]["evidence"]["baseline_median"] > 90
    first = whole["rungs"][0]
    assert first["before"] >= 3
    assert first["restore"] == f"/checkpoints/{first['checkpoint']}/restore/"
    assert 0 < first["confidence"] < 1


def test_the_series_has_the_points_and_the_band_before(caller: Caller, alert: DriftAlert) -> None:
    path = f"drift/alerts/{alert.pk}/series?metric=latency&step_name=generation"
    series = caller.get(path).json()

    assert series["low"] < 100 < series["high"]
    assert max(one["high"] for one in series["buckets"]) > 200
    assert all(one["count"] == 1 for one in series["buckets"])


def test_an_alert_is_seen_to_once(caller: Caller, alert: DriftAlert) -> None:
    until = (timezone.now() + timedelta(hours=2)).isoformat()
    path = f"drift/alerts/{alert.pk}"

    assert caller.post(f"{path}/acknowledge").json()["state"] == "acknowledged"
    assert caller.post(f"{path}/snooze", {"until": until}).json()["state"] == "snoozed"
    ended = caller.post(f"{path}/not-drift", {"reason": "a new model"}).json()
    again = caller.post(f"{path}/resolve", {"reason": "w"})

    assert (ended["state"], ended["reason"]) == ("not_drift", "a new model")
    assert (again.status_code, again.json()["code"]) == (HTTPStatus.CONFLICT, "refused")
    assert caller.get("drift/alerts").json()["items"] == []
    assert len(caller.get("drift/alerts?state=ended").json()["items"]) == 1


def test_an_unknown_state_is_not_found(caller: Caller, alert: DriftAlert) -> None:
    assert caller.get("drift/alerts?state=strange").status_code == HTTPStatus.NOT_FOUND


def test_tuning_is_told_with_the_bands(caller: Caller, alert: DriftAlert) -> None:
    path = f"drift/agents/{alert.agent_id}"
    tuned = caller.put(f"{path}/tuning", {"sensitivity": 0.2, "sensitivities": {"latency": 0.1}})
    replayed = caller.post(f"{path}/replay", {"sensitivity": 0.5}).json()

    told = tuned.json()
    assert (told["sensitivity"], told["sensitivities"]) == (0.2, {"latency": 0.1})
    assert "latency" in [one["metric"] for one in told["watched"]]
    assert replayed["observations"] == 162
    assert replayed["episodes"]


@pytest.mark.parametrize("share", [-0.1, 1.1, "high"])
def test_a_sensitivity_that_is_none_is_refused(
    caller: Caller, alert: DriftAlert, share: object
) -> None:
    answer = caller.put(f"drift/agents/{alert.agent_id}/tuning", {"sensitivity": share})
    assert (answer.json()["code"], answer.json()["field"]) == ("invalid", "sensitivity")


def test_an_alert_takes_as_many_queries_with_ten_times_the_checkpoints(
    yard: DriftYard, alert: DriftAlert, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(30) as few:
        drift_alert_page(user=yard.user, alert_pk=alert.pk)
    yard.report(1500, factor=2.5)
    with django_assert_max_num_queries(len(few)):
        drift_alert_page(user=yard.user, alert_pk=alert.pk)


def test_alerts_are_seen_to_from_the_terminal(yard: DriftYard, alert: DriftAlert) -> None:
    (listed,) = json.loads(holdfast(yard.user, "list", "--json").stdout)
    shown = holdfast(yard.user, "show", str(alert.pk))
    tuned = holdfast(yard.user, "tune", str(alert.agent_id), "--metric", "latency=0.3")
    replayed = holdfast(yard.user, "replay", str(alert.agent_id))
    ended = holdfast(yard.user, "resolve", str(alert.pk), "--reason", "put back")
    again = holdfast(yard.user, "ack", str(alert.pk))

    assert listed["id"] == alert.pk
    assert "checkpoints before the drift began" in " ".join(shown.stdout.split())
    assert "0.3" in tuned.stdout
    assert "162 observations" in replayed.stdout
    assert "resolved" in ended.stdout
    assert again.exit_code == Exit.REFUSED
