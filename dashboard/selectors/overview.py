"""The overview: what is wrong, since when, and what runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Sum

import checkpoints
from dashboard.access import require
from dashboard.models import Agent, Checkpoint, Heartbeat, Operation, Source, Thread, User
from dashboard.models.operations import OperationState
from dashboard.models.sources import SourceHealth

SHOWN = 8
SILENCE = timedelta(seconds=60)
TROUBLED = (
    checkpoints.Status.FAILED,
    checkpoints.Status.STALLED,
    checkpoints.Status.WAITING,
    checkpoints.Status.INTERRUPTED,
)
OPEN = (OperationState.QUEUED, OperationState.RUNNING)
TROUBLED_OPERATIONS = (OperationState.NEEDS_ATTENTION, OperationState.SUPERSEDED)


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many agents have a status."""

    status: str
    agents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewPage:
    """The fleet at a glance. ``stored_bytes`` and ``checkpoint_count`` are sums over agents."""

    agents: int
    statuses: tuple[StatusCount, ...]
    stored_bytes: int
    checkpoint_count: int
    threads: tuple[Thread, ...]
    sources: tuple[Source, ...]
    running: tuple[Operation, ...]
    troubled_operations: tuple[Operation, ...]
    latest: tuple[Checkpoint, ...]
    worker_seen_at: datetime | None
    worker_silent: bool

    @property
    def attention_count(self) -> int:
        """How many things are listed as needing attention."""
        listed = (self.threads, self.troubled_operations, self.troubled_sources)
        return sum(len(rows) for rows in listed)

    @property
    def troubled_sources(self) -> tuple[Source, ...]:
        """Sources that could not be read, or in which something is wrong."""
        troubled = (SourceHealth.ATTENTION, SourceHealth.FAILED)
        return tuple(source for source in self.sources if source.health in troubled)

    @property
    def quiet(self) -> bool:
        """Whether nothing needs attention."""
        return self.attention_count == 0


def overview_page(*, user: User, now: datetime) -> OverviewPage:
    """Return the overview, in a constant number of queries."""
    require(user, "read")
    sums = Agent.objects.aggregate(
        agents=Count("pk"), stored=Sum("stored_bytes"), saved=Sum("checkpoint_count")
    )
    seen_at = Heartbeat.objects.order_by("-at").values_list("at", flat=True).first()
    return OverviewPage(
        agents=sums["agents"],
        statuses=_statuses(),
        stored_bytes=sums["stored"] or 0,
        checkpoint_count=sums["saved"] or 0,
        threads=_troubled_threads(),
        sources=tuple(Source.objects.annotate(wrong=Count("findings")).order_by("name")),
        running=_operations(OPEN),
        troubled_operations=_operations(TROUBLED_OPERATIONS),
        latest=_latest(),
        worker_seen_at=seen_at,
        worker_silent=seen_at is None or now - seen_at > SILENCE,
    )


def _statuses() -> tuple[StatusCount, ...]:
    counts = dict(Agent.objects.values_list("status").annotate(n=Count("pk")).order_by())
    order = [*TROUBLED, *(s for s in checkpoints.Status if s not in TROUBLED)]
    return tuple(StatusCount(s.value, counts[s.value]) for s in order if counts.get(s.value))


def _troubled_threads() -> tuple[Thread, ...]:
    rows = Thread.objects.filter(status__in=TROUBLED).select_related("agent", "head")
    return tuple(rows.order_by("-last_checkpoint_at", "-pk")[:SHOWN])


def _operations(states: tuple[OperationState, ...]) -> tuple[Operation, ...]:
    rows = Operation.objects.filter(state__in=states).select_related("thread__agent")
    return tuple(rows.order_by("-created_at", "-pk")[:SHOWN])


def _latest() -> tuple[Checkpoint, ...]:
    rows = Checkpoint.objects.select_related("thread__agent").order_by("-created_at", "-pk")
    return tuple(rows[:SHOWN])
