"""Making very many values at once."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Iterator

_lock = threading.Lock()
_inside: list[bool] = []
"""For each block that is being run, whether the collector was at work when it began."""


@contextlib.contextmanager
def collector_at_rest() -> Iterator[None]:
    """Let the collector of cycles rest: a plan's 100,000 values form none.

    It would look at all of them again and again while they are made, which takes as long as making
    them. It is at work again when the last of several threads has left.
    """
    with _lock:
        _inside.append(gc.isenabled() or any(_inside))
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            was_at_work = _inside.pop()
            if was_at_work and not _inside:
                gc.enable()
