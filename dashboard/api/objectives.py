"""Recovery-point objectives: how old an agent's newest clean checkpoint may become."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.utils import timezone
from ninja import Path, Router

from dashboard.api.access import OPERATE, READ, ApiRequest
from dashboard.api.objective_schemas import (
    AppliedObjectiveOut,
    Level,
    ObjectiveIn,
    ObjectivesOut,
)
from dashboard.api.operation_schemas import MAX_INTEGER
from dashboard.selectors.objectives import (
    AppliedObjective,
    applied_objective,
    list_objectives,
    objective_target,
    target_of_objective,
)
from dashboard.selectors.recovery_points import RecoveryPoint
from dashboard.selectors.retention import Target
from dashboard.services import drills

router = Router(tags=["drills"])
Row = Annotated[int, Path(ge=1, le=MAX_INTEGER)]
TARGET = "/objectives/{level}/{target}"


@router.get("/objectives", auth=READ, response={200: ObjectivesOut}, summary="List objectives")
def list_all_objectives(request: ApiRequest, after: str = "") -> dict[str, Any]:
    """List the recovery-point objectives that are set, the last changed first, 100 at a time."""
    page = list_objectives(user=request.auth.user, after=after)
    items = [objective_answer(row, target_of_objective(row)) for row in page.rows]
    return {"items": items, "next": page.next_key or None}


@router.get(
    TARGET, auth=READ, response={200: AppliedObjectiveOut}, summary="Show which objective applies"
)
def get_objective(request: ApiRequest, level: Level, target: Row) -> dict[str, Any]:
    """Return the objective that applies to a project, a source or an agent: the nearest one.

    Of an agent it also says how old its recovery point is.
    """
    return _applied(request, level, target)


@router.put(TARGET, auth=OPERATE, response={200: AppliedObjectiveOut}, summary="Set an objective")
def put_objective(
    request: ApiRequest, level: Level, target: Row, wanted: ObjectiveIn
) -> dict[str, Any]:
    """Set how old a recovery point may be; ``minutes`` null: no objective applies from there on."""
    user = request.auth.user
    found = objective_target(user=user, level=level, pk=target)
    drills.set_objective(user=user, target=found, minutes=wanted.minutes, now=timezone.now())
    return _applied(request, level, target)


@router.delete(
    TARGET, auth=OPERATE, response={200: AppliedObjectiveOut}, summary="Remove an objective"
)
def delete_objective(request: ApiRequest, level: Level, target: Row) -> dict[str, Any]:
    """Take a target's own objective away: the next one further out applies again."""
    user = request.auth.user
    found = objective_target(user=user, level=level, pk=target)
    drills.remove_objective(user=user, target=found, now=timezone.now())
    return _applied(request, level, target)


def objective_answer(objective: Any, target: Target) -> dict[str, Any]:
    """Return an objective as it is shown to programs."""
    return {
        **_place(target),
        "minutes": objective.minutes,
        "changed_by": objective.changed_by.get_username(),
        "changed_at": objective.changed_at,
    }


def applied_answer(found: AppliedObjective, now: datetime) -> dict[str, Any]:
    """Return what applies to a target as it is shown to programs."""
    return {
        **_place(found.target),
        "own": objective_answer(found.own, found.target) if found.own else None,
        "minutes": found.minutes,
        "set_on": found.level or None,
        "recovery_point": _point(found.point, now) if found.point is not None else None,
    }


def _applied(request: ApiRequest, level: str, target: int) -> dict[str, Any]:
    found = applied_objective(user=request.auth.user, level=level, pk=target)
    return applied_answer(found, timezone.now())


def _place(target: Target) -> dict[str, Any]:
    return {"level": target.level, "target": target.row.pk, "about": target.words}


def _point(point: RecoveryPoint, now: datetime) -> dict[str, Any]:
    names = ("live", "at", "due_at")
    return {**{name: getattr(point, name) for name in names}, "missed": point.is_missed(now)}
