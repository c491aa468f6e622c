"""Work that is done a moment later, in the order in which it came, by a thread of its own."""

from __future__ import annotations

import atexit
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from checkpoints.forks import renew_in_children

T = TypeVar("T")

IDLE_SECONDS = 5.0
"""How long a thread waits for more before it ends; the next work starts another."""


class Backlog(Generic[T]):
    """Does what is added, up to ``together`` items at once; ``work`` must not raise.

    Where no thread can be had (the interpreter ends, the system allows no more) ``add`` does the
    work itself. What waits when the program ends is done first, for ``at_exit`` seconds at most.
    """

    def __init__(
        self,
        work: Callable[[list[T]], None],
        *,
        name: str,
        together: int = 1,
        at_exit: float | None = None,
    ) -> None:
        self._work = work
        self._name = name
        self._together = together
        self.at_exit = at_exit
        self.after_fork()
        renew_in_children(self)
        _all.add(self)

    def after_fork(self) -> None:
        """Begin with nothing: what waits is the parent's to do."""
        self.changed = threading.Condition()
        self.waiting: deque[T] = deque()
        self._busy = self._closing = False
        self._thread: threading.Thread | None = None

    def add(self, item: T, *, when: Callable[[], bool] = lambda: True) -> None:
        """Have it done, once ``when()`` holds; what that raises is raised with nothing added."""
        with self.changed:
            self.changed.wait_for(when)
            self.waiting.append(item)
        self._go_on()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until everything is done; return whether it is."""
        self._go_on()
        with self.changed:
            return self.changed.wait_for(lambda: not self.waiting and not self._busy, seconds)

    def close(self, seconds: float | None = None) -> None:
        """Wait, and let the thread end; more may be added later."""
        if not self.wait(seconds):
            return
        with self.changed:
            thread, self._closing = self._thread, self._thread is not None
            self.changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _go_on(self) -> None:
        """See to it that somebody does what waits."""
        with self.changed:
            threaded = not self.waiting or self._thread is not None or self._start()
            self.changed.notify_all()
        if not threaded:
            while self._do_some():
                pass

    def _start(self) -> bool:
        thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return False
        self._thread = thread
        return True

    def _run(self) -> None:
        try:
            while self._do_some(or_wait=True):
                pass
        finally:
            with self.changed:
                if self._thread is threading.current_thread():
                    self._thread = None
                self.changed.notify_all()

    def _do_some(self, *, or_wait: bool = False) -> bool:
        """Do what waits, or what comes in a while; return False when nothing did."""
        together = self._taken(or_wait=or_wait)
        if not together:
            return False
        try:
            self._work(together)
        finally:
            with self.changed:
                self._busy = False
                self.changed.notify_all()
        return True

    def _serves(self) -> bool:
        """Whether this is the thread that does the work; Ctrl-C may have left two of them."""
        self._thread = self._thread or threading.current_thread()
        return self._thread is threading.current_thread()

    def _taken(self, *, or_wait: bool) -> list[T]:
        with self.changed:
            if or_wait and not self._serves():
                return []
            if or_wait:
                self.changed.wait_for(lambda: self.waiting or self._closing, IDLE_SECONDS)
            self.changed.wait_for(lambda: not self._busy)
            count = min(self._together, len(self.waiting))
            together = [self.waiting.popleft() for _ in range(count)]
            self._busy = bool(together)
            if or_wait and not together:
                self._thread, self._closing = None, False
            return together


_all: WeakSet[Backlog[Any]] = WeakSet()


@atexit.register
def _finish() -> None:
    """Do what waits although the program forgot to; what some leave to others comes last."""
    for backlog in sorted(_all, key=lambda each: each.at_exit is not None):
        backlog.wait(backlog.at_exit)
