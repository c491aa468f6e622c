"""The overview: what is wrong, since when, and what runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.fields.json import KT

import checkpoints
from dashboard.access import projects, require, visible
from dashboard.models import (
    Agent,
    AgentDrill,
    Checkpoint,
    DriftAlert,
    Heartbeat,
    ObjectiveAlert,
    Operation,
    Source,
    Thread,
    User,
)
from dashboard.models.operations import OPEN_STATES, OperationState
from dashboard.models.sources import SourceHealth
from dashboard.selectors.checkpoints import FORK_MARK
from dashboard.selectors.drift_rows import calling_alerts
from dashboard.selectors.drills import Proofs, calling, proofs, unproven
from dashboard.selectors.operations import TO_SEE, readable

SHOWN = 8
SILENCE = timedelta(seconds=60)
TROUBLED = (
    checkpoints.Status.FAILED,
    checkpoints.Status.STALLED,
    checkpoints.Status.WAITING,
    checkpoints.Status.INTERRUPTED,
)
_WRONG = Count("findings", filter=Q(findings__gone_at=None))


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
    waiting_operations: tuple[Operation, ...]
    troubled_operations: tuple[Operation, ...]
    latest: tuple[Checkpoint, ...]
    alerts: tuple[ObjectiveAlert, ...]
    drift: tuple[DriftAlert, ...]
    proofs: Proofs
    unproven: tuple[AgentDrill, ...]
    operated: frozenset[int]
    worker_seen_at: datetime | None
    worker_silent: bool

    @property
    def attention_count(self) -> int:
        """How many things are listed as needing attention."""
        listed = (
            self.threads,
            self.alerts,
            self.drift,
            self.waiting_operations,
            self.troubled_operations,
            self.troubled_sources,
        )
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
    agents = visible(user, Agent.objects.all(), "source__project")
    sources = visible(user, Source.objects.annotate(wrong=_WRONG))
    sums = agents.aggregate(
        agents=Count("pk"), stored=Sum("stored_bytes"), saved=Sum("checkpoint_count")
    )
    proved = proofs(user)
    seen_at = Heartbeat.objects.order_by("-at").values_list("at", flat=True).first()
    return OverviewPage(
        agents=sums["agents"],
        statuses=_statuses(agents),
        stored_bytes=sums["stored"] or 0,
        checkpoint_count=sums["saved"] or 0,
        threads=_troubled_threads(user),
        sources=tuple(sources.order_by("name")),
        running=_newest(readable(user).filter(state__in=OPEN_STATES)),
        waiting_operations=_newest(readable(user).filter(state=OperationState.PENDING_APPROVAL)),
        troubled_operations=_troubled_operations(user),
        latest=_latest(user),
        alerts=calling(user),
        drift=calling_alerts(user, most=SHOWN),
        proofs=proved,
        unproven=unproven(user) if proved.failed else (),
        operated=frozenset(projects(user, "operate").values_list("pk", flat=True)),
        worker_seen_at=seen_at,
        worker_silent=seen_at is None or now - seen_at > SILENCE,
    )


def _statuses(agents: QuerySet[Agent]) -> tuple[StatusCount, ...]:
    counts = dict(agents.values_list("status").annotate(n=Count("pk")).order_by())
    order = [*TROUBLED, *(s for s in checkpoints.Status if s not in TROUBLED)]
    return tuple(StatusCount(s.value, counts[s.value]) for s in order if counts.get(s.value))


def _troubled_threads(user: User) -> tuple[Thread, ...]:
    """Return what needs somebody; a fork that no run has gone on from yet was asked for."""
    rows = visible(user, Thread.objects.filter(status__in=TROUBLED), "agent__source__project")
    rows = rows.exclude(status=checkpoints.Status.INTERRUPTED, head__metadata__has_key=FORK_MARK)
    rows = rows.select_related("agent", "head")
    return tuple(rows.order_by("-last_checkpoint_at", "-pk")[:SHOWN])


def _newest(rows: QuerySet[Operation]) -> tuple[Operation, ...]:
    return tuple(rows.order_by("-created_at", "-pk")[:SHOWN])


def _troubled_operations(user: User) -> tuple[Operation, ...]:
    """Return what nobody has said was seen: bad ends, and failures that nobody waited for.

    A restore that was overwritten carries both heads, ``restored_id`` and ``written_id``.
    """
    calls = Q(state__in=TO_SEE) | Q(state=OperationState.FAILED, requested_by=None)
    rows = readable(user).filter(calls, seen_at=None)
    return _newest(
        rows.annotate(restored_id=KT("result__restored_id"), written_id=KT("result__head_id"))
    )


def _latest(user: User) -> tuple[Checkpoint, ...]:
    rows = visible(user, Checkpoint.objects.all(), "thread__agent__source__project")
    latest = rows.select_related("thread__agent").order_by("-created_at", "-pk")
    return tuple(latest[:SHOWN])
