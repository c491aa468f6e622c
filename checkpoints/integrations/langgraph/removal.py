"""Deleting for good, with what delta channels need left in its place."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from checkpoints.connectors.langgraph_native.places import places_of
from checkpoints.errors import CorruptCheckpoint
from checkpoints.integrations.langgraph.keeping import latest, marks_of, needed_by
from checkpoints.integrations.langgraph.resuming import settled
from checkpoints.records import Checkpoint

if TYPE_CHECKING:
    from checkpoints.integrations.langgraph.saving import Threads

logger = logging.getLogger("checkpoints")


def delete_thread(threads: Threads, thread_id: str, _serde: Any, now: datetime) -> None:
    """Delete a thread with everything in it; one that is not there is no error.

    Raises PlanRefused for a thread that LangGraph did not save.
    """
    graph = threads.graph
    with suppress(CorruptCheckpoint):
        graph.standing(thread_id)
    graph.store.erase(graph.agent_id, thread_id, now=now)
    threads.forget(thread_id)


def keep_latest(threads: Threads, thread_id: str, serde: Any, now: datetime) -> None:
    """Delete what neither a namespace's latest checkpoint, the head nor a pinned one needs."""
    graph = threads.graph
    standing = settled(graph, threads.journal, thread_id, serde, now)
    records = graph.history(thread_id)
    placed = places_of(records)
    kept = {record.id for _, record in latest(graph, thread_id, placed, standing)}
    kept |= {pin.checkpoint_id for pin in graph.store.pins()}
    kept |= {standing.record_id} if standing else set()
    _erase(threads, thread_id, records, kept | _needed(threads, records, kept, serde), now)


STRATEGIES: Final[Mapping[str, Callable[[Threads, str, Any, datetime], None]]] = {
    "keep_latest": keep_latest,
    "delete": delete_thread,
}


def delete_for_runs(threads: Threads, run_ids: Sequence[str], serde: Any, now: datetime) -> None:
    """Delete the checkpoints of runs, but for those that other runs' checkpoints need."""
    going = set(run_ids)
    for thread_id in threads.graph.thread_ids() if going else ():
        settled(threads.graph, threads.journal, thread_id, serde, now)
        records = threads.graph.history(thread_id)
        kept = {record.id for record in records if record.run_id not in going}
        if len(kept) == len(records):
            continue
        needed = _needed(threads, records, kept, serde) - kept
        if needed:
            logger.warning(
                "%d checkpoints of thread %r stay, for other runs are built from them: %s",
                len(needed),
                thread_id,
                ", ".join(sorted(needed)),
            )
        else:
            threads.journal.forget_runs(thread_id, going)
        _erase(threads, thread_id, records, kept | needed, now)


def _needed(
    threads: Threads, records: Sequence[Checkpoint], kept: Iterable[str], serde: Any
) -> set[str]:
    return needed_by(threads.graph, records, kept, places_of(records), serde)


def _erase(
    threads: Threads,
    thread_id: str,
    records: Iterable[Checkpoint],
    kept: set[str],
    now: datetime,
) -> None:
    """Erase records but those kept and the marks of these."""
    graph = threads.graph
    marks = {mark for name in kept for mark in marks_of(name)}
    going = [record.id for record in records if record.id not in kept | marks]
    if going:
        graph.store.erase(graph.agent_id, thread_id, going, now=now)
    threads.forget(thread_id)
