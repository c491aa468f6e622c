"""Agents and threads of a batch: made, locked, counted and saved.

Agents are locked first and in order, so whatever touches the same agent at the same time waits
for the end of this transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

import checkpoints
from dashboard.models import Agent, Checkpoint, Source, Thread
from dashboard.services.ingest.statements import find, update

WORST_FIRST = (
    checkpoints.Status.FAILED,
    checkpoints.Status.STALLED,
    checkpoints.Status.WAITING,
    checkpoints.Status.INTERRUPTED,
    checkpoints.Status.RUNNING,
    checkpoints.Status.COMPLETED,
)
COUNTED = ("status", "last_checkpoint_at", "checkpoint_count", "stored_bytes")


def lock_threads(
    source: Source, names: Iterable[tuple[str, str]], *, now: datetime
) -> dict[tuple[str, str], Thread]:
    """Make the agents and threads that are not there yet, lock them, return threads by name."""
    wanted = set(names)
    agents = _lock_agents(source, {agent_id for agent_id, _ in wanted}, now)
    found = _threads(agents, wanted)
    missing = sorted(wanted - set(found))
    if not missing:
        return found
    Thread.objects.bulk_create(
        [Thread(agent=agents[agent_id], thread_id=thread_id) for agent_id, thread_id in missing]
    )
    return _threads(agents, wanted)


def _threads(
    agents: dict[str, Agent], wanted: Collection[tuple[str, str]]
) -> dict[tuple[str, str], Thread]:
    """Return threads by name; all of an agent share its object, so that its counters add up."""
    by_pk = {agent.pk: agent for agent in agents.values()}
    names = [(agents[agent_id].pk, thread_id) for agent_id, thread_id in wanted]
    rows = list(find(Thread, ("agent", "thread_id"), names))
    for row in rows:
        row.agent = by_pk[row.agent_id]
    return {(row.agent.agent_id, row.thread_id): row for row in rows}


def _lock_agents(source: Source, agent_ids: Collection[str], now: datetime) -> dict[str, Agent]:
    rows = Agent.objects.filter(source=source, agent_id__in=agent_ids).order_by("pk")
    found = {row.agent_id: row for row in rows.select_for_update()}
    missing = sorted(set(agent_ids) - set(found))
    if not missing:
        return found
    Agent.objects.bulk_create(
        [Agent(source=source, agent_id=agent_id, created_at=now) for agent_id in missing],
        ignore_conflicts=True,
    )
    return {row.agent_id: row for row in rows.all().select_for_update()}


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
    update(Thread, rows, (*COUNTED, "next_steps", "detail", "head", "head_version"))
    agents = {thread.agent.pk: thread.agent for thread in rows}
    worst = _worst(agents)
    for agent in agents.values():
        agent.status = worst.get(agent.pk, checkpoints.Status.UNKNOWN)
    update(Agent, agents.values(), COUNTED)


def _worst(agents: Collection[int]) -> dict[int, checkpoints.Status]:
    """Return the worst status of each agent's threads, by the agent's primary key."""
    present: dict[int, set[str]] = defaultdict(set)
    found = Thread.objects.filter(agent__in=agents).order_by().values_list("agent", "status")
    for agent_pk, status in found.distinct():
        present[int(agent_pk)].add(status)
    return {
        agent_pk: next((s for s in WORST_FIRST if s in statuses), checkpoints.Status.UNKNOWN)
        for agent_pk, statuses in present.items()
    }
