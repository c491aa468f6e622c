"""What people are told of drift, through the channels that they chose."""

from __future__ import annotations

from datetime import datetime

from dashboard.models import DriftAlert
from dashboard.services.notifications import Happening, announce, settle


def opened(alert: DriftAlert, *, now: datetime) -> None:
    """Tell of a new alert."""
    announce(_happening(alert, "drift.opened", "drifts", alert.found_at), now=now)


def grew(alert: DriftAlert, *, more_severe: bool, now: datetime) -> None:
    """Tell that an alert has become more severe; further signs of the same call nobody."""
    if more_severe:
        announce(_happening(alert, "drift.grew", "drifts further", alert.last_signal_at), now=now)


def resolved(alert: DriftAlert, *, now: datetime) -> None:
    """Tell that an alert is over, and call nobody about it any more."""
    announce(_happening(alert, "drift.resolved", "drifts no more", now), now=now)
    settle(key_of(alert), now=now)


def seen_to(alert: DriftAlert, *, now: datetime) -> None:
    """Call nobody any more: somebody knows of it."""
    settle(key_of(alert), now=now)


def key_of(alert: DriftAlert) -> str:
    """Return what names an alert among all that happens."""
    return f"drift-{alert.pk}"


def _happening(alert: DriftAlert, kind: str, does: str, at: datetime) -> Happening:
    agent = alert.agent
    return Happening(
        kind=kind,
        key=key_of(alert),
        project_pk=agent.source.project.pk,
        agent_pk=agent.pk,
        severity=alert.severity,
        title=f"{agent.agent_id} {does}",
        text=_text(alert),
        path=f"/drift/{alert.pk}/",
        at=at,
    )


def _text(alert: DriftAlert) -> str:
    """Say what drifted without a word out of a state: this leaves the house."""
    kinds = ", ".join(kind.replace("_", " ") for kind in alert.kinds)
    metrics = ", ".join(alert.metrics)
    return f"{kinds.capitalize()}: {metrics}. It began about {alert.onset_at:%Y-%m-%d %H:%M} UTC."
