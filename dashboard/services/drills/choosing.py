"""Which checkpoints of an agent a drill takes, by the index and as the store has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from django.db.models import F, QuerySet

import checkpoints
from checkpoints.drills import positions
from dashboard.models import Agent, Checkpoint, Drill
from dashboard.selectors.recovery_points import clean


def chosen(drill: Drill, agent: Agent) -> list[Checkpoint]:
    """Return the rows to rehearse: the latest head, the newest clean one, others of all ages."""
    rows = Checkpoint.objects.filter(thread__agent=agent, namespace="", removed_at=None)
    rows = rows.select_related("thread").order_by("-created_at", "-pk")
    found = {row.pk: row for row in _always(rows)}
    count = drill.per_agent
    firsts = list(found.values())[:count]
    return firsts + list(_others(rows.exclude(pk__in=found), count - len(firsts), drill, agent))


def as_listed(store: checkpoints.ReadableStore, row: Checkpoint) -> checkpoints.Checkpoint:
    """Return a record as the store has it, held fast by the digest that the index has.

    One that the store does not give is returned as the index knows it.
    """
    record = _by_index(row)
    with suppress(checkpoints.CheckpointError):
        record = store.get(row.checkpoint_id, thread_id=row.thread.thread_id)
    return replace(record, sha256=row.sha256 or record.sha256)


def _always(rows: QuerySet[Checkpoint]) -> Iterator[Checkpoint]:
    heads = rows.filter(pk=F("thread__head")).order_by("-thread__last_checkpoint_at", "-pk")
    for first in (heads.first(), rows.filter(clean()).first()):
        if first is not None:
            yield first


def _others(
    rows: QuerySet[Checkpoint], count: int, drill: Drill, agent: Agent
) -> Iterator[Checkpoint]:
    if count <= 0:
        return
    for place in positions(rows.count(), count=count, seed=f"{drill.pk}-{agent.pk}"):
        yield from rows[place : place + 1]


def _by_index(row: Checkpoint) -> checkpoints.Checkpoint:
    return checkpoints.Checkpoint(
        id=row.checkpoint_id,
        agent_id=row.thread.agent.agent_id,
        thread_id=row.thread.thread_id,
        step=row.step,
        created_at=row.created_at,
        stored_size=row.stored_size,
        sha256=row.sha256 or None,
    )
