"""A process that saves as fast as it can and tells on a pipe what it was told is safe.

``python -m tests.faults.stores.saver URL``; each line is ``thread number id``, written in one
call after ``create_checkpoint`` returned. Three threads share a store, a fourth has its own.
"""

from __future__ import annotations

import os
import sys
import threading

from checkpoints import CheckpointManager, Store
from tests.faults.stores.states import AGENT, opened, state_of

THREADS = ("t0", "t1", "t2", "t3")


def save_for_ever(store: Store, thread: str) -> None:
    """Go on from the head of a thread, until the process is killed."""
    manager = CheckpointManager(AGENT, store=store, thread=thread)
    state = manager.resume() or {"n": 0}
    number = state["n"]
    while True:
        number += 1
        saved = manager.create_checkpoint(state=state_of(thread, number))
        os.write(1, f"{thread} {number} {saved.id}\n".encode())


def end(failed: threading.ExceptHookArgs) -> None:
    """Say why a thread cannot go on, and end the process."""
    print(repr(failed.exc_value), file=sys.stderr, flush=True)
    os._exit(3)


def main(url: str) -> None:
    """Save in every thread at once; end with all of them when one cannot go on."""
    threading.excepthook = end
    os.write(1, b"ready\n")
    shared, own = opened(url), opened(url)
    for thread in THREADS:
        store = own if thread == THREADS[-1] else shared
        threading.Thread(target=save_for_ever, args=(store, thread)).start()


if __name__ == "__main__":
    main(sys.argv[1])
