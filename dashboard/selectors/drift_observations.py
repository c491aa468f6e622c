"""From rows of the index to what a detector takes, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db.models import QuerySet

import checkpoints
from checkpoints.drift.episodes import Observation, ToolCall
from checkpoints.drift.metrics import observe
from checkpoints.drift.metrics.finite import number
from dashboard.models import AgentWatch, Checkpoint, Failure, MetricsPoint, StateMetrics

CHUNK: Final = 500
CHECKPOINT, POINT, FAILURE = range(3)
_COLUMNS: Final = (
    "pk",
    "thread_id",
    "thread__thread_id",
    "checkpoint_id",
    "parent_id",
    "run_id",
    "step",
    "step_name",
    "status",
    "created_at",
    "size",
    "stored_size",
    "metrics",
    "metadata",
    "damage",
)
_COPIES: Final = frozenset({"forked_from", "restored_from", "holdfast_operation_id"})
"""Marks of a checkpoint that an operation wrote: a copy of one that was looked at."""


class Ref(NamedTuple):
    """One row to look at; they sort by time, then by the order in which they came."""

    at: datetime
    kind: int
    pk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What an agent has that was not looked at, and the rows up to which that goes."""

    refs: list[Ref]
    checkpoints_upto: int
    points_upto: int
    failures_upto: int


def pending(watch: AgentWatch) -> Pending:
    """Return what came since the agent was last looked at, in three queries, in order of time.

    What was removed meanwhile is not looked at, nor what subgraphs wrote.
    """
    agent = watch.agent_id
    saved = Checkpoint.objects.filter(thread__agent=agent, pk__gt=watch.checkpoints_upto)
    points = MetricsPoint.objects.filter(thread__agent=agent, pk__gt=watch.points_upto)
    failures = Failure.objects.filter(thread__agent=agent, pk__gt=watch.failures_upto)
    new = list(saved.values_list("created_at", "pk", "removed_at", "namespace"))
    told, failed = list(points.values_list("at", "pk")), list(failures.values_list("at", "pk"))
    refs = [Ref(at, CHECKPOINT, pk) for at, pk, gone, inner in new if gone is None and not inner]
    refs += [Ref(at, POINT, pk) for at, pk in told]
    refs += [Ref(at, FAILURE, pk) for at, pk in failed]
    return Pending(
        refs=sorted(refs),
        checkpoints_upto=max((one[1] for one in new), default=watch.checkpoints_upto),
        points_upto=max((one[1] for one in told), default=watch.points_upto),
        failures_upto=max((one[1] for one in failed), default=watch.failures_upto),
    )


def recorded(watch: AgentWatch, *, limit: int) -> list[Ref]:
    """Return the last of what was looked at already, in order of time."""
    agent = watch.agent_id
    saved = Checkpoint.objects.filter(
        thread__agent=agent, pk__lte=watch.checkpoints_upto, removed_at=None, namespace=""
    )
    points = MetricsPoint.objects.filter(thread__agent=agent, pk__lte=watch.points_upto)
    failures = Failure.objects.filter(thread__agent=agent, pk__lte=watch.failures_upto)
    kinds = ((CHECKPOINT, saved, "created_at"), (POINT, points, "at"), (FAILURE, failures, "at"))
    refs = [ref for kind, rows, at in kinds for ref in _latest(kind, rows, at, limit)]
    return sorted(refs)[-limit:]


def _latest(kind: int, rows: QuerySet[Any], at: str, limit: int) -> list[Ref]:
    found = rows.order_by(f"-{at}", "-pk").values_list(at, "pk")[:limit]
    return [Ref(moment, kind, pk) for moment, pk in found]


def chunks(refs: Sequence[Ref], *, size: int = CHUNK) -> Iterator[list[tuple[Ref, Observation]]]:
    """Yield the observations of rows in their order, ``size`` at a time, five queries each time.

    Rows that went in between are left out.
    """
    for start in range(0, len(refs), size):
        some = refs[start : start + size]
        found = {
            **_of_checkpoints([one.pk for one in some if one.kind == CHECKPOINT]),
            **_of_points([one.pk for one in some if one.kind == POINT]),
            **_of_failures([one.pk for one in some if one.kind == FAILURE]),
        }
        yield [(ref, found[ref.kind, ref.pk]) for ref in some if (ref.kind, ref.pk) in found]


