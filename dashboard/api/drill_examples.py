"""Drills as they look, for the description. Each fits its schema."""

from __future__ import annotations

from typing import Any

ASKED = {"source": 3, "checkpoints": 3}
ASKED_OF_AGENT = {"agent": 7}
DRILL: dict[str, Any] = {
    "id": 12,
    "source": 3,
    "agent": None,
    "checkpoints": 3,
    "asked_by": "ada",
    "created_at": "2026-11-21T12:00:00Z",
    "started_at": "2026-11-21T12:00:01Z",
    "finished_at": "2026-11-21T12:00:09Z",
    "outcome": "proven",
    "message": "",
    "agents_done": 1,
    "proven": 3,
    "failed": 0,
    "skipped": 0,
    "bytes_read": 15360,
}
BEGUN = DRILL | {
    "started_at": None,
    "finished_at": None,
    "outcome": None,
    "agents_done": 0,
    "proven": 0,
    "bytes_read": 0,
}
REHEARSAL: dict[str, Any] = {
    "agent": 7,
    "agent_id": "crawler",
    "thread_id": "main",
    "checkpoint_id": "0198f2c4-7d1e-7a52-9a0b-3f5b7c1d2e4f",
    "outcome": "proven",
    "decoded": True,
    "digest_verified": True,
    "restored": True,
    "read_back": True,
    "how": "on a copy of the same kind",
    "finding": "",
    "reason": "It was restored on a copy of the same kind and read back the same.",
    "bytes_read": 5120,
    "at": "2026-11-21T12:00:08Z",
}
WHOLE = DRILL | {"rehearsals": [REHEARSAL]}
DRILLS = {"items": [DRILL], "next": None}
