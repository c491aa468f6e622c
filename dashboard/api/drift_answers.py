"""Drift as it is shown to programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dashboard.selectors.drift import AlertPage
from dashboard.selectors.drift_tuning import TuningPage
from dashboard.services.drift import Replay

_SHOWN = (
    *("number", "state", "severity", "kinds", "metrics", "words", "onset_at", "found_at"),
    *("last_signal_at", "snoozed_until", "acknowledged_at", "resolved_at", "reason"),
)


def alert_answer(alert: Any) -> dict[str, Any]:
    """Return an alert with its own fields."""
    return {
        **{name: getattr(alert, name) for name in _SHOWN},
        "id": alert.pk,
        "agent": alert.agent_id,
        "agent_id": alert.agent.agent_id,
        "thread_id": alert.thread.thread_id if alert.thread else None,
        "onset_checkpoint": alert.onset_checkpoint_id,
        "acknowledged_by": _name(alert.acknowledged_by),
        "resolved_by": _name(alert.resolved_by),
    }


def whole_alert_answer(page: AlertPage) -> dict[str, Any]:
    """Return an alert with its evidence and its ladder."""
    return {
        **alert_answer(page.alert),
        "contributions": page.alert.contributions,
        "rungs": [
            {
                "checkpoint": rung.checkpoint.pk,
                "checkpoint_id": rung.checkpoint.checkpoint_id,
                "created_at": rung.checkpoint.created_at,
                "before": rung.before,
                "confidence": rung.confidence,
                "words": rung.words,
                "restore": rung.path,
                "refused": rung.refused,
            }
            for rung in page.rungs
        ],
    }


def tuning_answer(page: TuningPage) -> dict[str, Any]:
    """Return how an agent is watched."""
    watch = page.watch
    names = ("enabled", "message", "sensitivity", "sensitivities", "tuned_at", "observed")
    return {
        **{name: getattr(watch, name) for name in (*names, "observed_at")},
        "agent": page.agent.pk,
        "agent_id": page.agent.agent_id,
        "tuned_by": _name(watch.tuned_by),
        "watched": [asdict(one) for one in page.watched],
        "unwatched": dict(page.unwatched),
        "outcomes": page.outcomes,
    }


def replay_answer(found: Replay) -> dict[str, Any]:
    """Return what would have been found."""
    names = ("observations", "points", "since", "until", "per_thousand", "truncated")
    return {
        **{name: getattr(found, name) for name in names},
        "episodes": [
            {
                "severity": episode.severity.value,
                "metrics": sorted({one.signal.metric for one in episode.contributions}),
                "onset_at": episode.onset_at,
                "found_at": min(one.found_at for one in episode.contributions),
                "words": str(episode)[:2000],
            }
            for episode in found.episodes
        ],
    }


def _name(person: Any) -> str | None:
    return person.get_username() if person else None
