"""Signs of life of the parts that run by themselves."""

from __future__ import annotations

from datetime import datetime

from dashboard.models import Heartbeat


def beat(*, name: str, now: datetime) -> None:
    """Note that a part has just done its work."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now})
