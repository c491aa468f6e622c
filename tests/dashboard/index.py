"""Rows of the index, made without a store, for tests of what is read from them."""

from __future__ import annotations

from datetime import datetime, timedelta

from dashboard.models import Agent, Checkpoint, Source, Thread


def make_thread(
    now: datetime, *, agent_id: str = "crawler-7", thread_id: str = "main", saves: int = 3
) -> Thread:
    """Make a thread whose ``saves`` checkpoints follow each other by a minute; head is the last."""
    source, _ = Source.objects.get_or_create(
        url="sqlite:////data/agents.db",
        defaults={"name": "agents", "kind": "sqlite", "created_at": now},
    )
    agent, _ = Agent.objects.get_or_create(
        source=source, agent_id=agent_id, defaults={"created_at": now, "last_checkpoint_at": now}
    )
    thread = Thread.objects.create(agent=agent, thread_id=thread_id, last_checkpoint_at=now)
    rows = save_rows(thread, now - timedelta(minutes=saves), saves)
    thread.head = rows[-1] if rows else None
    thread.save()
    return thread


def save_rows(
    thread: Thread, begin: datetime, count: int, *, parent_id: str = ""
) -> list[Checkpoint]:
    """Add ``count`` checkpoints, a minute apart, each the child of the one before."""
    rows = []
    for number in range(count):
        name = f"{thread.pk}-{begin:%d%H%M}-{number}"
        moment = begin + timedelta(minutes=number)
        rows.append(
            Checkpoint(
                thread=thread,
                checkpoint_id=name,
                parent_id=parent_id,
                step=number,
                created_at=moment,
                received_at=moment,
                stored_size=1000 + number,
            )
        )
        parent_id = name
    return Checkpoint.objects.bulk_create(rows, batch_size=5000)
