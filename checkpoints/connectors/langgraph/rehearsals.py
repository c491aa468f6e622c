"""Which checkpoints of a thread a rehearsal of a restore reads."""

from __future__ import annotations

from collections.abc import Iterator

from checkpoints.connectors.langgraph.exact import PrunableRows
from checkpoints.connectors.langgraph.needs import Needs
from checkpoints.connectors.langgraph.planning import Planner
from checkpoints.connectors.langgraph.rows import CheckpointRow, Key
from checkpoints.connectors.langgraph.skeleton import Skeleton
from checkpoints.errors import CorruptCheckpoint, PlanRefused


def read_whole(
    rows: PrunableRows, planner: Planner, row: CheckpointRow, skeleton: Skeleton
) -> set[Key]:
    """Return the checkpoints whose bodies and writes a rehearsal reads; of others names suffice.

    Raises CorruptCheckpoint where that cannot be told.
    """
    return {key for key in _read(rows, planner, row, skeleton) if key in skeleton.parents}


def _read(
    rows: PrunableRows, planner: Planner, row: CheckpointRow, skeleton: Skeleton
) -> Iterator[Key]:
    thread_id = row.key.thread_id
    states, _ = planner.subgraphs(row, frozenset(planner.lineage(row)[1:]))
    keys = [row.key, *(state.key for state in states)]
    try:
        yield from Needs(rows, thread_id, skeleton, subgraphs=False).of(keys)
    except PlanRefused as error:
        raise CorruptCheckpoint(str(error), checkpoint_id=row.key.checkpoint_id) from error
    others = (rows.head(thread_id), planner.last_save(thread_id))
    keys.extend(other.key for other in others if other)
    for key in keys:
        yield key
        parent = skeleton.parents.get(key)
        if parent:
            yield parent
