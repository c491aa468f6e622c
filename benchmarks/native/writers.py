"""Many threads that save at once, each into a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from benchmarks.measure import seconds
from benchmarks.native.entrants import State, new_draft
from checkpoints import Store

Save = Callable[[State], object]


def chain(store: Store, thread_id: str) -> Save:
    """Return what saves one state after another into a thread of a store."""
    head: str | None = None
    step = 0

    def save(state: State) -> None:
        nonlocal head, step
        draft = new_draft(step=step, parent_id=head, thread_id=thread_id)
        head = store.put(draft, state, expected_head=head).id
        step += 1

    return save


def at_once(
    savers: Sequence[Save], states: Sequence[State], count: int
) -> tuple[float, list[float]]:
    """Let all save ``count`` states at once; return saves per second and each save's seconds."""
    together = threading.Barrier(len(savers) + 1)

    def work(save: Save) -> list[float]:
        together.wait()
        return [seconds(partial(save, states[n % len(states)])) for n in range(count)]

    with ThreadPoolExecutor(len(savers)) as pool:
        running = [pool.submit(work, save) for save in savers]
        together.wait()
        start = time.perf_counter()
        taken = [value for future in running for value in future.result()]
        whole = time.perf_counter() - start
    return len(taken) / whole, taken
