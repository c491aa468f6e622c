"""What is stored where, and what lies in the trash until its grace is over."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import (
    Count,
    F,
    Func,
    IntegerField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.functions import Coalesce

from dashboard.access import projects, require, visible
from dashboard.models import (
    Agent,
    Operation,
    OperationState,
    RetentionPolicy,
    Source,
    TrashedBatch,
    User,
)
from dashboard.selectors.keyset import Order, page_after
from dashboard.selectors.retention import Effective, read_book
from dashboard.selectors.schedules import ScheduleRow, schedules_of

OLDEST = Order(field="created_at", descending=False)
NOT_OPERATED = "This needs the role operator in the project."
IN_TRASH = Q(purged_at=None, returned_at=None)


class ArrayLength(Func):
    """How many items a JSON array has, counted by the database."""

    function = "json_array_length"
    output_field = IntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Return it as PostgreSQL spells it."""
        return self.as_sql(compiler, connection, function="jsonb_array_length", **extra)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRow:
    """A source with what it holds, what of it lies in the trash, and what is kept of it."""

    source: Source
    agents: int
    checkpoints: int
    stored_bytes: int
    trashed_bytes: int
    next_due_at: datetime | None
    effective: Effective
    overridden: int
    operated: bool

    @property
    def prune_refused(self) -> str:
        """Why nothing can be pruned here, empty when it can."""
        if not self.operated:
            return NOT_OPERATED
        if self.effective.rules.keeps_all and not self.overridden:
            return "Everything is kept here. Set a policy first."
        if not self.source.connected:
            return "Agents only report about it; connect it first."
        given = self.source.capabilities
        if given.get("prune"):
            return ""
        return str(given.get("reasons", {}).get("prune", "Its connector can only read."))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoragePage:
    """Every source, largest first, and the sums."""

    rows: tuple[StoredRow, ...]
    checkpoints: int
    stored_bytes: int
    trashed_bytes: int
    next_due_at: datetime | None
    policies: int
    schedules: tuple[ScheduleRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashRow:
    """A prune of which something lies in the trash. ``swept_soon`` is what a sweep has seen due."""

    operation: Operation
    threads: int
    checkpoints: int
    stored_bytes: int
    due_at: datetime
    swept_soon: bool
    operated: bool

    @property
    def may_return(self) -> bool:
        """Whether all of it can be brought back, by somebody who may operate."""
        return self.operation.state in (OperationState.SUCCEEDED, OperationState.PARTIAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashPage:
    """A page of what lies in the trash, what is due first coming first."""

    rows: tuple[TrashRow, ...]
    next_key: str
    source: Source | None
    batches: int
    stored_bytes: int


def storage_page(*, user: User) -> StoragePage:
    """Return what is stored where, in a constant number of queries."""
    require(user, "read")
    sources = list(_sources(user))
    shown = {source.project.pk: source.project for source in sources}
    book = read_book(list(shown.values()))
    operated = _operated(user)
    nearer = Counter(_source_of(policy) for policy in book.by_target.values())
    rows = tuple(
        _row(source, book.of_source(source), nearer[source.pk], operated) for source in sources
    )
    dues = [row.next_due_at for row in rows if row.next_due_at is not None]
    return StoragePage(
        rows=tuple(sorted(rows, key=lambda row: -row.stored_bytes)),
        checkpoints=sum(row.checkpoints for row in rows),
        stored_bytes=sum(row.stored_bytes for row in rows),
        trashed_bytes=sum(row.trashed_bytes for row in rows),
        next_due_at=min(dues, default=None),
        policies=len(book.by_target),
        schedules=schedules_of(user=user),
    )


def trash_page(*, user: User, source_id: int | None = None, after: str = "") -> TrashPage:
    """Return a page of the trash. Raises NotFound for a key that no page handed out."""
    require(user, "read")
    batches = visible(user, TrashedBatch.objects.filter(IN_TRASH), "operation__source__project")
    source = None
    if source_id is not None:
        source = visible(user, Source.objects.filter(pk=source_id)).first()
        batches = batches.filter(operation__source=source_id)
    sums = batches.aggregate(batches=Count("pk"), stored=Sum("stored_bytes"))
    found = page_after(_prunes(batches), OLDEST, after)
    operated = _operated(user)
    return TrashPage(
        rows=tuple(_trash_row(operation, operated) for operation in found.rows),
        next_key=found.next_key,
        source=source,
        batches=sums["batches"],
        stored_bytes=sums["stored"] or 0,
    )


def _prunes(batches: QuerySet[TrashedBatch]) -> QuerySet[Operation]:
    """Return the operations that moved batches to the trash, with their sums."""
    mine = batches.filter(operation=OuterRef("pk")).order_by().values("operation")

    def of(value: Any) -> Subquery:
        return Subquery(mine.annotate(found=value).values("found"))

    return (
        Operation.objects.filter(pk__in=batches.values("operation"))
        .select_related("source", "agent", "thread__agent", "requested_by")
        .defer("plan", "result")
        .annotate(
            batch_total=of(Count("pk")),
            checkpoint_total=of(Sum(ArrayLength(F("checkpoint_ids")))),
            byte_total=of(Sum("stored_bytes")),
            first_due=of(Min("due_at")),
            seen_due=of(Min("due_seen_at")),
        )
    )


def _operated(user: User) -> frozenset[int]:
    """Return the projects in which somebody may operate."""
    return frozenset(projects(user, "operate").values_list("pk", flat=True))


def _trash_row(operation: Operation, operated: frozenset[int]) -> TrashRow:
    sums = vars(operation)
    return TrashRow(
        operation=operation,
        threads=sums["batch_total"],
        checkpoints=sums["checkpoint_total"],
        stored_bytes=sums["byte_total"],
        due_at=sums["first_due"],
        swept_soon=sums["seen_due"] is not None,
        operated=operation.source.project_id in operated,
    )


def _sources(user: User) -> QuerySet[Source]:
    agents = Agent.objects.filter(source=OuterRef("pk")).order_by().values("source")
    trash = TrashedBatch.objects.filter(IN_TRASH, operation__source=OuterRef("pk"))
    batches = trash.order_by().values("operation__source")

    def of(rows: Any, value: Any) -> Coalesce:
        return Coalesce(Subquery(rows.annotate(found=value).values("found")), 0)

    rows = visible(user, Source.objects.select_related("project"))
    return rows.annotate(
        agent_total=of(agents, Count("pk")),
        checkpoint_total=of(agents, Sum("checkpoint_count")),
        byte_total=of(agents, Sum("stored_bytes")),
        trash_bytes=of(batches, Sum("stored_bytes")),
        trash_due=Subquery(batches.annotate(due=Min("due_at")).values("due")),
    ).order_by("name", "pk")


def _source_of(policy: RetentionPolicy) -> int | None:
    """Return the source whose own policy one of its agents or threads does not follow."""
    agent = policy.thread.agent if policy.thread is not None else policy.agent
    return agent.source_id if agent is not None else None


def _row(source: Source, effective: Effective, nearer: int, operated: frozenset[int]) -> StoredRow:
    sums = vars(source)
    return StoredRow(
        source=source,
        agents=sums["agent_total"],
        checkpoints=sums["checkpoint_total"],
        stored_bytes=sums["byte_total"],
        trashed_bytes=sums["trash_bytes"],
        next_due_at=sums["trash_due"],
        effective=effective,
        overridden=nearer,
        operated=source.project_id in operated,
    )
