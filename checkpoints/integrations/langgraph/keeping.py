"""What a thread cannot do without, whoever deletes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from checkpoints.connectors.langgraph_native.places import Place, mark_id
from checkpoints.integrations.langgraph.deltas import Chains, Placed
from checkpoints.integrations.langgraph.graph_store import GraphStore, Standing
from checkpoints.records import Checkpoint, Status


def latest(
    graph: GraphStore, thread_id: str, placed: Sequence[Placed], standing: Standing | None
) -> list[Placed]:
    """Return, of each namespace, the checkpoint that it goes on from, else its newest.

    ``placed`` are the thread's checkpoints, newest first.
    """
    newest = {place.namespace: (place, record) for place, record in reversed(placed)}
    by_id = {record.id: (place, record) for place, record in placed}
    for namespace in newest:
        found = graph.current(thread_id, namespace, standing) if standing else None
        if found is not None and found.id in by_id:
            newest[namespace] = by_id[found.id]
    return list(newest.values())


def needed_by(
    graph: GraphStore,
    records: Iterable[Checkpoint],
    kept: Iterable[str],
    placed: Sequence[Placed],
    serde: Any,
) -> set[str]:
    """Return the ids of the records that those ``kept`` cannot do without.

    These are what their delta channels are built from, and what marks stand for. Raises
    CorruptCheckpoint where it cannot be told.
    """
    by_name = {place.name: (place, record) for place, record in placed}
    ids = set(kept)
    places = [place for record in records if record.id in ids and (place := Place.of(record))]
    meant = [by_name[place.name] for place in places if place.name in by_name]
    chains = Chains(graph.store, by_name, serde).needed_by(meant)
    return {record.id for _, record in meant} | chains


def marks_of(record_id: str) -> tuple[str, ...]:
    """Return the ids that the records marking a checkpoint have, if there are any."""
    return tuple(mark_id(record_id, status) for status in (Status.WAITING, Status.FAILED))
