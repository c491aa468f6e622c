"""Recovery-point objectives: those that are set, and which one applies to what."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from dashboard.access import projects, require
from dashboard.models import RecoveryObjective, User
from dashboard.selectors.errors import NotFound
from dashboard.selectors.keyset import Order, Slice, page_after
from dashboard.selectors.recovery_points import (
    Key,
    RecoveryPoint,
    read_objectives,
    recovery_points,
)
from dashboard.selectors.retention import Target, find_target, target_of

LATEST = Order(field="changed_at")
WITHIN = ("project", "source__project", "agent__source__project")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedObjective:
    """What applies to a target: its own objective, or the nearest one further out.

    ``minutes`` None: none does. ``level`` says where it is set. ``point`` is an agent's alone.
    """

    target: Target
    own: RecoveryObjective | None
    minutes: int | None
    level: str
    point: RecoveryPoint | None


def objective_target(*, user: User, level: str, pk: int) -> Target:
    """Return what an objective may be about, for somebody who may see it. Raises NotFound."""
    if level == "thread":
        raise NotFound("An objective is about a project, a source or an agent.")
    return find_target(user=user, level=level, pk=pk)


def applied_objective(*, user: User, level: str, pk: int) -> AppliedObjective:
    """Return the objective that applies to a project, a source or an agent. Raises NotFound."""
    target = objective_target(user=user, level=level, pk=pk)
    every = read_objectives()
    minutes, found = every.nearest(_line(target))
    agent = target.agent
    return AppliedObjective(
        target=target,
        own=every.by_target.get((target.level, target.row.pk)),
        minutes=minutes,
        level=found,
        point=recovery_points([agent], every)[agent.pk] if agent is not None else None,
    )


def list_objectives(*, user: User, after: str = "", size: int = 100) -> Slice[RecoveryObjective]:
    """Return a page of the objectives that ``user`` may read, the last changed first.

    Raises NotFound for a key that no page handed out.
    """
    require(user, "read")
    mine, readable = projects(user), Q()
    for path in WITHIN:
        readable |= Q(**{f"{path}__in": mine})
    rows = RecoveryObjective.objects.filter(readable).select_related("changed_by", *WITHIN)
    return page_after(rows, LATEST, after, size=size)


def target_of_objective(objective: RecoveryObjective) -> Target:
    """Return what an objective is set on."""
    row = objective.agent or objective.source or objective.project
    if row is None:
        raise ValueError("an objective is about something")
    return target_of(row)


def _line(target: Target) -> list[Key]:
    """Return where an objective may be set that applies to a target, the nearest first."""
    rows = (("agent", target.agent), ("source", target.source), ("project", target.project))
    return [(level, row.pk) for level, row in rows if row is not None]
