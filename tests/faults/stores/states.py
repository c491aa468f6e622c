"""States that two processes can make alike from a number, and what a store holds of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, cast

from checkpoints import Checkpoint, CheckpointNotFound, Draft, Store, open_store

AGENT = "agent-1"
MORNING = datetime(2026, 3, 1, 6, tzinfo=UTC)
UNACKNOWLEDGED = frozenset({"torn_journal", "unlisted_file"})
"""What a save may leave behind that ended before anybody was told that it is safe."""


def state_of(thread: str, number: int) -> dict[str, Any]:
    """Return the state that a thread saves as its ``number``th: mostly that of the one before."""
    first = number - number % 40
    return {
        "n": number,
        "log": [line(thread, n) for n in range(first, number + 1)],
        "raw": Random(f"{thread}/{number}").randbytes(number % 7 * 30),
        "pair": (number, thread),
        "plan": {"done": number % 2 == 0, "tags": {thread, f"run-{first}"}},
    }


def line(thread: str, number: int) -> dict[str, str]:
    """Return one message, the same whenever it is asked for."""
    random = Random(f"{thread}:{number}")
    return {"role": "tool", "content": random.randbytes(random.randrange(4, 40)).hex()}


def opened(url: str) -> Store:
    """Open a store that agents save into."""
    return cast(Store, open_store(url))


def draft_of(thread: str, number: int, *, parent: str | None, agent: str = AGENT) -> Draft:
    """Return a draft whose id tells its thread and number."""
    return Draft(
        id=f"{thread}-{number}",
        agent_id=agent,
        thread_id=thread,
        step=number,
        created_at=MORNING + timedelta(seconds=number),
        parent_id=parent,
    )


def save(store: Store, thread: str, number: int) -> Checkpoint:
    """Save a thread's ``number``th state onto its head."""
    head = store.head(AGENT, thread)
    parent = head.checkpoint_id if head else None
    given = draft_of(thread, number, parent=parent)
    return store.put(given, state_of(thread, number), expected_head=parent)


def save_several(store: Store, thread: str, numbers: Iterable[int]) -> list[str]:
    """Save some states of a thread; return their ids in their order."""
    return [save(store, thread, number).id for number in numbers]


@dataclass(frozen=True, slots=True)
class Found:
    """What lies in a thread: the number in each checkpoint's state, oldest first."""

    ids: tuple[str, ...]
    numbers: tuple[int, ...]
    head: int | None
    wrong: tuple[str, ...]


def found_in(store: Store, thread: str) -> Found:
    """Load all of a thread and hold it against what was saved."""
    known: dict[str, int] = {}
    wrong = []
    records = listed(store, thread)[::-1]
    for record in records:
        state = store.load(record)
        known[record.id] = state["n"]
        if state != state_of(thread, state["n"]) or record.step != state["n"]:
            wrong.append(f"{record.id} loads as something else")
    head = store.head(AGENT, thread)
    return Found(
        tuple(known),
        tuple(known.values()),
        known[head.checkpoint_id] if head else None,
        tuple(wrong),
    )


def listed(store: Store, thread: str) -> list[Checkpoint]:
    """Return a thread's records, newest first; none when there is no such thread."""
    try:
        return store.history(AGENT, thread)
    except CheckpointNotFound:
        return []


def findings_of(store: Store) -> list[str]:
    """Return what verify finds beside that which an unacknowledged save may leave."""
    return [f"{f.kind}: {f.message}" for f in store.verify() if f.kind not in UNACKNOWLEDGED]
