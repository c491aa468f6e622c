"""A store that was replaced is listed from its beginning; what does not come again is gone."""

from __future__ import annotations

from datetime import datetime

import checkpoints
from dashboard.models import Agent, Checkpoint, Source, SourceFinding, Thread

GONE = "no longer in the store, which was replaced or renumbered"


def begin_anew(source: Source, *, now: datetime) -> None:
    """Mark all rows of a source as gone; the listing that follows brings back what is there."""
    agents = list(Agent.objects.filter(source=source).order_by("pk").select_for_update())
    Checkpoint.objects.filter(thread__agent__in=agents, removed_at=None).update(
        removed_at=now, removed_reason=GONE
    )
    Thread.objects.filter(agent__in=agents).update(
        head=None,
        head_version=0,
        status=checkpoints.Status.UNKNOWN,
        checkpoint_count=0,
        stored_bytes=0,
        last_checkpoint_at=None,
    )
    Agent.objects.filter(source=source).update(
        status=checkpoints.Status.UNKNOWN,
        checkpoint_count=0,
        stored_bytes=0,
        last_checkpoint_at=None,
    )
    SourceFinding.objects.filter(source=source).delete()
