"""Quotas: how much a project or a source is meant to take at most. Nothing enforces them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from dashboard import access, formats
from dashboard.models import StorageQuota, User
from dashboard.selectors.retention import Target
from dashboard.services import audit


class QuotaRefused(Exception):
    """This cannot be a quota. Nothing was changed."""


def set_quota(*, user: User, target: Target, size: int, now: datetime) -> StorageQuota:
    """Set how many bytes a project or a source is meant to take at most.

    Raises Forbidden, Hidden, or QuotaRefused.
    """
    access.require(user, "operate", target.project)
    if target.level not in ("project", "source"):
        raise QuotaRefused("A quota is about a project or a source; nothing was changed.")
    if size < 1:
        raise QuotaRefused("A quota is at least one byte; nothing was changed.")
    values = {"bytes": size, "changed_by": user, "changed_at": now}
    with transaction.atomic():
        quota, _ = StorageQuota.objects.update_or_create(**_of(target), defaults=values)
        _record(user, "quota.set", target, {"bytes": size, "size": formats.size(size)}, now)
    return quota


def remove_quota(*, user: User, target: Target, now: datetime) -> None:
    """Take a quota away; without one nothing changes. Raises Forbidden, Hidden."""
    access.require(user, "operate", target.project)
    with transaction.atomic():
        gone, _ = StorageQuota.objects.filter(**_of(target)).delete()
        if gone:
            _record(user, "quota.removed", target, {}, now)


def _of(target: Target) -> dict[str, Any]:
    return {target.level: target.row}


def _record(
    user: User, action: str, target: Target, details: dict[str, object], now: datetime
) -> None:
    audit.record(
        user=user,
        action=action,
        target=target.name,
        details={"about": target.words, **details},
        project=target.project,
        now=now,
    )
