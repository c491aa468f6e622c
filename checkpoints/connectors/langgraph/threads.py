"""A thread as it stands now: its agent, its head, what it waits for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from checkpoints.connectors import inert, marks
from checkpoints.connectors.langgraph import bodies, progress
from checkpoints.connectors.langgraph.records import Material, agent_of, gather, record_of
from checkpoints.connectors.langgraph.rows import ROOT, LangGraphRows, WriteRow
from checkpoints.errors import CorruptCheckpoint
from checkpoints.records import Checkpoint, Status, Thread
from checkpoints.stores.heads import RESTORED

QUIET_AFTER = timedelta(minutes=5)
"""A run with steps left that has not written for this long is taken for stalled."""

_DETAIL_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Threads:
    """Reads the threads of a store; ``fallback_agent`` is for runs that name no agent."""

    rows: LangGraphRows
    fallback_agent: str

    def ids(self) -> list[str]:
        """Return the ids of all threads."""
        return self.rows.thread_ids()

    def agent(self, thread_id: str) -> str:
        """Return the agent of a thread: the one that its first run named.

        The first run decides, so that a thread keeps its agent however it is configured later.
        """
        first = self.rows.first(thread_id)
        named = agent_of(bodies.decode_metadata(first)) if first else None
        return named or self.fallback_agent

    def read(self, thread_id: str, now: datetime, *, agent_id: str | None = None) -> Thread:
        """Return a thread as it stands at ``now``; ``agent_id`` spares looking for its agent."""
        agent_id = agent_id or self.agent(thread_id)
        row = self.rows.head(thread_id)
        if row is None:
            return Thread(
                agent_id=agent_id,
                thread_id=thread_id,
                head_id=None,
                checkpoints=self.count(thread_id),
                updated_at=None,
            )
        material = gather(self.rows, row)
        record = record_of(material, agent_id)
        return Thread(
            agent_id=agent_id,
            thread_id=thread_id,
            head_id=record.id,
            checkpoints=self.count(thread_id),
            updated_at=record.created_at,
            status=_status(record, now),
            next_steps=record.next_steps,
            detail=self._detail(material, record),
        )

    def count(self, thread_id: str) -> int:
        """Return how many checkpoints a thread has in all namespaces."""
        return self.rows.count(thread_id)

    def roots(self, thread_id: str) -> int:
        """Return how many checkpoints a thread has outside subgraphs."""
        return self.rows.count(thread_id, ROOT)

    def questions(self, material: Material) -> list[str]:
        """Return what interrupts ask at a checkpoint, answered by now or not."""
        asked = (write for write in material.writes if write.channel == progress.INTERRUPT)
        return [self._text(write)[:_DETAIL_LENGTH] for write in asked]

    def _detail(self, material: Material, record: Checkpoint) -> str:
        if _waits_to_be_resumed(record):
            return RESTORED
        channel = {
            Status.FAILED: progress.ERROR,
            Status.WAITING: progress.INTERRUPT,
        }.get(record.status)
        writes = (write for write in material.writes if write.channel == channel)
        return "; ".join(self._text(write) for write in writes)[:_DETAIL_LENGTH]

    def _text(self, write: WriteRow) -> str:
        try:
            value = inert.decode_typed(write.type, self.rows.write_value(write))
        except CorruptCheckpoint as error:
            return str(error)
        return ", ".join(_plain_texts(value))


def _plain_texts(value: Any) -> Iterator[str]:
    """Yield what a person would want to read of an error or an interrupt."""
    if isinstance(value, dict) and inert.VALUE in value:
        yield from _plain_texts(value[inert.VALUE])
    elif isinstance(value, list):
        for item in value:
            yield from _plain_texts(item)
    elif isinstance(value, dict):
        yield ", ".join(f"{key}: {item}" for key, item in value.items())
    else:
        yield str(value)


def _waits_to_be_resumed(record: Checkpoint) -> bool:
    """Say whether a head is the copy that a restore wrote, on which no run has gone on yet."""
    return marks.OPERATION in record.metadata and record.status == Status.RUNNING


def _status(record: Checkpoint, now: datetime) -> Status:
    if _waits_to_be_resumed(record):
        return Status.INTERRUPTED
    quiet = now - record.created_at > QUIET_AFTER
    return Status.STALLED if record.status == Status.RUNNING and quiet else record.status
