"""Drift as it looks, for the description. Each fits its schema."""

from __future__ import annotations

from typing import Any

REASON = {"reason": "The model was changed back."}
USUAL = {"reason": "The new model answers at greater length; that is meant."}
UNTIL = {"until": "2026-11-22T08:00:00Z"}
SENSITIVITIES: dict[str, Any] = {"sensitivity": 0.5, "sensitivities": {"latency": 0.25}}
TUNED = SENSITIVITIES | {"enabled": True}
WORDS = (
    "latency rose to 192 at once; median 100, MAD 3.47 over 301 points before; score 11.5 against "
    "a threshold of 4.5"
)
ALERT: dict[str, Any] = {
    "id": 12,
    "agent": 7,
    "agent_id": "crawler",
    "thread_id": "main",
    "number": 3,
    "state": "open",
    "severity": "medium",
    "kinds": ["metric"],
    "metrics": ["latency"],
    "words": WORDS,
    "onset_at": "2026-11-21T11:40:00Z",
    "onset_checkpoint": 941,
    "found_at": "2026-11-21T11:40:30Z",
    "last_signal_at": "2026-11-21T11:40:30Z",
    "snoozed_until": None,
    "acknowledged_by": None,
    "acknowledged_at": None,
    "resolved_by": None,
    "resolved_at": None,
    "reason": "",
}
ALERTS = {"items": [ALERT], "next": None}
ACKNOWLEDGED = ALERT | {
    "state": "acknowledged",
    "acknowledged_by": "ada",
    "acknowledged_at": "2026-11-21T11:45:00Z",
}
SNOOZED = ALERT | {"state": "snoozed", "snoozed_until": UNTIL["until"]}
_ENDED = {"resolved_by": "ada", "resolved_at": "2026-11-21T12:00:00Z"}
RESOLVED = ALERT | _ENDED | {"state": "resolved", **REASON}
NOT_DRIFT = ALERT | _ENDED | {"state": "not_drift", **USUAL}
WHOLE = ALERT | {
    "contributions": [
        {
            "signal": {
                "kind": "metric",
                "metric": "latency",
                "onset": 301,
                "index": 307,
                "score": 11.5,
                "threshold": 4.5,
                "evidence": {
                    "words": WORDS,
                    "baseline_median": 100.0,
                    "baseline_mad": 3.47,
                    "baseline_n": 301,
                    "window": [301, 307],
                    "observed": 192.0,
                },
                "direction": "up",
                "pattern": "level",
                "onset_at": "2026-11-21T11:40:00+00:00",
                "at": "2026-11-21T11:40:30+00:00",
            },
            "thread_id": "main",
            "onset_at": "2026-11-21T11:40:00+00:00",
            "found_at": "2026-11-21T11:40:30+00:00",
            "onset_checkpoint": "0198f2c4-7d1e-7a52-9a0b-3f5b7c1d2e4f",
            "found_checkpoint": "0198f2c4-9a3b-7c11-8f00-1a2b3c4d5e6f",
            "step_name": "generation",
        }
    ],
    "rungs": [
        {
            "checkpoint": 938,
            "checkpoint_id": "0198f2c4-6e10-7bb1-9c55-0a1b2c3d4e5f",
            "created_at": "2026-11-21T11:39:45Z",
            "before": 3,
            "confidence": 0.8,
            "words": "3 checkpoints before the drift began by estimate; in 80 of 100 such cases "
            "it lies before the drift",
            "restore": "/checkpoints/938/restore/",
            "refused": "",
        }
    ],
}
SERIES: dict[str, Any] = {
    "metric": "latency",
    "step_name": "generation",
    "baseline": 100.0,
    "low": 84.6,
    "high": 115.4,
    "onset_at": "2026-11-21T11:40:00Z",
    "found_at": "2026-11-21T11:40:30Z",
    "truncated": False,
    "buckets": [
        {
            "at": "2026-11-21T11:39:45Z",
            "until": "2026-11-21T11:39:45Z",
            "low": 101.2,
            "middle": 101.2,
            "high": 101.2,
            "count": 1,
            "checkpoint": 938,
        }
    ],
}
AGENT_SERIES = SERIES | {"onset_at": None, "found_at": None}
TUNING: dict[str, Any] = TUNED | {
    "agent": 7,
    "agent_id": "crawler",
    "message": "",
    "tuned_by": "ada",
    "tuned_at": "2026-11-21T11:00:00Z",
    "observed": 1200,
    "observed_at": "2026-11-21T12:00:00Z",
    "watched": [
        {
            "metric": "latency",
            "step_name": "generation",
            "low": 84.6,
            "center": 100.0,
            "high": 115.4,
            "count": 301,
            "sensitivity": 0.25,
        }
    ],
    "unwatched": {},
    "outcomes": {"open": 1, "resolved": 2},
}
REPLAY: dict[str, Any] = {
    "observations": 1200,
    "points": 7200,
    "since": "2026-11-21T10:20:00Z",
    "until": "2026-11-21T12:00:00Z",
    "per_thousand": 0.83,
    "truncated": False,
    "episodes": [
        {
            "severity": "medium",
            "metrics": ["latency"],
            "onset_at": "2026-11-21T11:40:00Z",
            "found_at": "2026-11-21T11:40:30Z",
            "words": WORDS,
        }
    ],
}
