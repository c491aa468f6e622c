"""Alerts about recovery: opened and resolved by themselves, acknowledged by people."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from dashboard import access, quantities
from dashboard.models import Agent, AlertKind, ObjectiveAlert, RecoveryObjective, User
from dashboard.selectors.errors import NotFound
from dashboard.selectors.recovery_points import RecoveryPoint, read_objectives, recovery_points
from dashboard.services import audit
from dashboard.services.notifications import settle
from dashboard.services.telling import alert_key, tell_alerts, tell_alerts_over


def review(*, now: datetime) -> int:
    """Open an alert for each objective that is missed by now, resolve those that are met again.

    Returns how many changed.
    """
    standing = ObjectiveAlert.objects.filter(kind=AlertKind.OBJECTIVE_MISSED, resolved_at=None)
    open_for = dict(standing.values_list("agent_id", "pk"))
    if not open_for and not RecoveryObjective.objects.exists():
        return 0
    missed = _missed(now)
    met = [pk for agent_pk, pk in open_for.items() if agent_pk not in missed]
    fresh = [_missed_alert(pk, point, now) for pk, point in missed.items() if pk not in open_for]
    over = [agent_pk for agent_pk in open_for if agent_pk not in missed]
    with transaction.atomic():
        ObjectiveAlert.objects.bulk_create(fresh, ignore_conflicts=True)
        tell_alerts(fresh, now)
        if standing.filter(pk__in=met).update(resolved_at=now):
            tell_alerts_over(AlertKind.OBJECTIVE_MISSED, over, now)
    return len(fresh) + len(met)


def open_alert(*, agent: Agent, kind: AlertKind, message: str, now: datetime) -> None:
    """Open an alert, or bring the message of the one that lasts up to date."""
    standing = ObjectiveAlert.objects.filter(agent=agent, kind=kind, resolved_at=None)
    if not standing.update(message=message):
        alert = ObjectiveAlert(agent=agent, kind=kind, message=message, since=now, opened_at=now)
        with transaction.atomic():
            ObjectiveAlert.objects.bulk_create([alert], ignore_conflicts=True)
            tell_alerts([alert], now)


def resolve(*, agent: Agent, kind: AlertKind, now: datetime) -> None:
    """Note that what an alert is about is over."""
    standing = ObjectiveAlert.objects.filter(agent=agent, kind=kind, resolved_at=None)
    with transaction.atomic():
        if standing.update(resolved_at=now):
            tell_alerts_over(kind, [agent.pk], now)


def acknowledge(*, user: User, alert_pk: int, now: datetime) -> ObjectiveAlert:
    """Note that somebody knows of an alert, so that it calls nobody any more.

    Done twice it is done once. Raises NotFound, Forbidden.
    """
    rows = ObjectiveAlert.objects.select_related("agent__source__project")
    found = access.visible(user, rows.filter(pk=alert_pk), "agent__source__project").first()
    if found is None:
        raise NotFound("There is no such alert. See what needs attention on the overview.")
    project = found.agent.source.project
    access.require(user, "operate", project)
    with transaction.atomic():
        unseen = ObjectiveAlert.objects.filter(pk=found.pk, acknowledged_at=None)
        if unseen.update(acknowledged_at=now, acknowledged_by=user):
            settle(alert_key(found.kind, found.agent_id), now=now)
            audit.record(
                user=user,
                action="alert.acknowledged",
                target=found.agent.agent_id,
                details={"kind": found.kind, "since": found.since},
                now=now,
                project=project,
            )
    found.refresh_from_db()
    return found


def _missed(now: datetime) -> dict[int, RecoveryPoint]:
    objectives = read_objectives()
    agents = Agent.objects.select_related("source")
    asked = [agent for agent in agents if objectives.of_agent(agent)[0] is not None]
    points = recovery_points(asked, objectives)
    return {pk: point for pk, point in points.items() if point.is_missed(now)}


def _missed_alert(agent_pk: int, point: RecoveryPoint, now: datetime) -> ObjectiveAlert:
    return ObjectiveAlert(
        agent_id=agent_pk,
        kind=AlertKind.OBJECTIVE_MISSED,
        since=point.due_at or now,
        opened_at=now,
        message=_too_old(point),
    )


def _too_old(point: RecoveryPoint) -> str:
    allowed = quantities.shown_age(timedelta(minutes=point.minutes or 0))
    if point.at is None:
        return f"It has no clean checkpoint; the objective is one every {allowed}."
    return f"Its newest clean checkpoint is older than the objective of {allowed}."
