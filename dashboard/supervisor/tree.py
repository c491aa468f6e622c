"""The supervisor: keeps its children running until it is told to stop, then ends them in order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from types import FrameType

from dashboard.supervisor.children import Child, ChildSpec

GRACE_SECONDS = 15.0
LOOK_EVERY_SECONDS = 0.1
MAX_FAILED_STARTS = 4
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class NeverReady(Exception):
    """A child died again and again before the tree was ready."""


class Tree:
    """Children in the order in which they end: what takes requests first, the worker last."""

    def __init__(self, specs: Sequence[ChildSpec]) -> None:
        self._children = [Child(spec) for spec in specs]
        self._stopping = False

    def run(self, *, is_ready: Callable[[], bool], when_ready: Callable[[], None]) -> None:
        """Run until a signal comes. Raises NeverReady; whatever happens, no child is left."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._stop)
        try:
            self._start(is_ready)
            if not self._stopping:
                when_ready()
            self._keep()
        finally:
            self._end()

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _start(self, is_ready: Callable[[], bool]) -> None:
        needed = [child for child in self._children if not child.spec.can_wait]
        while not self._stopping:
            _tend(needed)
            if is_ready():
                return
            hopeless = [c.spec.name for c in needed if c.failures >= MAX_FAILED_STARTS]
            if hopeless:
                raise NeverReady(f"{' and '.join(hopeless)} could not be started; see above")

    def _keep(self) -> None:
        while not self._stopping:
            _tend(self._children)

    def _end(self) -> None:
        deadline = time.monotonic() + GRACE_SECONDS
        for child in self._children:
            child.terminate()
            child.wait(deadline - time.monotonic())


def _tend(children: Sequence[Child]) -> None:
    for child in children:
        child.tend(time.monotonic())
    time.sleep(LOOK_EVERY_SECONDS)
