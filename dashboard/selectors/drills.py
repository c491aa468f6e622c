"""What drills have proved, agent by agent and run by run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min, Q, QuerySet

from dashboard.access import may, projects, require, visible
from dashboard.models import (
    Agent,
    AgentDrill,
    Drill,
    DrillOutcome,
    DrillResult,
    ObjectiveAlert,
    Project,
    RecoveryObjective,
    Source,
    User,
)
from dashboard.selectors.errors import NotFound
from dashboard.selectors.keyset import NEWEST, Order, Slice, page_after
from dashboard.selectors.recovery_points import (
    Objectives,
    RecoveryPoint,
    read_objectives,
    recovery_points,
)

NEVER, MISSED = "never", "missed"
STATES = (
    (DrillOutcome.FAILED.value, "Failed"),
    (MISSED, "Recovery point too old"),
    (NEVER, "Never rehearsed"),
    (DrillOutcome.PROVEN.value, "Proven"),
    (DrillOutcome.SKIPPED.value, "Not rehearsed"),
)
"""What the list of agents can be narrowed to, what is wrong first."""
RUNS_SHOWN = 12
ALERTS_SHOWN = 8
FAILURES_SHOWN = 5
BY_NAME = Order(field="agent_id", descending=False, kind=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRecovery:
    """How sure an agent's recovery is: its last drill, if any, and its recovery point."""

    agent: Agent
    last: AgentDrill | None
    point: RecoveryPoint

    @property
    def is_rehearsable(self) -> bool:
        """Whether its store is opened here at all."""
        return self.agent.source.connected


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """How many agents are proven. ``oldest_at`` is the oldest proof that holds."""

    agents: int
    proven: int
    failed: int
    skipped: int
    oldest_at: datetime | None
    newest_at: datetime | None

    @property
    def never(self) -> int:
        """How many were never rehearsed."""
        return self.agents - self.proven - self.failed - self.skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class OuterObjective:
    """A project or a source, with its own objective if it has one."""

    level: str
    row: Project | Source
    own: RecoveryObjective | None
    project_pk: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillsPage:
    """Agents with their proofs, the last drills, and how often sources are drilled.

    ``operated`` are the projects in which one may rehearse and set objectives.
    """

    rows: tuple[AgentRecovery, ...]
    next_key: str
    state: str
    states: tuple[tuple[str, str], ...]
    proofs: Proofs
    drills: tuple[Drill, ...]
    sources: tuple[Source, ...]
    outer: tuple[OuterObjective, ...]
    operated: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillPage:
    """One drill with what it proved, what failed first."""

    drill: Drill
    results: tuple[DrillResult, ...]
    next_key: str
    operated: bool


def drills_page(*, user: User, state: str = "", after: str = "") -> DrillsPage:
    """Return the page of drills, in a constant number of queries. Raises NotFound for a bad key."""
    require(user, "read")
    known = state if state in dict(STATES) else ""
    agents = visible(user, Agent.objects.all(), "source__project")
    found = page_after(_in_state(agents, known), BY_NAME, after)
    objectives = read_objectives()
    return DrillsPage(
        rows=tuple(recoveries(found.rows, objectives).values()),
        next_key=found.next_key,
        state=known,
        states=STATES,
        proofs=proofs(user),
        drills=_drills(user).rows[:RUNS_SHOWN],
        sources=_sources(user),
        outer=_outer(user, objectives),
        operated=frozenset(projects(user, "operate").values_list("pk", flat=True)),
    )


def list_drills(*, user: User, after: str = "") -> Slice[Drill]:
    """Return a page of drills, the newest first. Raises NotFound for a bad key."""
    require(user, "read")
    return _drills(user, after)


def find_drill(*, user: User, drill_pk: int) -> Drill:
    """Return a drill that somebody may see. Raises NotFound."""
    found = _related(visible(user, Drill.objects.filter(pk=drill_pk), "source__project")).first()
    if found is None:
        raise NotFound("There is no such drill. Drills are kept for 90 days; see the list.")
    return found


