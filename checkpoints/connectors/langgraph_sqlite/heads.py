"""The head of a thread, with what a restore left in its metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checkpoints.connectors.langgraph_sqlite import bodies
from checkpoints.connectors.langgraph_sqlite.rows import CheckpointRow
from checkpoints.connectors.langgraph_sqlite.threads import Threads
from checkpoints.records import Directive, Head, Strategy

RESTORED_FROM = "restored_from"
OPERATION = "holdfast_operation_id"
REASON = "holdfast_reason"
DIRECTIVE = "holdfast_directive"


def head_of(row: CheckpointRow, threads: Threads) -> Head:
    """Describe a head. Its version is the number of checkpoints that the thread's root has."""
    metadata = bodies.decode_metadata(row)
    thread_id = row.key.thread_id
    moved_at = bodies.time_of_id(row.key.checkpoint_id) or bodies.UNKNOWN_TIME
    return Head(
        agent_id=threads.agent(thread_id),
        thread_id=thread_id,
        checkpoint_id=row.key.checkpoint_id,
        version=threads.roots(thread_id),
        moved_at=moved_at,
        operation_id=metadata.get(OPERATION),
        reason=metadata.get(REASON),
        directive=_directive(metadata.get(DIRECTIVE)),
    )


def _directive(value: Any) -> Directive | None:
    if not isinstance(value, Mapping) or value.get("strategy") not in tuple(Strategy):
        return None
    parameters = value.get("parameters")
    return Directive(
        strategy=Strategy(value["strategy"]),
        parameters=parameters if isinstance(parameters, Mapping) else {},
    )
