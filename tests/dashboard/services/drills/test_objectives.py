"""A recovery point that is too old calls somebody, until it is young enough again."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from dashboard.access import Forbidden
from dashboard.models import (
    Agent,
    AlertKind,
    AuditEvent,
    Checkpoint,
    ObjectiveAlert,
    Project,
    Role,
    Source,
    Thread,
    User,
)
from dashboard.selectors.recovery_points import RecoveryPoint, read_objectives, recovery_points
from dashboard.selectors.retention import target_of
from dashboard.services import drills
from tests.dashboard.people import join
from tests.dashboard.services.drills.yard import DrillYard, make_drill_yard

pytestmark = pytest.mark.django_db
HOUR = 60


@pytest.fixture
def yard(tmp_path: Path) -> DrillYard:
    yard = make_drill_yard(tmp_path)
    Thread.objects.update(status="running")
    Checkpoint.objects.update(created_at=yard.clock(), status="running")
    return yard


def ask(yard: DrillYard, minutes: int | None, level: str = "source") -> None:
    rows: dict[str, Source | Agent | Project] = {
        "source": yard.source,
        "agent": yard.agent("billing"),
        "project": yard.source.project,
    }
    drills.set_objective(
        user=yard.user, target=target_of(rows[level]), minutes=minutes, now=yard.clock()
    )


def missed(yard: DrillYard) -> set[str]:
    """Let the worker look, and return the agents that are called out."""
    drills.review(now=yard.clock())
    alerts = ObjectiveAlert.objects.filter(kind=AlertKind.OBJECTIVE_MISSED, resolved_at=None)
    return set(alerts.values_list("agent__agent_id", flat=True))


def point(yard: DrillYard, name: str = "billing") -> RecoveryPoint:
    agent = yard.agent(name)
    return recovery_points([agent], read_objectives())[agent.pk]


def test_without_an_objective_nothing_is_missed(yard: DrillYard) -> None:
    yard.clock.pass_by(86400)
    assert missed(yard) == set()


def test_an_objective_is_missed_once_its_time_is_over(yard: DrillYard) -> None:
    ask(yard, HOUR)
    saved = yard.clock()
    yard.clock.pass_by(HOUR * 60)
    assert missed(yard) == set()
    yard.clock.pass_by(1)
    assert missed(yard) == {"billing", "crawler"}
    alert = ObjectiveAlert.objects.filter(agent__agent_id="billing").get()
    assert alert.since == saved + timedelta(minutes=HOUR)
    assert "1h" in alert.message


def test_it_is_called_once_and_resolved_by_the_next_clean_checkpoint(yard: DrillYard) -> None:
    ask(yard, HOUR)
    yard.clock.pass_by(2 * HOUR * 60)
    assert len(missed(yard)) == 2
    assert len(missed(yard)) == 2
    Checkpoint.objects.filter(thread__agent=yard.agent("billing")).update(created_at=yard.clock())
    assert missed(yard) == {"crawler"}
    assert ObjectiveAlert.objects.get(agent__agent_id="billing").resolved_at == yard.clock()


def test_the_nearest_objective_applies(yard: DrillYard) -> None:
    ask(yard, HOUR, "project")
    ask(yard, 10 * HOUR, "agent")
    yard.clock.pass_by(2 * HOUR * 60)
    assert missed(yard) == {"crawler"}
    assert (point(yard).minutes, point(yard).level) == (10 * HOUR, "agent")


def test_an_agent_may_have_none_where_its_source_has_one(yard: DrillYard) -> None:
    ask(yard, HOUR)
    ask(yard, None, "agent")
    yard.clock.pass_by(2 * HOUR * 60)
    assert missed(yard) == {"crawler"}


def test_an_objective_that_is_taken_away_ends_its_alerts(yard: DrillYard) -> None:
    ask(yard, HOUR)
    yard.clock.pass_by(2 * HOUR * 60)
    assert missed(yard)
    drills.remove_objective(user=yard.user, target=target_of(yard.source), now=yard.clock())
    assert missed(yard) == set()


def test_a_thread_that_is_completed_does_not_age(yard: DrillYard) -> None:
    ask(yard, HOUR)
    Thread.objects.filter(agent=yard.agent("billing")).update(status="completed")
    yard.clock.pass_by(2 * HOUR * 60)
    assert missed(yard) == {"crawler"}
    assert not point(yard).live


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param({"damage": "torn"}, id="damaged"),
        pytest.param({"status": "failed"}, id="saved-while-failing"),
        pytest.param({"metadata": {"drift": {}}}, id="drifted"),
        pytest.param({"removed_at": datetime.fromisoformat("2026-01-01T00:00Z")}, id="removed"),
    ],
)
def test_what_is_not_clean_is_no_recovery_point(yard: DrillYard, spoilt: dict[str, object]) -> None:
    clean_at = yard.clock()
    head = yard.agent("billing").threads.get().head
    assert head is not None
    Checkpoint.objects.filter(pk=head.pk).update(created_at=clean_at + timedelta(hours=1), **spoilt)
    assert point(yard).at == clean_at


def test_an_agent_without_any_clean_checkpoint_is_missed_from_when_it_was_first_seen(
    yard: DrillYard,
) -> None:
    ask(yard, HOUR)
    Checkpoint.objects.update(damage="torn")
    yard.clock.pass_by(2 * HOUR * 60)
    assert missed(yard) == {"billing", "crawler"}
    assert "no clean checkpoint" in ObjectiveAlert.objects.all()[0].message


def test_an_acknowledged_alert_lasts_and_says_who_knows(yard: DrillYard) -> None:
    ask(yard, HOUR)
    yard.clock.pass_by(2 * HOUR * 60)
    missed(yard)
    alert = ObjectiveAlert.objects.all()[0]
    for _ in range(2):
        drills.acknowledge(user=yard.user, alert_pk=alert.pk, now=yard.clock())
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.resolved_at) == (yard.user, None)
    assert AuditEvent.objects.filter(action="alert.acknowledged").count() == 1


def test_the_database_keeps_a_second_open_alert_out(yard: DrillYard) -> None:
    values = {
        "agent": yard.agent("billing"),
        "kind": AlertKind.DRILL_FAILED,
        "since": yard.clock(),
        "opened_at": yard.clock(),
    }
    ObjectiveAlert.objects.create(**values)
    with pytest.raises(IntegrityError), transaction.atomic():
        ObjectiveAlert.objects.create(**values)


def test_a_viewer_sets_no_objective(yard: DrillYard) -> None:
    viewer = join(User.objects.create(username="eve"), Role.VIEWER)
    with pytest.raises(Forbidden):
        drills.set_objective(
            user=viewer, target=target_of(yard.source), minutes=HOUR, now=yard.clock()
        )


def test_who_set_an_objective_stands_in_the_audit_log(yard: DrillYard) -> None:
    ask(yard, HOUR)
    event = AuditEvent.objects.get(action="objective.set")
    assert (event.target, event.details) == ("source agents", {"minutes": HOUR})