def drill_page(*, user: User, drill_pk: int, after: str = "") -> DrillPage:
    """Return a drill with its results. Raises NotFound."""
    drill = find_drill(user=user, drill_pk=drill_pk)
    rows = DrillResult.objects.filter(drill=drill).select_related("agent__source", "row")
    found = page_after(rows, Order(field="outcome", descending=False, kind=str), after)
    return DrillPage(
        drill=drill,
        results=found.rows,
        next_key=found.next_key,
        operated=may(user, "operate", drill.source.project_id),
    )


def recoveries(
    agents: Iterable[Agent], objectives: Objectives | None = None
) -> dict[int, AgentRecovery]:
    """Return how sure the recovery of agents is, in three queries. Their sources are loaded."""
    agents = list(agents)
    points = recovery_points(agents, objectives or read_objectives())
    pks = [agent.pk for agent in agents]
    last: Mapping[int, AgentDrill] = {
        row.agent_id: row for row in AgentDrill.objects.filter(agent__in=pks)
    }
    return {
        agent.pk: AgentRecovery(agent=agent, last=last.get(agent.pk), point=points[agent.pk])
        for agent in agents
    }


def proofs(user: User) -> Proofs:
    """Count what is proven of the agents whose stores are opened here, in one query."""
    agents = visible(user, Agent.objects.filter(source__connected=True), "source__project")
    counts = {name: Count("pk", filter=Q(last_drill__outcome=name)) for name in DrillOutcome.values}
    proven = Q(last_drill__outcome=DrillOutcome.PROVEN)
    sums = agents.aggregate(
        agents=Count("pk"),
        oldest_at=Min("last_drill__proven_at", filter=proven),
        newest_at=Max("last_drill__proven_at", filter=proven),
        **counts,
    )
    return Proofs(**sums)


def unproven(user: User) -> tuple[AgentDrill, ...]:
    """Return some of the agents whose last drill failed, those first that failed last."""
    rows = visible(user, AgentDrill.objects.all(), "agent__source__project")
    failed = rows.filter(outcome=DrillOutcome.FAILED, agent__source__connected=True)
    return tuple(failed.select_related("agent__source").order_by("-at", "pk")[:FAILURES_SHOWN])


def calling(user: User) -> tuple[ObjectiveAlert, ...]:
    """Return the alerts that nobody has acknowledged, those first that last longest."""
    rows = visible(user, ObjectiveAlert.objects.all(), "agent__source__project")
    unseen = rows.filter(resolved_at=None, acknowledged_at=None).select_related("agent__source")
    return tuple(unseen.order_by("since", "pk")[:ALERTS_SHOWN])


def _in_state(agents: QuerySet[Agent], state: str) -> QuerySet[Agent]:
    rows = agents.select_related("source")
    if state == NEVER:
        return rows.filter(last_drill=None, source__connected=True)
    if state == MISSED:
        alerts = ObjectiveAlert.objects.filter(kind="objective_missed", resolved_at=None)
        return rows.filter(pk__in=alerts.values("agent"))
    return rows.filter(last_drill__outcome=state) if state else rows


def _outer(user: User, objectives: Objectives) -> tuple[OuterObjective, ...]:
    """Return projects and sources; a source's objective takes the place of its project's."""
    sources = visible(user, Source.objects.all()).order_by("name", "pk")
    found: list[tuple[str, Project | Source, int | None]] = [
        *(("project", row, row.pk) for row in projects(user).order_by("name")),
        *(("source", row, row.project_id) for row in sources),
    ]
    return tuple(
        OuterObjective(
            level=level, row=row, own=objectives.by_target.get((level, row.pk)), project_pk=pk
        )
        for level, row, pk in found
    )


def _drills(user: User, after: str = "") -> Slice[Drill]:
    rows = visible(user, Drill.objects.all(), "source__project")
    return page_after(_related(rows), NEWEST, after)


def _related(rows: QuerySet[Drill]) -> QuerySet[Drill]:
    return rows.select_related("source", "agent", "asked_by")


def _sources(user: User) -> tuple[Source, ...]:
    """Return the sources that are drilled, each with its schedule once it has got one."""
    rows = visible(user, Source.objects.filter(connected=True)).select_related("drill_schedule")
    return tuple(rows.order_by("name", "pk"))
