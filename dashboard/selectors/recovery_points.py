"""How old agents' recovery points are, and how old they may be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import OuterRef, Q, QuerySet, Subquery

import checkpoints
from dashboard.models import Agent, Checkpoint, RecoveryObjective, Thread

Key = tuple[str, int | None]
"""A level, and the number of the row."""
DRIFT = "drift"
"""The key of a checkpoint's metadata that says that its agent had drifted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPoint:
    """An agent's newest clean checkpoint among its live threads, and its objective.

    ``at`` is None where there is none. An agent whose threads are all completed is not ``live``:
    it has nothing to lose, and does not age. ``level`` says where the objective is set.
    """

    live: bool
    at: datetime | None = None
    minutes: int | None = None
    level: str = ""
    first_seen_at: datetime

    @property
    def due_at(self) -> datetime | None:
        """When the objective is missed, unless a clean checkpoint comes before."""
        if not self.live or self.minutes is None:
            return None
        return (self.at or self.first_seen_at) + timedelta(minutes=self.minutes)

    def is_missed(self, now: datetime) -> bool:
        """Say whether the recovery point is older than it may be."""
        return self.due_at is not None and self.due_at < now


@dataclass(frozen=True, slots=True)
class Objectives:
    """All objectives, by what they are set on."""

    by_target: Mapping[Key, RecoveryObjective]

    def of_agent(self, agent: Agent) -> tuple[int | None, str]:
        """Return the minutes that apply to an agent whose source is loaded, and their level."""
        source = agent.source
        return self.nearest(
            [("agent", agent.pk), ("source", source.pk), ("project", source.project_id)]
        )

    def nearest(self, line: Iterable[Key]) -> tuple[int | None, str]:
        """Return the minutes of the first in a line that has an objective, and its level."""
        found = ((self.by_target[key].minutes, key[0]) for key in line if key in self.by_target)
        return next(found, (None, ""))


def read_objectives(rows: QuerySet[RecoveryObjective] | None = None) -> Objectives:
    """Read objectives, in one query."""
    found: dict[Key, RecoveryObjective] = {}
    for row in RecoveryObjective.objects.all() if rows is None else rows:
        for level in ("project", "source", "agent"):
            if (pk := getattr(row, f"{level}_id")) is not None:
                found[level, pk] = row
    return Objectives(found)


def recovery_points(agents: Iterable[Agent], objectives: Objectives) -> dict[int, RecoveryPoint]:
    """Return the recovery points of agents whose sources are loaded, in one query."""
    agents = list(agents)
    newest = _newest_clean([agent.pk for agent in agents])
    return {agent.pk: _point(agent, newest, objectives) for agent in agents}


def clean() -> Q:
    """Return what makes a checkpoint one to go back to, as far as the index knows."""
    failed, drifted = Q(status=checkpoints.Status.FAILED), Q(metadata__has_key=DRIFT)
    return Q(damage="", removed_at=None, namespace="") & ~failed & ~drifted


def _newest_clean(agent_pks: list[int]) -> dict[int, datetime | None]:
    """Return, by agents that have a live thread, when the newest clean checkpoint was saved."""
    rows = Checkpoint.objects.filter(clean(), thread=OuterRef("pk")).order_by("-created_at", "-pk")
    threads = Thread.objects.filter(agent__in=agent_pks).exclude(
        status=checkpoints.Status.COMPLETED
    )
    found: dict[int, datetime | None] = {}
    saved = threads.annotate(clean_at=Subquery(rows.values("created_at")[:1]))
    for agent_pk, at in saved.values_list("agent_id", "clean_at"):
        before = found.get(agent_pk)
        found[agent_pk] = max(filter(None, (before, at)), default=None)
    return found


def _point(
    agent: Agent, newest: Mapping[int, datetime | None], objectives: Objectives
) -> RecoveryPoint:
    minutes, level = objectives.of_agent(agent)
    return RecoveryPoint(
        live=agent.pk in newest,
        at=newest.get(agent.pk),
        minutes=minutes,
        level=level,
        first_seen_at=agent.created_at,
    )
