"""The head of a thread, with what a restore left in its metadata."""

from __future__ import annotations

from checkpoints.connectors import marks
from checkpoints.connectors.langgraph import bodies
from checkpoints.connectors.langgraph.rows import CheckpointRow
from checkpoints.connectors.langgraph.threads import Threads
from checkpoints.records import Head


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
        operation_id=marks.text_in(metadata, marks.OPERATION),
        reason=marks.text_in(metadata, marks.REASON),
        directive=marks.directive_in(metadata),
    )
