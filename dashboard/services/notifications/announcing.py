"""Taking note of what happened, in the transaction in which it happened."""

from __future__ import annotations

from datetime import datetime

import structlog

from dashboard.services.notifications.happenings import Happening

logger = structlog.get_logger(__name__)


def announce(happening: Happening, *, now: datetime) -> None:
    """Tell whoever asked to be told. Call it inside the transaction of what happened.

    Called twice for one key it is one message. Nothing is sent here.
    """
    logger.info(
        "happening",
        kind=happening.kind,
        key=happening.key,
        severity=happening.severity,
        age_seconds=(now - happening.at).total_seconds(),
    )


def settle(key: str, *, now: datetime) -> None:
    """Remind nobody of a subject any more: it is acknowledged or over."""
    logger.info("settled", key=key, at=now.isoformat())
