"""Notifications as they look, for the description. Each fits its schema."""

from __future__ import annotations

from typing import Any

NOON = "2026-11-21T12:00:00Z"
LATER = "2026-11-21T12:00:01Z"
RULE_IN: dict[str, Any] = {
    "severity": "medium",
    "kinds": ["drift.opened", "drill.failed"],
    "agents": "crawler-*",
    "quiet_from": 1320,
    "quiet_until": 420,
    "time_zone": "Europe/Berlin",
    "high_passes": True,
    "remind_hours": 4,
}
CHANNEL_IN: dict[str, Any] = {
    "project": 1,
    "name": "on call",
    "kind": "webhook",
    "address": "https://hooks.example.com/holdfast",
    "rule": RULE_IN,
}
CHANGE = {"name": "on call", "per_hour": 10, "paused": False}
RULE: dict[str, Any] = RULE_IN | {
    "id": 4,
    "words": "Medium and high severity of drift.opened, drill.failed, agents crawler-*",
}
CHANNEL: dict[str, Any] = {
    "id": 2,
    "project": 1,
    "name": "on call",
    "kind": "webhook",
    "goes_to": "https://hooks.example.com/…",
    "per_hour": 20,
    "paused_at": None,
    "last_delivered_at": LATER,
    "broken_since": None,
    "waiting": 0,
    "rules": [RULE],
}
ADDED = CHANNEL | {
    "last_delivered_at": None,
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
}
CHANGED = CHANNEL | {"secret": None}
CHANNELS = {"items": [CHANNEL]}
ATTEMPT = {
    "number": 1,
    "begun_at": NOON,
    "milliseconds": 84,
    "outcome": "taken",
    "status": 200,
    "answer": "200 OK",
    "next_try_at": None,
}
MESSAGE: dict[str, Any] = {
    "id": "6d1c5f0e-53b1-4a53-9d4e-0c1f6b7f2a11",
    "channel": 2,
    "kind": "news",
    "severity": "high",
    "title": "Drift in crawler",
    "keys": ["drift-12"],
    "more": 0,
    "state": "delivered",
    "created_at": NOON,
    "next_try_at": None,
    "ended_at": LATER,
    "reason": "",
    "attempts": [ATTEMPT],
}
MESSAGES = {"items": [MESSAGE], "next": None}
TESTED = MESSAGE | {
    "kind": "test",
    "severity": "low",
    "title": "Test: Holdfast reaches on call",
    "keys": ["test-2"],
    "state": "waiting",
    "next_try_at": NOON,
    "ended_at": None,
    "attempts": [],
}
