"""What comes due with time alone: silences that last, snoozes that end, hints that were lost."""

from __future__ import annotations

from datetime import datetime

from dashboard import queue
from dashboard.models import AgentWatch, DriftAlert, DriftState
from dashboard.services.drift import telling
from dashboard.services.drift.backfilling import hint_again
from dashboard.services.drift.watches import due


def look_round(*, now: datetime) -> int:
    """Note agents that are silent for too long, wake what was snoozed, ask for what waits.

    Returns how many agents wait.
    """
    silent = AgentWatch.objects.filter(enabled=True, waiting=False, stall_due_at__lte=now)
    silent.update(waiting=True, hinted_at=now)
    _wake(now)
    hint_again(now=now)
    waiting = len(due(now, 1))
    if waiting:
        queue.enqueue_drift()
    return waiting


def _wake(now: datetime) -> None:
    slept = DriftAlert.objects.filter(state=DriftState.SNOOZED, snoozed_until__lte=now)
    for alert in slept.select_related("agent__source__project"):
        same = DriftAlert.objects.filter(pk=alert.pk, state=DriftState.SNOOZED)
        if same.update(state=DriftState.OPEN, snoozed_until=None):
            telling.opened(alert, now=now)
