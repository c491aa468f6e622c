"""Records as agents report them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import checkpoints
from dashboard.services.ingest import Push, PushedHead

URL = "sqlite:////srv/agents/crawler.db"
BEGIN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def record(step: int = 1, /, **changes: Any) -> checkpoints.Checkpoint:
    """Return the record of a step's checkpoint."""
    values: dict[str, Any] = {
        "id": f"checkpoint-{step}",
        "agent_id": "crawler",
        "thread_id": "main",
        "step": step,
        "created_at": BEGIN + timedelta(seconds=step),
        "status": checkpoints.Status.RUNNING,
        "size": 100,
        "stored_size": 40,
        "sha256": hashlib.sha256(str(step).encode()).hexdigest(),
    }
    return checkpoints.Checkpoint(**{**values, **changes})


def push(*records: checkpoints.Checkpoint, version: int | None = None) -> Push:
    """Return a push whose head, if it has a version, is its last record."""
    given = records or (record(),)
    head = PushedHead(checkpoint_id=given[-1].id, version=version) if version else None
    return Push(source_url=URL, records=given, head=head)


def envelope(*records: checkpoints.Checkpoint, **changes: Any) -> dict[str, Any]:
    """Return the JSON of a push."""
    given = [item.to_dict() for item in records or (record(),)]
    body = {"checkpoint": given[0]} if len(given) == 1 else {"checkpoints": given}
    return {"source": {"url": URL}, **body, **changes}
