"""Storage: how it grows, what it will be, and what takes it."""

from __future__ import annotations

from typing import Annotated, Any

from django.utils import timezone
from ninja import Query, Router

from dashboard.api.access import READ, ApiRequest
from dashboard.api.operation_schemas import MAX_INTEGER
from dashboard.api.storage_schemas import Eaten, Part, Span, StorageOut
from dashboard.selectors.storage_breakdown import Breakdown, Row, breakdown
from dashboard.selectors.storage_growth import Growth, Outlook, growth
from dashboard.selectors.storage_scopes import Scope, find_scope
from dashboard.selectors.storage_series import Range, Series

router = Router(tags=["storage"])
RowQuery = Annotated[int | None, Query(ge=1, le=MAX_INTEGER)]


@router.get("/storage", auth=READ, response={200: StorageOut}, summary="See what is stored")
def get_storage(
    request: ApiRequest,
    source: RowQuery = None,
    agent: RowQuery = None,
    thread: RowQuery = None,
    range: Span = "30d",  # noqa: A002 - the parameter's name in the address
    by: Part = "source",
    eats: Eaten = "agents",
) -> dict[str, Any]:
    """Return what a source, an agent or a thread takes, or all that the token may read.

    The narrowest that is named counts. ``range`` is how far back the series goes, ``by`` what its
    parts are where all sources are looked at, ``eats`` what the breakdown lists.
    """
    now = timezone.now()
    scope = find_scope(user=request.auth.user, source_pk=source, agent_pk=agent, thread_pk=thread)
    found = growth(scope=scope, range_=Range(range), by=by, now=now)
    eaten = breakdown(scope=scope, eater=eats, whole=found.stored_bytes, now=now)
    return {
        "scope": _scope(scope),
        **_now(found),
        "series": _series(found.series),
        "forecast": _forecast(found.outlook),
        "quota": _quota(found.outlook),
        "savings": _savings(found),
        "breakdown": _breakdown(eaten),
    }


def _scope(scope: Scope) -> dict[str, Any]:
    names = ("source", "agent", "thread")
    rows = {name: getattr(scope, name) for name in names}
    pks = {name: row.pk if row is not None else None for name, row in rows.items()}
    return {"level": scope.level, **pks}


def _now(found: Growth) -> dict[str, Any]:
    return {
        "stored_bytes": found.stored_bytes,
        "checkpoints": found.checkpoints,
        "grown_in_7_days": found.week_change,
        "grown_in_30_days": found.month_change,
        "plain_bytes": found.compression.plain_bytes,
        "packed_bytes": found.compression.packed_bytes,
        "orphaned_bytes": found.space.orphaned_bytes,
        "free_bytes": found.space.free_bytes,
        "trashed_bytes": found.trashed.stored_bytes,
        "first_swept_at": found.trashed.due_at,
    }


def _series(series: Series) -> dict[str, Any]:
    return {
        "grain": str(series.grain),
        "parts_are": series.parts_are,
        "times": list(series.times),
        "total": list(series.total),
        "parts": [
            {"row": line.pk, "name": line.name, "sizes": list(line.sizes)} for line in series.lines
        ],
    }


def _forecast(outlook: Outlook) -> dict[str, Any] | None:
    line, ahead = outlook.trend, outlook.ahead
    if line is None or ahead is None:
        return None
    return {
        "at": ahead.at,
        "expected": ahead.expected,
        "low": ahead.low,
        "high": ahead.high,
        "per_day": line.per_day,
        "since": line.since,
        "samples": line.points,
    }


def _quota(outlook: Outlook) -> dict[str, Any] | None:
    if outlook.quota is None:
        return None
    reach = outlook.reach
    return {
        "bytes": outlook.quota.bytes,
        "reached": reach.expected if reach is not None else None,
        "earliest": reach.earliest if reach is not None else None,
        "latest": reach.latest if reach is not None else None,
    }


def _savings(found: Growth) -> dict[str, Any]:
    return {
        "freed_bytes": found.savings.freed_bytes,
        "freed_checkpoints": found.savings.freed_count,
        "threads": found.savings.threads,
        "planned_at": found.savings.planned_at,
        "not_planned": found.savings.unplanned,
    }


def _breakdown(eaten: Breakdown) -> dict[str, Any]:
    return {"by": eaten.eater, "rows": [_row(row) for row in eaten.rows]}


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "under": row.under,
        "size": row.size,
        "stored_bytes": row.stored_bytes,
        "share_percent": round(row.share, 2),
        "grown_in_7_days": row.grown,
        "checkpoints": row.checkpoints,
        "policy_would_free": row.freed_bytes,
    }
