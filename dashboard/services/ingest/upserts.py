"""The one way into the index: rows, counters and heads in the caller's transaction.

Agents are locked first and in order, so whatever touches the same agent at the same time waits,
and a row that is not there is not about to be made by somebody else. Doing it again with the same
records changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import checkpoints
from dashboard.models import Agent, Checkpoint, Source, Thread
from dashboard.services.ingest.rows import same_content, to_row

Key = tuple[int, str, str]
"""What names a row: the thread's primary key, the namespace, the checkpoint's id."""

WORST_FIRST = (
    checkpoints.Status.FAILED,
    checkpoints.Status.STALLED,
    checkpoints.Status.WAITING,
    checkpoints.Status.INTERRUPTED,
    checkpoints.Status.RUNNING,
    checkpoints.Status.COMPLETED,
)


class ContentConflict(Exception):
    """A checkpoint came again under the same id with another content; nothing was stored."""

    def __init__(self, checkpoint_id: str) -> None:
        super().__init__(
            f"Checkpoint {checkpoint_id!r} is known with another content (sha256), so nothing was "
            "stored. Checkpoints never change: save what is new under a new id."
        )
        self.checkpoint_id = checkpoint_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What came of it. ``rows`` are the primary keys in the order of the records."""

    created: int
    duplicates: int
    rows: tuple[int, ...] = ()
    agents: tuple[int, ...] = ()
    threads: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Upserted:
    """Rows of one batch: made now, there before (with what came), there with another content."""

    threads: dict[tuple[str, str], Thread]
    created: list[Checkpoint] = field(default_factory=list)
    known: list[tuple[Checkpoint, Checkpoint]] = field(default_factory=list)
    conflicts: list[tuple[Checkpoint, Checkpoint]] = field(default_factory=list)


def lock_threads(
    source: Source, names: Iterable[tuple[str, str]], *, now: datetime
) -> dict[tuple[str, str], Thread]:
    """Make the agents and threads that are not there yet, lock them, return threads by name."""
    wanted = sorted(set(names))
    agents = _lock_agents(source, sorted({agent_id for agent_id, _ in wanted}), now)
    Thread.objects.bulk_create(
        [Thread(agent=agents[agent_id], thread_id=thread_id) for agent_id, thread_id in wanted],
        ignore_conflicts=True,
    )
    by_pk = {agent.pk: agent for agent in agents.values()}
    rows = Thread.objects.filter(
        agent__in=by_pk, thread_id__in={thread_id for _, thread_id in wanted}
    )
    return {_share_agent(row, by_pk): row for row in rows}


def _share_agent(thread: Thread, agents: dict[int, Agent]) -> tuple[str, str]:
    """Give all threads of an agent the same object, so that its counters add up."""
    thread.agent = agents[thread.agent_id]
    return thread.agent.agent_id, thread.thread_id


def _lock_agents(source: Source, agent_ids: Sequence[str], now: datetime) -> dict[str, Agent]:
    Agent.objects.bulk_create(
        [Agent(source=source, agent_id=agent_id, created_at=now) for agent_id in agent_ids],
        ignore_conflicts=True,
    )
    rows = Agent.objects.filter(source=source, agent_id__in=agent_ids)
    return {row.agent_id: row for row in rows.order_by("pk").select_for_update()}


def upsert(
    threads: dict[tuple[str, str], Thread],
    records: Sequence[checkpoints.Checkpoint],
    *,
    now: datetime,
) -> Upserted:
    """Insert the records that are new; compare the others. The threads must be locked."""
    result = Upserted(threads=threads)
    incoming: dict[Key, Checkpoint] = {}
    for record in records:
        thread = threads[record.agent_id, record.thread_id]
        row = to_row(record, thread_pk=thread.pk, now=now)
        first = incoming.setdefault(_key(row), row)
        if same_content(first, row):
            incoming[_key(row)] = row
        else:
            result.conflicts.append((first, row))
    known = _known(incoming)
    for key, row in incoming.items():
        _sort_in(result, known.get(key), row)
    Checkpoint.objects.bulk_create(result.created)
    return result


def _sort_in(result: Upserted, known: Checkpoint | None, row: Checkpoint) -> None:
    if known is None:
        result.created.append(row)
    elif same_content(known, row):
        result.known.append((known, row))
    else:
        result.conflicts.append((known, row))


def _known(incoming: dict[Key, Checkpoint]) -> dict[Key, Checkpoint]:
    by_thread: dict[int, list[str]] = defaultdict(list)
    for thread_pk, _, checkpoint_id in incoming:
        by_thread[thread_pk].append(checkpoint_id)
    rows = Checkpoint.objects.filter(
        thread__in=by_thread, checkpoint_id__in={key[2] for key in incoming}
    )
    return {_key(row): row for row in rows}


def _key(row: Checkpoint) -> Key:
    return row.thread_id, row.namespace, row.checkpoint_id


def count_in(thread: Thread, rows: Iterable[Checkpoint]) -> None:
    """Add rows to the counters of their thread and its agent. Saves neither."""
    for row in rows:
        _add(thread, rows=1, stored=row.stored_size or 0)
        for counted in (thread, thread.agent):
            latest = counted.last_checkpoint_at or row.created_at
            counted.last_checkpoint_at = max(latest, row.created_at)


def count_out(thread: Thread, rows: Iterable[Checkpoint]) -> None:
    """Take rows out of the counters of their thread and its agent. Saves neither."""
    for row in rows:
        _add(thread, rows=-1, stored=-(row.stored_size or 0))


def _add(thread: Thread, *, rows: int, stored: int) -> None:
    for counted in (thread, thread.agent):
        counted.checkpoint_count = max(0, counted.checkpoint_count + rows)
        counted.stored_bytes = max(0, counted.stored_bytes + stored)


def save_threads(threads: Iterable[Thread]) -> None:
    """Save threads with their agents, whose status is that of their worst thread."""
    rows = list(threads)
    Thread.objects.bulk_update(
        rows,
        [
            "status",
            "next_steps",
            "detail",
            "head",
            "head_version",
            "last_checkpoint_at",
            "checkpoint_count",
            "stored_bytes",
        ],
    )
    agents = {row.agent.pk: row.agent for row in rows}
    for agent in agents.values():
        agent.status = _worst(agent)
    Agent.objects.bulk_update(
        agents.values(), ["status", "last_checkpoint_at", "checkpoint_count", "stored_bytes"]
    )


def _worst(agent: Agent) -> checkpoints.Status:
    present = set(agent.threads.order_by().values_list("status", flat=True).distinct())
    return next((s for s in WORST_FIRST if s in present), checkpoints.Status.UNKNOWN)
