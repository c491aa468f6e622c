"""What takes the space: agents, threads or fields, the largest first, and how they grew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db.models import Count, Min, OuterRef, Q, QuerySet, Subquery, Sum

from dashboard.models import AgentSample, FieldSample, Grain, ThreadSample, ThreadStorage
from dashboard.selectors.storage_prunes import PruneOffer, Pruners, offer_of
from dashboard.selectors.storage_scopes import Scope

Eater = Literal["agents", "threads", "fields"]
EATERS: tuple[Eater, ...] = ("agents", "threads", "fields")
ROWS = 30
GROWN_IN = timedelta(days=7)
NEAR = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One of those that take the space.

    ``share`` is in percent of all that is looked at. ``grown`` is in bytes within a week, None
    where it is not known. ``freed_bytes`` is what its policy would free, ``offer`` the prune that
    would free it. ``query`` leads into it.
    """

    name: str
    under: str
    size: int
    stored_bytes: int | None
    share: float
    grown: int | None
    checkpoints: int
    freed_bytes: int | None
    trouble: str = ""
    query: str = ""
    agent_pk: int | None = None
    offer: PruneOffer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """The largest rows. ``whole`` is what the shares are of; fields are counted uncompressed."""

    eater: Eater
    eaters: tuple[Eater, ...]
    rows: tuple[Row, ...]
    whole: int
    measured_at: datetime | None = None
    offer: PruneOffer | None = None


def eaters_of(scope: Scope) -> tuple[Eater, ...]:
    """Return what a scope can be broken down by."""
    if scope.level == "thread":
        return ("fields",)
    return ("threads", "fields") if scope.level == "agent" else EATERS


def breakdown(*, scope: Scope, eater: str, whole: int, now: datetime) -> Breakdown:
    """Return what takes the space of a scope, in at most three queries.

    ``whole`` is what the scope holds. What it cannot be broken down by is as if nothing was asked.
    """
    eaters = eaters_of(scope)
    chosen: Eater = next((one for one in eaters if one == eater), eaters[0])
    if chosen == "fields":
        return _fields(scope, eaters, now)
    pruners = Pruners.of(scope)
    rows_of = _agents if chosen == "agents" else _threads
    return Breakdown(
        eater=chosen,
        eaters=eaters,
        rows=tuple(rows_of(scope, whole, now, pruners)),
        whole=whole,
        offer=offer_of(scope, pruners),
    )


def _agents(scope: Scope, whole: int, now: datetime, pruners: Pruners) -> Iterable[Row]:
    planned = ThreadStorage.objects.filter(thread__agent=OuterRef("pk")).order_by()
    freed = planned.values("thread__agent").annotate(found=Sum("freed_bytes")).values("found")
    then = now - GROWN_IN
    before = AgentSample.objects.filter(
        agent=OuterRef("pk"), grain=Grain.DAY, sampled_at__lte=then, sampled_at__gte=then - NEAR
    )
    rows = (
        scope.agents()
        .select_related("source")
        .annotate(freed=Subquery(freed), before=_last(before))
    )
    for agent in rows.order_by("-stored_bytes", "pk")[:ROWS]:
        found = vars(agent)
        yield Row(
            name=agent.agent_id,
            under=agent.source.name,
            size=agent.stored_bytes,
            stored_bytes=agent.stored_bytes,
            share=_percent(agent.stored_bytes, whole),
            grown=_grown(agent.stored_bytes, found["before"]),
            checkpoints=agent.checkpoint_count,
            freed_bytes=found["freed"],
            query=f"agent={agent.pk}",
            agent_pk=agent.pk,
            offer=pruners.offer("agent", agent, agent.source, found["freed"]),
        )


def _threads(scope: Scope, whole: int, now: datetime, pruners: Pruners) -> Iterable[Row]:
    then = now - GROWN_IN
    before = ThreadSample.objects.filter(thread=OuterRef("pk"), sampled_at__lte=then)
    rows = scope.threads().select_related("agent__source", "storage").annotate(before=_last(before))
    for thread in rows.order_by("-stored_bytes", "pk")[:ROWS]:
        storage = getattr(thread, "storage", None)
        freed = storage.freed_bytes if storage is not None else None
        yield Row(
            name=thread.thread_id,
            under=f"{thread.agent.agent_id} · {thread.agent.source.name}",
            size=thread.stored_bytes,
            stored_bytes=thread.stored_bytes,
            share=_percent(thread.stored_bytes, whole),
            grown=_grown(thread.stored_bytes, vars(thread)["before"]),
            checkpoints=thread.checkpoint_count,
            freed_bytes=freed,
            trouble=(storage.message or storage.plan_message) if storage is not None else "",
            query=f"thread={thread.pk}",
            agent_pk=thread.agent_id,
            offer=pruners.offer("thread", thread, thread.agent.source, freed),
        )


def _fields(scope: Scope, eaters: tuple[Eater, ...], now: datetime) -> Breakdown:
    """Sum the last measure of each thread; growth is against what was measured a week ago."""
    rows = FieldSample.objects.filter(thread__in=scope.threads())
    latest = rows.filter(replaced_at=None)
    then = now - GROWN_IN
    lasted = Q(sampled_at__lte=then) & (Q(replaced_at=None) | Q(replaced_at__gt=then))
    before = _sums(rows.filter(lasted))
    held = _sums(latest)
    sums = {(row["field"], row["written_by"]): row["total"] for row in before}
    whole = sum(row["total"] for row in held)
    return Breakdown(
        eater="fields",
        eaters=eaters,
        rows=tuple(_field(row, sums, whole) for row in held[:ROWS]),
        whole=whole,
        measured_at=min((row["measured"] for row in held), default=None),
    )


def _sums(rows: QuerySet[FieldSample]) -> list[Any]:
    """Sum fields over threads; stored bytes are known where each thread tells them."""
    grouped = rows.values("field", "written_by").annotate(
        total=Sum("size"),
        stored=Sum("stored_size"),
        untold=Count("pk", filter=Q(stored_size=None)),
        count=Sum("checkpoint_count"),
        measured=Min("sampled_at"),
    )
    return list(grouped.order_by("-total", "field", "written_by"))


def _field(row: Any, before: dict[tuple[str, str], int], whole: int) -> Row:
    then = before.get((row["field"], row["written_by"]))
    return Row(
        name=row["field"],
        under=f"written by {row['written_by']}" if row["written_by"] else "",
        size=row["total"],
        stored_bytes=None if row["untold"] else row["stored"],
        share=_percent(row["total"], whole),
        grown=_grown(row["total"], then),
        checkpoints=row["count"],
        freed_bytes=None,
    )


def _last(samples: QuerySet[Any]) -> Subquery:
    return Subquery(samples.order_by("-sampled_at").values("stored_bytes")[:1])


def _percent(size: int, whole: int) -> float:
    return 100 * size / whole if whole else 0.0


def _grown(size: int, before: int | None) -> int | None:
    return size - before if before is not None else None
