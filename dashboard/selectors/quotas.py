"""Quotas: those that are set, with what lies in them now."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, Sum

from dashboard.access import projects, require
from dashboard.models import Agent, StorageQuota, User
from dashboard.selectors.errors import NotFound
from dashboard.selectors.keyset import Order, Slice, page_after
from dashboard.selectors.retention import Target, find_target, target_of

LATEST = Order(field="changed_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaOf:
    """A project or a source, its quota if it has one, and the bytes that it holds now."""

    target: Target
    quota: StorageQuota | None
    stored_bytes: int


def quota_target(*, user: User, level: str, pk: int) -> Target:
    """Return what a quota may be about, for somebody who may see it. Raises NotFound."""
    if level not in ("project", "source"):
        raise NotFound("A quota is about a project or a source.")
    return find_target(user=user, level=level, pk=pk)


def quota_of(*, user: User, level: str, pk: int) -> QuotaOf:
    """Return the quota of a project or a source. Raises NotFound."""
    target = quota_target(user=user, level=level, pk=pk)
    found = StorageQuota.objects.filter(**{level: target.row}).select_related("changed_by").first()
    return _with_bytes(target, found)


def list_quotas(*, user: User, after: str = "", size: int = 100) -> Slice[StorageQuota]:
    """Return a page of the quotas that ``user`` may read, the last changed first.

    Raises NotFound for a key that no page handed out.
    """
    require(user, "read")
    mine = projects(user)
    rows = StorageQuota.objects.filter(Q(project__in=mine) | Q(source__project__in=mine))
    rows = rows.select_related("changed_by", "project", "source__project")
    return page_after(rows, LATEST, after, size=size)


def with_bytes(quota: StorageQuota) -> QuotaOf:
    """Return a quota with what lies in it now."""
    row = quota.source or quota.project
    if row is None:
        raise ValueError("a quota is about something")
    return _with_bytes(target_of(row), quota)


def _with_bytes(target: Target, quota: StorageQuota | None) -> QuotaOf:
    path = "source" if target.source is not None else "source__project"
    held = Agent.objects.filter(**{path: target.row}).aggregate(stored=Sum("stored_bytes"))
    return QuotaOf(target=target, quota=quota, stored_bytes=held["stored"] or 0)
