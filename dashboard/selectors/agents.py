"""The list of agents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from dashboard.access import projects, require, visible
from dashboard.models import Agent, Checkpoint, Project, Source, User
from dashboard.models.agents import STATUSES
from dashboard.selectors.drills import AgentRecovery, recoveries
from dashboard.selectors.keyset import Order, page_after

SORTS = {
    "activity": Order(field="last_checkpoint_at"),
    "name": Order(field="agent_id", descending=False, kind=str),
    "bytes": Order(field="stored_bytes", kind=int),
    "checkpoints": Order(field="checkpoint_count", kind=int),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFilter:
    """What the list is narrowed to; empty means everything."""

    text: str = ""
    status: str = ""
    source_id: int | None = None
    project_id: int | None = None
    sort: str = "activity"

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out."""
        return bool(self.text or self.status or self.source_id or self.project_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsPage:
    """A page of agents, what it was narrowed to, and what it could be narrowed to.

    ``recoveries`` say how sure each agent's recovery is, by its number.
    """

    rows: tuple[Agent, ...]
    recoveries: Mapping[int, AgentRecovery]
    next_key: str
    filter: AgentFilter
    sources: tuple[Source, ...]
    projects: tuple[Project, ...]
    statuses: tuple[tuple[str, str], ...]


def agents_page(*, user: User, wanted: AgentFilter, after: str = "") -> AgentsPage:
    """Return a page of agents. Raises NotFound for a key that no page handed out."""
    require(user, "read")
    order = SORTS.get(wanted.sort, SORTS["activity"])
    found = page_after(
        _narrowed(visible(user, Agent.objects.all(), "source__project"), wanted), order, after
    )
    return AgentsPage(
        rows=found.rows,
        recoveries=recoveries(found.rows),
        next_key=found.next_key,
        filter=wanted,
        sources=tuple(visible(user, Source.objects.all()).order_by("name")),
        projects=tuple(projects(user).order_by("name")),
        statuses=tuple(STATUSES),
    )


def _narrowed(agents: QuerySet[Agent], wanted: AgentFilter) -> QuerySet[Agent]:
    rows = agents.select_related("source").annotate(thread_count=Count("threads"))
    if wanted.text:
        rows = rows.filter(_matches(wanted.text))
    if wanted.status:
        rows = rows.filter(status=wanted.status)
    if wanted.source_id:
        rows = rows.filter(source_id=wanted.source_id)
    if wanted.project_id:
        rows = rows.filter(source__project_id=wanted.project_id)
    return rows


def _matches(text: str) -> Q:
    """Agents by a part of their name, by a thread's exact id or a checkpoint's exact id."""
    owners = Checkpoint.objects.filter(checkpoint_id=text).values("thread__agent_id")
    return Q(agent_id__icontains=text) | Q(threads__thread_id=text) | Q(pk__in=owners)
