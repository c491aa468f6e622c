"""A process that saves onto a given head when it is told to.

``python -m tests.faults.stores.racer NAME URL`` reads ``round head monotonic-time`` a line,
waits for that moment, and answers ``won``, ``moved`` or the error.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

from checkpoints import CheckpointError, HeadMoved, Store
from tests.faults.stores.states import draft_of, opened, state_of

THREAD = "main"
NOTHING = "-"


def race(store: Store, name: str, number: int, head: str | None) -> str:
    """Save onto the head unless somebody was faster."""
    given = replace(draft_of(name, number, parent=head), thread_id=THREAD)
    try:
        store.put(given, state_of(name, number), expected_head=head)
    except HeadMoved as error:
        return "moved" if error.expected == head != error.actual else f"moved oddly: {error}"
    except CheckpointError as error:
        return f"{type(error).__name__}: {error}"
    return "won"


def main(name: str, url: str) -> None:
    """Answer each line."""
    store = opened(url)
    print("ready", flush=True)
    for text in sys.stdin:
        number, head, moment = text.split()
        while time.monotonic() < float(moment):
            pass
        result = race(store, name, int(number), None if head == NOTHING else head)
        print(result.replace("\n", " "), flush=True)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
