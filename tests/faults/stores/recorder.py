"""A process that records pairs of entries and saves batches, and tells what it was told is safe.

``python -m tests.faults.stores.recorder URL``; each line is ``record n`` or ``batch n``, written
in one call after the store returned.
"""

from __future__ import annotations

import os
import sys
import threading
from datetime import UTC, datetime

from checkpoints import Draft, JournalEntry, Store
from tests.faults.stores.states import AGENT, opened

RECORDING, SAVING = "recording", "saving"
BATCH = 5


def record_for_ever(store: Store) -> None:
    """Record two entries at once, again and again."""
    number = len(store.entries(AGENT, RECORDING, kind="left"))
    while True:
        number += 1
        store.record([entry(kind, number) for kind in ("left", "right")])
        os.write(1, f"record {number}\n".encode())


def save_for_ever(store: Store) -> None:
    """Save some checkpoints at once, again and again."""
    head = store.head(AGENT, SAVING)
    number = int(head.checkpoint_id.removeprefix("c")) if head else 0
    while True:
        drafts = [(draft(n), {"n": n, "log": list(range(n % 50))}) for n in following(number)]
        store.put_many(drafts, expected_head=f"c{number}" if number else None)
        number += BATCH
        os.write(1, f"batch {number}\n".encode())


def following(number: int) -> range:
    """Return the numbers of the batch that follows a checkpoint."""
    return range(number + 1, number + 1 + BATCH)


def entry(kind: str, number: int) -> JournalEntry:
    """Return one of the two entries of a number."""
    return JournalEntry(
        agent_id=AGENT,
        thread_id=RECORDING,
        kind=kind,
        key=f"{number:06}",
        recorded_at=datetime.now(UTC),
        data={"n": number, "pair": (number, b"x" * 500)},
    )


def draft(number: int) -> Draft:
    """Return the draft of a number."""
    return Draft(
        id=f"c{number}",
        agent_id=AGENT,
        thread_id=SAVING,
        step=number,
        created_at=datetime.now(UTC),
        parent_id=f"c{number - 1}" if number > 1 else None,
    )


def main(url: str) -> None:
    """Do both at once, until the process is killed."""
    store = opened(url)
    os.write(1, b"ready\n")
    threading.Thread(target=record_for_ever, args=(store,)).start()
    save_for_ever(store)


if __name__ == "__main__":
    main(sys.argv[1])
