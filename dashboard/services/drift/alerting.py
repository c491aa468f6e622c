"""From a detector's episodes to alerts: opened, grown, and over by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Max

from checkpoints.drift.episodes import Contribution, Episode
from dashboard.models import Agent, Checkpoint, DriftAlert, DriftState, Thread
from dashboard.models.drift import UNENDED
from dashboard.services.drift import telling

HISTORY: Final = timedelta(hours=24)
"""What was last signalled longer ago than this when it is found is history: nobody is called."""
MOST_CONTRIBUTIONS: Final = 32
MOST_CHARACTERS: Final = 2_000
OVER_BEFORE: Final = (
    "It was over before it was found: this was learned from what was there already."
)
BACK_TO_NORMAL: Final = "It is back to normal."


def unended(agent_pk: int) -> DriftAlert | None:
    """Return the alert of an agent that has not ended."""
    rows = DriftAlert.objects.filter(agent=agent_pk, state__in=UNENDED)
    return rows.select_related("agent__source__project").first()


def note(agent: Agent, episode: Episode, *, now: datetime) -> None:
    """Write an episode down as an alert, within the caller's transaction.

    What comes while an alert has not ended belongs to it.
    """
    standing = unended(agent.pk)
    if standing is not None:
        _grow(standing, episode, now)
    else:
        _open(agent, episode, now)


def end_by_itself(agent_pk: int, *, at: datetime, now: datetime) -> None:
    """Resolve an agent's alert: its metrics are back to where they were."""
    standing = unended(agent_pk)
    if standing is None:
        return
    standing.state, standing.resolved_at = DriftState.RESOLVED, at
    standing.reason, standing.snoozed_until = BACK_TO_NORMAL, None
    standing.save(update_fields=["state", "resolved_at", "reason", "snoozed_until"])
    if at >= now - HISTORY:
        telling.resolved(standing, now=now)


def _open(agent: Agent, episode: Episode, now: datetime) -> None:
    alerts = DriftAlert.objects.filter(agent=agent)
    before = alerts.aggregate(last=Max("number"))["last"] or 0
    alert = DriftAlert(agent=agent, number=before + 1, opened_at=now, **_values(agent, episode))
    alert.found_at = min(one.found_at for one in episode.contributions)
    if is_history := alert.last_signal_at < now - HISTORY:
        alert.state, alert.resolved_at = DriftState.RESOLVED, now
        alert.reason = OVER_BEFORE
    alert.save(force_insert=True)
    if not is_history:
        telling.opened(alert, now=now)


def _grow(alert: DriftAlert, episode: Episode, now: datetime) -> None:
    began = min(one.found_at for one in episode.contributions)
    known = [one for one in _contributions(alert) if one.found_at < began]
    joined = (*known, *episode.contributions)[:MOST_CONTRIBUTIONS]
    before = alert.severity
    values = _values(alert.agent, Episode(number=episode.number, contributions=joined))
    values["last_signal_at"] = max(one.found_at for one in episode.contributions)
    for name, value in values.items():
        setattr(alert, name, value)
    alert.normal_since = None
    alert.save(update_fields=[*values, "normal_since"])
    telling.grew(alert, more_severe=alert.severity != before, now=now)


def _contributions(alert: DriftAlert) -> Sequence[Contribution]:
    return [Contribution.from_dict(one) for one in alert.contributions]


def _values(agent: Agent, episode: Episode) -> dict[str, Any]:
    told = episode.contributions
    thread, onset = _onset(agent, episode.first)
    return {
        "episode": episode.number,
        "severity": episode.severity.value,
        "kinds": sorted({one.signal.kind.value for one in told}),
        "metrics": sorted({one.signal.metric for one in told}),
        "contributions": [one.to_dict() for one in told],
        "words": str(episode)[:MOST_CHARACTERS],
        "thread": thread,
        "onset_at": episode.onset_at,
        "onset_checkpoint": onset,
        "last_signal_at": max(one.found_at for one in told),
    }


def _onset(agent: Agent, first: Contribution) -> tuple[Thread | None, Checkpoint | None]:
    """Return the thread in which it began, and the checkpoint with which, or the next after."""
    thread = Thread.objects.filter(agent=agent, thread_id=first.thread_id).first()
    rows = Checkpoint.objects.filter(thread=thread, namespace="")
    if thread is None:
        return None, None
    if first.onset_checkpoint is not None:
        named = rows.filter(checkpoint_id=first.onset_checkpoint).first()
        if named is not None:
            return thread, named
    following = rows.filter(created_at__gte=first.onset_at).order_by("created_at", "pk").first()
    return thread, following or rows.order_by("-created_at", "-pk").first()
