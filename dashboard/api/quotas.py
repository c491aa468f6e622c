"""Quotas: how much a project or a source is meant to take at most."""

from __future__ import annotations

from typing import Annotated, Any

from django.utils import timezone
from ninja import Path, Router

from dashboard.api.access import OPERATE, READ, ApiRequest
from dashboard.api.operation_schemas import MAX_INTEGER
from dashboard.api.quota_schemas import Level, QuotaIn, QuotaOfOut, QuotasOut
from dashboard.selectors.quotas import QuotaOf, list_quotas, quota_of, quota_target, with_bytes
from dashboard.services import storage

router = Router(tags=["storage"])
Row = Annotated[int, Path(ge=1, le=MAX_INTEGER)]
TARGET = "/quotas/{level}/{target}"


@router.get("/quotas", auth=READ, response={200: QuotasOut}, summary="List quotas")
def list_all_quotas(request: ApiRequest, after: str = "") -> dict[str, Any]:
    """List the quotas that are set, the last changed first, 100 at a time."""
    page = list_quotas(user=request.auth.user, after=after)
    items = [quota_answer(with_bytes(row)) for row in page.rows]
    return {"items": items, "next": page.next_key or None}


@router.get(TARGET, auth=READ, response={200: QuotaOfOut}, summary="Look at a quota")
def get_quota(request: ApiRequest, level: Level, target: Row) -> dict[str, Any]:
    """Return how much a project or a source is meant to take at most, and what it takes now.

    When it is reached is foretold by ``GET /storage``.
    """
    return _read(request, level, target)


@router.put(TARGET, auth=OPERATE, response={200: QuotaOfOut}, summary="Set a quota")
def put_quota(request: ApiRequest, level: Level, target: Row, wanted: QuotaIn) -> dict[str, Any]:
    """Set how many bytes a project or a source is meant to take at most. Nothing enforces it."""
    user = request.auth.user
    found = quota_target(user=user, level=level, pk=target)
    storage.set_quota(user=user, target=found, size=wanted.bytes, now=timezone.now())
    return _read(request, level, target)


@router.delete(TARGET, auth=OPERATE, response={200: QuotaOfOut}, summary="Remove a quota")
def delete_quota(request: ApiRequest, level: Level, target: Row) -> dict[str, Any]:
    """Take a quota away; without one nothing changes."""
    user = request.auth.user
    found = quota_target(user=user, level=level, pk=target)
    storage.remove_quota(user=user, target=found, now=timezone.now())
    return _read(request, level, target)


def quota_answer(found: QuotaOf) -> dict[str, Any]:
    """Return a quota, or that there is none, as it is shown to programs."""
    target, quota = found.target, found.quota
    return {
        "level": target.level,
        "target": target.row.pk,
        "about": target.words,
        "bytes": quota.bytes if quota else None,
        "stored_bytes": found.stored_bytes,
        "changed_by": quota.changed_by.get_username() if quota else None,
        "changed_at": quota.changed_at if quota else None,
    }


def _read(request: ApiRequest, level: str, target: int) -> dict[str, Any]:
    return quota_answer(quota_of(user=request.auth.user, level=level, pk=target))
