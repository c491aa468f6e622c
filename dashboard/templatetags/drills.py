"""How drills and recovery points appear in templates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import template
from django.utils import timezone

from checkpoints.findings import FindingKind, kind_of
from dashboard import quantities
from dashboard.models.drills import AlertKind

register = template.Library()


@register.filter
def of(rows: Mapping[int, Any], pk: int) -> Any:
    """Return what is known of a row, by its number."""
    return rows.get(pk)


@register.inclusion_tag("drills/_recovery_point.html")
def recovery_point(recovery: Any) -> dict[str, Any]:
    """Show how old a recovery point is, and in words whether that is too old."""
    point = recovery.point
    return {"point": point, "is_missed": point.is_missed(timezone.now())}


@register.filter
def misses(recovery: Any) -> bool:
    """Say whether an agent's recovery point is too old by now."""
    return bool(recovery.point.is_missed(timezone.now()))


@register.filter
def own_minutes(point: Any) -> str:
    """Return an agent's own objective as it is typed, empty where it has none of its own."""
    if point.level != "agent":
        return ""
    return minutes(point.minutes) or "none"


@register.filter
def own_value(objective: Any) -> str:
    """Return an objective as it is typed, empty where there is none."""
    return "" if objective is None else minutes(objective.minutes) or "none"


@register.filter
def proved(result: Any) -> tuple[tuple[bool, str], ...]:
    """Return each thing that a rehearsal may prove, and whether it did."""
    return (
        (result.decoded, "decoded"),
        (result.digest_verified, "digest verified"),
        (result.restored, "restored on a copy"),
        (result.read_back, "read back the same"),
    )


@register.filter
def minutes(count: int | None) -> str:
    """Show minutes as people write them: 30min, 2h, 1d."""
    return "" if count is None else quantities.shown_age(timedelta(minutes=count))


@register.filter
def kind_of_finding(name: str) -> FindingKind:
    """Return what follows from a finding, and what to do about it."""
    return kind_of(name)


@register.filter
def is_missed_objective(alert: Any) -> bool:
    """Say whether an alert is about an objective, and not about a drill."""
    return bool(alert.kind == AlertKind.OBJECTIVE_MISSED)
