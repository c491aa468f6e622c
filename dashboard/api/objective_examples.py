"""Recovery-point objectives as they look, for the description. Each fits its schema."""

from __future__ import annotations

from typing import Any

HALF_AN_HOUR = {"minutes": 30}
NONE_HERE = {"minutes": None}
OBJECTIVE: dict[str, Any] = {
    "level": "agent",
    "target": 7,
    "about": "agent crawler",
    "minutes": 30,
    "changed_by": "ada",
    "changed_at": "2026-11-20T09:00:00Z",
}
OBJECTIVES = {"items": [OBJECTIVE], "next": None}
APPLIED: dict[str, Any] = {
    "level": "agent",
    "target": 7,
    "about": "agent crawler",
    "own": OBJECTIVE,
    "minutes": 30,
    "set_on": "agent",
    "recovery_point": {
        "live": True,
        "at": "2026-11-21T11:58:04Z",
        "due_at": "2026-11-21T12:28:04Z",
        "missed": False,
    },
}
INHERITED = APPLIED | {"own": None, "minutes": 120, "set_on": "source"}
