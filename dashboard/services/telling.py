"""What happens to recovery, sources and operations, as people are told of it.

No words of a store stand in what leaves the house, but for the health of a source, which is kept
free of credentials where it is written. The page behind the link says the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from dashboard.models import Agent, AlertKind, ObjectiveAlert, Operation, OperationState, Source
from dashboard.services.notifications import Happening, announce, settle

SERIOUS = {OperationState.NEEDS_ATTENTION: "high", OperationState.FAILED: "medium"}
"""Endings of operations that people are told of, with their severity."""
FAILED_BEFORE_TOLD = 3
"""Scans in a row that a store may not answer, before that is more than a hiccup."""
_BEGINNINGS = {
    AlertKind.OBJECTIVE_MISSED: ("objective.missed", "Recovery point of {} is too old"),
    AlertKind.DRILL_FAILED: ("drill.failed", "A restore of {} could not be rehearsed"),
}
_ENDINGS = {
    AlertKind.OBJECTIVE_MISSED: ("objective.met", "Recovery point of {} is young enough again"),
    AlertKind.DRILL_FAILED: ("drill.proven", "A restore of {} is proven again"),
}
_DRILL = "A checkpoint of it could not be restored on a copy. The agent's own store was only read."


def tell_alerts(alerts: Iterable[ObjectiveAlert], now: datetime) -> None:
    """Tell of alerts that were just opened. The caller holds a transaction open."""
    found = {alert.agent_id: alert for alert in alerts}
    for agent in _agents(found):
        alert = found[agent.pk]
        kind, title = _BEGINNINGS[AlertKind(alert.kind)]
        text = _DRILL if alert.kind == AlertKind.DRILL_FAILED else alert.message
        announce(_of_agent(agent, alert.kind, kind, title, text, alert.since), now=now)


def tell_alerts_over(kind: AlertKind, agent_pks: Iterable[int], now: datetime) -> None:
    """Tell that alerts of a kind are over. The caller holds a transaction open."""
    for agent in _agents(agent_pks):
        ended, title = _ENDINGS[kind]
        announce(_of_agent(agent, kind, ended, title, "", now), now=now)
        settle(alert_key(kind, agent.pk), now=now)


def alert_key(kind: str, agent_pk: int) -> str:
    """Return what an alert's subject is called."""
    return f"{kind}-{agent_pk}"


def tell_source_failed(source: Source, message: str, now: datetime) -> None:
    """Tell that a source cannot be read. The caller holds a transaction open."""
    announce(
        _of_source(source, "source.failed", f"{source.name} cannot be read", message, now), now=now
    )


def tell_source_recovered(source: Source, now: datetime) -> None:
    """Tell that a source can be read again. The caller holds a transaction open."""
    title = f"{source.name} can be read again"
    announce(_of_source(source, "source.recovered", title, "", now), now=now)
    settle(f"source-{source.pk}", now=now)


def tell_operation(operation: Operation, state: str, now: datetime) -> None:
    """Tell of an operation that failed or needs a person. The caller holds a transaction open."""
    severity = SERIOUS.get(OperationState(state))
    if severity is None:
        return
    needs = state == OperationState.NEEDS_ATTENTION
    what = f"{operation.get_kind_display()} of {operation.about}"
    announce(
        Happening(
            kind="operation.needs_attention" if needs else "operation.failed",
            key=f"operation-{operation.pk}",
            project_pk=operation.source.project.pk,
            agent_pk=operation.agent_id,
            severity=severity,
            title=f"{what} needs attention" if needs else f"{what} failed",
            text="Its page says what was changed and what was not.",
            path=f"/operations/{operation.pk}/",
            at=now,
        ),
        now=now,
    )


def _agents(pks: Iterable[int]) -> Iterable[Agent]:
    return Agent.objects.select_related("source__project").filter(pk__in=list(pks)).order_by("pk")


def _of_agent(
    agent: Agent, alert: str, kind: str, title: str, text: str, since: datetime
) -> Happening:
    return Happening(
        kind=kind,
        key=alert_key(alert, agent.pk),
        project_pk=agent.source.project.pk,
        agent_pk=agent.pk,
        severity="high",
        title=title.format(agent.agent_id),
        text=text,
        path="/drills/",
        at=since,
    )


def _of_source(source: Source, kind: str, title: str, text: str, now: datetime) -> Happening:
    return Happening(
        kind=kind,
        key=f"source-{source.pk}",
        project_pk=source.project.pk,
        agent_pk=None,
        severity="medium",
        title=title,
        text=text,
        path=f"/sources/#source-{source.pk}",
        at=now,
    )
