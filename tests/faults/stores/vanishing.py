"""Taking a store away in the middle of what is done with it, and bringing it back."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_EVENTS = frozenset(
    {"open", "os.link", "os.rename", "os.remove", "os.listdir", "os.scandir", "sqlite3.connect"}
)
_CONNECT = sqlite3.connect


class Moments:
    """Counts what a process asks of files and of SQLite, and strikes before one of them."""

    def __init__(self) -> None:
        self._strike: Callable[[], object] | None = None
        self._is_on = False
        self._count = self._at = 0
        sys.addaudithook(self._told)

    @contextmanager
    def striking(self, at: int, strike: Callable[[], object]) -> Iterator[None]:
        """Strike before the moment ``at`` of what happens inside."""
        self._count, self._at, self._strike, self._is_on = 0, at, strike, True
        sqlite3.connect = self._connect  # type: ignore[assignment]
        try:
            yield
        finally:
            self._is_on, sqlite3.connect = False, _CONNECT

    def counted(self, act: Callable[[], object]) -> int:
        """Return how many moments an act has."""
        with self.striking(-1, lambda: None):
            act()
        return self._count

    def _told(self, event: str, _: object) -> None:
        if self._is_on and event in _EVENTS:
            self._come()

    def _connect(self, *args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = _CONNECT(*args, **options)
        connection.set_trace_callback(lambda _: self._come())
        return connection

    def _come(self) -> None:
        if not self._is_on or self._strike is None:
            return
        at, self._count = self._count, self._count + 1
        if at == self._at:
            self._is_on = False
            self._strike()


MOMENTS = Moments()


@contextmanager
def away(place: Path, at: int) -> Iterator[None]:
    """Let a folder be moved away at a moment of what happens inside; afterwards it is back."""
    elsewhere = place.with_name(f"{place.name} elsewhere")
    with MOMENTS.striking(at, lambda: place.rename(elsewhere)):
        try:
            yield
        finally:
            if elsewhere.exists():
                elsewhere.rename(place)


def killed(act: Callable[[], object], at: int) -> bool:
    """Do something in a process of its own that is killed at a moment; say whether it was."""
    child = os.fork()
    if child == 0:
        try:
            with MOMENTS.striking(at, lambda: os.kill(os.getpid(), signal.SIGKILL)):
                act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def spread(count: int, most: int) -> list[int]:
    """Return at most so many moments from all the way."""
    return sorted({round(n * (count - 1) / max(1, most - 1)) for n in range(most)})
