"""Small checkpoints for tests, and a clock that they can move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from checkpoints.records import Checkpoint, Draft, JournalEntry
from checkpoints.stores.base import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class FakeClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **parts: float) -> datetime:
        """Move the clock, by the arguments of ``timedelta``, and return the time."""
        self.now += timedelta(**parts)
        return self.now


def draft(number: int, *, parent: str | None = None, **values: Any) -> Draft:
    """Return the draft of a small checkpoint, one minute after the one before it."""
    fields: dict[str, Any] = {
        "id": f"c{number}",
        "agent_id": "agent-1",
        "thread_id": "main",
        "step": number,
        "created_at": NOON + timedelta(minutes=number),
        "parent_id": parent,
    }
    return Draft(**{**fields, **values})


def entry(key: str, **values: Any) -> JournalEntry:
    """Return a journal entry of the usual thread: an effect at noon."""
    fields: dict[str, Any] = {
        "agent_id": "agent-1",
        "thread_id": "main",
        "kind": "effect",
        "key": key,
        "recorded_at": NOON,
    }
    return JournalEntry(**{**fields, **values})


def save_chain(store: Store, count: int, **values: Any) -> list[Checkpoint]:
    """Save ``count`` checkpoints, each the child of the one before; return them oldest first."""
    saved: list[Checkpoint] = []
    for number in range(1, count + 1):
        parent = saved[-1].id if saved else None
        state = {"step": number, "log": list(range(number))}
        saved.append(store.put(draft(number, parent=parent, **values), state, expected_head=parent))
    return saved
