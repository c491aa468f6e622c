"""Keeping a record of who did what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dashboard.models import AuditEvent, User


def record(
    *,
    user: User | None,
    action: str,
    target: str,
    details: Mapping[str, Any],
    now: datetime,
    actor: str = "",
) -> None:
    """Append one event. ``actor`` names who acted for the user, when it was not they themselves."""
    AuditEvent.objects.create(
        at=now,
        user=user,
        actor=actor or (user.get_username() if user else "system"),
        action=action,
        target=target,
        details=dict(details),
    )
