"""What of the storage somebody looks at: all that they may see, a source, an agent or a thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.db.models import QuerySet

from dashboard.access import require, visible
from dashboard.models import Agent, Source, Thread, User
from dashboard.selectors.errors import NotFound

Level = Literal["all", "source", "agent", "thread"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The narrowest of what was asked for, with all that it lies in."""

    user: User
    source: Source | None = None
    agent: Agent | None = None
    thread: Thread | None = None

    @property
    def level(self) -> Level:
        """How far in it lies."""
        if self.thread is not None:
            return "thread"
        if self.agent is not None:
            return "agent"
        return "source" if self.source is not None else "all"

    @property
    def query(self) -> str:
        """What of an address's query names it, empty for all."""
        row = self.thread or self.agent or self.source
        return f"{self.level}={row.pk}" if row is not None else ""

    @property
    def name(self) -> str:
        """Its name, as people call it."""
        return str(self.thread or self.agent or self.source or "all sources")

    def sources(self) -> QuerySet[Source]:
        """Return the rows of its sources."""
        rows = visible(self.user, Source.objects.all())
        return rows if self.source is None else rows.filter(pk=self.source.pk)

    def agents(self) -> QuerySet[Agent]:
        """Return the rows of its agents."""
        rows = visible(self.user, Agent.objects.all(), "source__project")
        if self.agent is not None:
            return rows.filter(pk=self.agent.pk)
        return rows if self.source is None else rows.filter(source=self.source)

    def threads(self) -> QuerySet[Thread]:
        """Return the rows of its threads."""
        rows = visible(self.user, Thread.objects.all(), "agent__source__project")
        if self.thread is not None:
            return rows.filter(pk=self.thread.pk)
        if self.agent is not None:
            return rows.filter(agent=self.agent)
        return rows if self.source is None else rows.filter(agent__source=self.source)


def find_scope(
    *,
    user: User,
    source_pk: int | None = None,
    agent_pk: int | None = None,
    thread_pk: int | None = None,
) -> Scope:
    """Return the narrowest that is named. Raises NotFound for what is not there to be seen."""
    require(user, "read")
    if thread_pk is not None:
        threads = Thread.objects.select_related("agent__source__project").filter(pk=thread_pk)
        thread = visible(user, threads, "agent__source__project").first()
        if thread is None:
            raise _nothing("thread")
        return Scope(user=user, source=thread.agent.source, agent=thread.agent, thread=thread)
    if agent_pk is not None:
        agents = Agent.objects.select_related("source__project").filter(pk=agent_pk)
        agent = visible(user, agents, "source__project").first()
        if agent is None:
            raise _nothing("agent")
        return Scope(user=user, source=agent.source, agent=agent)
    if source_pk is not None:
        sources = Source.objects.select_related("project").filter(pk=source_pk)
        source = visible(user, sources).first()
        if source is None:
            raise _nothing("source")
        return Scope(user=user, source=source)
    return Scope(user=user)


def _nothing(what: str) -> NotFound:
    return NotFound(f"There is no such {what} here; open the storage page without it.")