def _of_checkpoints(pks: Sequence[int]) -> dict[tuple[int, int], Observation]:
    rows = _rows(Checkpoint.objects.filter(pk__in=pks)) if pks else []
    parents = _parents(rows)
    states = {one.checkpoint_id: one for one in StateMetrics.objects.filter(checkpoint__in=pks)}
    found = {}
    for row in rows:
        before = parents.get((row["thread_id"], row["parent_id"]))
        if _COPIES.isdisjoint(row["metadata"]):
            told = observe(_record(row), before=_record(before) if before else None)
            found[CHECKPOINT, row["pk"]] = _with_state(told, states.get(row["pk"]))
    return found


def _rows(rows: QuerySet[Checkpoint]) -> list[dict[str, Any]]:
    return list(rows.values(*_COLUMNS))


def _parents(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[int, str], Mapping[str, Any]]:
    """Return what rows followed, by thread and id; what is not among them takes one query."""
    found: dict[tuple[int, str], Mapping[str, Any]] = {
        (row["thread_id"], row["checkpoint_id"]): row for row in rows
    }
    wanted = {(row["thread_id"], row["parent_id"]) for row in rows if row["parent_id"]}
    if missing := wanted - found.keys():
        more = Checkpoint.objects.filter(
            thread__in={thread for thread, _ in missing},
            checkpoint_id__in={name for _, name in missing},
            namespace="",
        )
        found.update({(row["thread_id"], row["checkpoint_id"]): row for row in _rows(more)})
    return found


def _record(row: Mapping[str, Any]) -> checkpoints.Checkpoint:
    return checkpoints.Checkpoint(
        id=row["checkpoint_id"],
        agent_id="",
        thread_id=row["thread__thread_id"],
        step=row["step"],
        created_at=row["created_at"],
        run_id=row["run_id"] or None,
        step_name=row["step_name"] or None,
        status=checkpoints.Status(row["status"]),
        size=row["size"],
        stored_size=row["stored_size"],
        metrics=row["metrics"],
        metadata=row["metadata"],
        damage=row["damage"] or None,
    )


def _with_state(told: Observation, read: StateMetrics | None) -> Observation:
    """Add what was read out of a checkpoint's state; what its record says counts for more."""
    if read is None:
        return told
    return Observation(
        at=told.at,
        thread_id=told.thread_id,
        checkpoint_id=told.checkpoint_id,
        step_name=told.step_name,
        metrics={**read.values, **told.metrics},
        failed=told.failed,
        state=read.shape,
        calls=[ToolCall(**call) for call in read.calls],
        damage=told.damage,
        deployment=told.deployment,
        run_id=told.run_id,
        rests=told.rests,
    )


def _of_points(pks: Sequence[int]) -> dict[tuple[int, int], Observation]:
    if not pks:
        return {}
    rows = MetricsPoint.objects.filter(pk__in=pks)
    found = rows.values_list("pk", "thread__thread_id", "at", "values")
    return {
        (POINT, pk): Observation(at=at, thread_id=thread, metrics=_numbers(values))
        for pk, thread, at, values in found
    }


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    told = ((name, number(value)) for name, value in values.items())
    return {name: value for name, value in told if value is not None}


def _of_failures(pks: Sequence[int]) -> dict[tuple[int, int], Observation]:
    if not pks:
        return {}
    rows = Failure.objects.filter(pk__in=pks)
    found = rows.values_list("pk", "thread__thread_id", "at", "step_name", "run_id")
    return {
        (FAILURE, pk): Observation(
            at=at, thread_id=thread, step_name=step or None, failed=True, run_id=run or None
        )
        for pk, thread, at, step, run in found
    }
