"""Telling others what a store did, without ever failing what it does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from checkpoints.errors import StoreError
from checkpoints.forks import renew_in_children

T = TypeVar("T")
Listener: TypeAlias = Callable[[T], object]
LOG = logging.getLogger("checkpoints.stores")


def tell(listener: Listener[T] | None, event: T) -> None:
    """Let somebody hear of an event; what they raise is logged."""
    if listener is None:
        return
    try:
        listener(event)
    except Exception:
        LOG.exception("a listener failed on %s; the store went on", type(event).__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """A primary store went away, or is back.

    ``error`` is what it raised for the first thing that was kept elsewhere, None when it is back.
    ``checkpoints`` and ``entries`` count what was replayed to it then, of one thread.
    """

    away: bool
    error: StoreError | None = None
    checkpoints: int = 0
    entries: int = 0


class Watch:
    """Remembers whether a primary is away, and tells of it when that changes."""

    def __init__(self, listener: Listener[Fallback] | None) -> None:
        self._listener = listener
        self._away = False
        self._lock = threading.Lock()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Take a lock that no other thread of the parent holds."""
        self._lock = threading.Lock()

    def went(self, error: StoreError) -> None:
        """Note that something was kept elsewhere."""
        if self._turned(away=True):
            tell(self._listener, Fallback(away=True, error=error))

    def came(self, *, checkpoints: int = 0, entries: int = 0) -> None:
        """Note that the primary answered, and what was replayed to it."""
        if self._turned(away=False) or checkpoints or entries:
            tell(self._listener, Fallback(away=False, checkpoints=checkpoints, entries=entries))

    def _turned(self, *, away: bool) -> bool:
        with self._lock:
            turned, self._away = self._away != away, away
            return turned
