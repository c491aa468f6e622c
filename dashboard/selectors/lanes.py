"""What the timeline draws: lanes with at most 2,000 marks, one by one or gathered in buckets.

Times are milliseconds since 1970 in UTC, sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import QuerySet

from dashboard.models import (
    Checkpoint,
    DriftAlert,
    Operation,
    OperationState,
    OperationStep,
    Thread,
    User,
)
from dashboard.selectors.branches import MAIN, Node, lay_out
from dashboard.selectors.buckets import Bucket, extent, gather, milliseconds
from dashboard.selectors.drift_rows import alerts_on
from dashboard.selectors.operations import LARGE, LARGE_OF_UNDONE
from dashboard.selectors.timelines import find_thread

MOST_MARKS = 2000
MOST_THREADS = 8
MOST_OPERATIONS = 50
MOST_ALERTS = 50
KINDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A horizontal line: a thread (branch 0), or a branch of one."""

    thread: Thread
    branch: int = MAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One checkpoint on a lane."""

    lane: int
    row: Checkpoint
    parent_pk: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heap:
    """Many checkpoints on a lane, gathered."""

    lane: int
    bucket: Bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What is drawn between two moments: marks one by one, or heaps of them."""

    since: int
    until: int
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...] = ()
    heaps: tuple[Heap, ...] = ()
    operations: tuple[tuple[int, Operation], ...] = field(default=())
    alerts: tuple[tuple[int, DriftAlert], ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of time; an open end reaches as far as there are checkpoints."""

    since: datetime | None = None
    until: datetime | None = None


def drawing(
    *, user: User, agent_pk: int, thread_pk: int, span: Span, siblings: bool = False
) -> Drawing:
    """Draw a thread with its branches, and on wish its agent's latest other threads.

    A constant number of queries. Raises NotFound.
    """
    thread = find_thread(user=user, agent_pk=agent_pk, thread_pk=thread_pk)
    threads = (thread, *(_siblings(thread) if siblings else ()))
    rows = _within(Checkpoint.objects.filter(thread__in=threads), span)
    newest = rows.order_by("-created_at", "-pk").defer("metadata", "metrics")[: MOST_MARKS + 1]
    found = tuple(newest)
    if len(found) > MOST_MARKS:
        return _gathered(threads, rows, span)
    return _one_by_one(threads, found, span)


def _siblings(thread: Thread) -> tuple[Thread, ...]:
    rows = Thread.objects.filter(agent=thread.agent_id).exclude(pk=thread.pk)
    latest = rows.select_related("head").order_by("-last_checkpoint_at", "-pk")
    return tuple(latest[: MOST_THREADS - 1])


def _within(rows: QuerySet[Checkpoint], span: Span) -> QuerySet[Checkpoint]:
    if span.since:
        rows = rows.filter(created_at__gte=span.since)
    return rows.filter(created_at__lt=span.until) if span.until else rows


def _one_by_one(threads: Sequence[Thread], rows: Sequence[Checkpoint], span: Span) -> Drawing:
    lanes: list[Lane] = []
    marks: list[Mark] = []
    for thread in threads:
        own = [row for row in rows if row.thread_id == thread.pk]
        marks += _thread_marks(thread, own, len(lanes))
        used = max((mark.lane for mark in marks), default=0)
        branches = range(max(1, used - len(lanes) + 1))
        lanes += [Lane(thread=thread, branch=branch) for branch in branches]
    moments = [milliseconds(row.created_at) for row in rows]
    since, until = _bounds(span, (min(moments), max(moments)) if moments else None)
    operations = _operations(threads, lanes, since)
    return Drawing(
        since=since,
        until=_reaching(operations, until, span),
        lanes=tuple(lanes),
        marks=tuple(sorted(marks, key=lambda mark: mark.row.created_at)),
        operations=operations,
        alerts=_alerts(threads, lanes, since),
    )


def _thread_marks(thread: Thread, rows: Sequence[Checkpoint], first_lane: int) -> list[Mark]:
    head_id = thread.head.checkpoint_id if thread.head else None
    places = lay_out([_node(row) for row in rows], head_id=head_id)
    known = {row.checkpoint_id: row.pk for row in rows}
    return [
        Mark(
            lane=first_lane + places[row.checkpoint_id],
            row=row,
            parent_pk=known.get(row.parent_id),
        )
        for row in rows
    ]


def _node(row: Checkpoint) -> Node:
    moment = row.created_at.timestamp()
    return Node(row.checkpoint_id, row.parent_id, moment, row.namespace)


def _gathered(threads: Sequence[Thread], rows: QuerySet[Checkpoint], span: Span) -> Drawing:
    since, until = _bounds(span, extent(rows))
    per_kind = MOST_MARKS // (KINDS * len(threads))
    lane_of = {thread.pk: lane for lane, thread in enumerate(threads)}
    lanes = tuple(Lane(thread=thread) for thread in threads)
    found = gather(rows, since=since, until=until, buckets=per_kind)
    operations = _operations(threads, lanes, since)
    return Drawing(
        since=since,
        until=_reaching(operations, until, span),
        lanes=lanes,
        heaps=tuple(Heap(lane=lane_of[bucket.thread_pk], bucket=bucket) for bucket in found),
        marks=tuple(_heads(threads, since, until)),
        operations=operations,
        alerts=_alerts(threads, lanes, since),
    )


def _reaching(operations: Sequence[tuple[int, Operation]], until: int, span: Span) -> int:
    """Return an end behind the last operation, unless the stretch of time was chosen."""
    if span.until:
        return until
    return max([until, *(_moment(operation) for _, operation in operations)])


def _moment(operation: Operation) -> int:
    return milliseconds(operation.finished_at or operation.created_at)


def _heads(threads: Sequence[Thread], since: int, until: int) -> list[Mark]:
    return [
        Mark(lane=lane, row=thread.head, parent_pk=None)
        for lane, thread in enumerate(threads)
        if thread.head and since <= milliseconds(thread.head.created_at) <= until
    ]


def _bounds(span: Span, found: tuple[int, int] | None) -> tuple[int, int]:
    first, last = found or (0, 0)
    since = milliseconds(span.since) if span.since else first
    until = milliseconds(span.until) if span.until else last
    return since, max(since, until)


def _operations(
    threads: Sequence[Thread], lanes: Sequence[Lane], since: int
) -> tuple[tuple[int, Operation], ...]:
    """Return the latest operations on the lanes, also those that reach over several threads."""
    first = _first_lanes(lanes)
    found = sorted(
        (*_on_one(threads), *_on_several(threads)), key=lambda one: one[1].created_at, reverse=True
    )
    return tuple(
        (first[thread_pk], operation)
        for thread_pk, operation in found[:MOST_OPERATIONS]
        if since <= _moment(operation)
    )


def _alerts(
    threads: Sequence[Thread], lanes: Sequence[Lane], since: int
) -> tuple[tuple[int, DriftAlert], ...]:
    first = _first_lanes(lanes)
    return tuple(
        (first[alert.thread_id], alert)
        for alert in alerts_on(threads, most=MOST_ALERTS)
        if alert.thread_id is not None and since <= milliseconds(alert.onset_at)
    )


def _first_lanes(lanes: Sequence[Lane]) -> dict[int, int]:
    """Return the lane of each thread, not those of its branches."""
    return {lane.thread.pk: at for at, lane in reversed(list(enumerate(lanes)))}


def _on_one(threads: Sequence[Thread]) -> Iterator[tuple[int, Operation]]:
    rows = Operation.objects.filter(thread__in=threads).exclude(state=OperationState.DRAFT)
    small = rows.defer(*LARGE).select_related("undo_of").defer(*LARGE_OF_UNDONE)
    for operation in small.order_by("-created_at", "-pk")[:MOST_OPERATIONS]:
        if operation.thread_id is not None:
            yield operation.thread_id, operation


def _on_several(threads: Sequence[Thread]) -> Iterator[tuple[int, Operation]]:
    steps = OperationStep.objects.filter(thread__in=threads, operation__thread=None)
    steps = steps.select_related("operation__undo_of")
    large = [f"operation__{name}" for name in (*LARGE, *LARGE_OF_UNDONE)]
    newest = steps.defer("result", "written_ids", *large).order_by("-operation__created_at")
    for step in newest[:MOST_OPERATIONS]:
        if step.thread_id is not None:
            yield step.thread_id, step.operation
