"""Setting how old a recovery point may be."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from dashboard import access
from dashboard.models import RecoveryObjective, User
from dashboard.selectors.retention import Target
from dashboard.services import audit
from dashboard.services.drills.alerts import review
from dashboard.services.drills.errors import DrillRefused

MOST_MINUTES = 366 * 24 * 60


def set_objective(*, user: User, target: Target, minutes: int | None, now: datetime) -> None:
    """Set the objective of a project, a source or an agent; None: none applies from there on.

    Raises Forbidden, Hidden, DrillRefused.
    """
    _require(user, target)
    if minutes is not None and not 1 <= minutes <= MOST_MINUTES:
        raise DrillRefused("An objective lies from 1 minute to 366 days; nothing was changed.")
    values = {"minutes": minutes, "changed_by": user, "changed_at": now}
    about: dict[str, Any] = {target.level: target.row}
    with transaction.atomic():
        RecoveryObjective.objects.update_or_create(**about, defaults=values)
        review(now=now)
        _record(user, "objective.set", target, minutes, now)


def remove_objective(*, user: User, target: Target, now: datetime) -> None:
    """Take a target's own objective away: the next one further out applies again.

    Raises Forbidden, Hidden.
    """
    _require(user, target)
    with transaction.atomic():
        removed, _ = RecoveryObjective.objects.filter(**{target.level: target.row}).delete()
        if removed:
            review(now=now)
            _record(user, "objective.removed", target, None, now)


def _require(user: User, target: Target) -> None:
    access.require(user, "operate", target.project)
    if target.thread is not None:
        raise DrillRefused("An objective is about a project, a source or an agent.")


def _record(user: User, action: str, target: Target, minutes: int | None, now: datetime) -> None:
    audit.record(
        user=user,
        action=action,
        target=target.words,
        details={"minutes": minutes},
        now=now,
        project=target.project,
    )
