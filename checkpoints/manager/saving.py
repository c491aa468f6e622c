"""When a save is durable: before it returns, a moment later, or at the end of a batch."""

from __future__ import annotations

import atexit
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from checkpoints.bodies.encoding import decode, encode
from checkpoints.forks import renew_in_children
from checkpoints.records import Checkpoint, Draft, State
from checkpoints.stores.base import Store
from checkpoints.stores.drafts import measured

logger = logging.getLogger("checkpoints")

MAX_WAITING = 256
"""Checkpoints that may wait for the disk; the next save waits for room."""
MAX_WAITING_BYTES = 64 * 1024 * 1024
TOGETHER = 64
"""Checkpoints that are saved in one transaction at most."""

Landed = Callable[[Checkpoint], None]
"""Told of each checkpoint once it is durable."""


class Saving(Protocol):
    """A way to save one thread's checkpoints, one after another."""

    def save(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        """Save, now or later; the record's ``stored_size`` is None while it is not known."""
        ...

    def flush(self) -> None:
        """Wait until all is durable. Raises the error for which something is not."""
        ...

    def close(self) -> None:
        """Flush, and let go of the thread if there is one."""
        ...


class SyncSaving:
    """Durable before it returns."""

    def __init__(self, store: Store, landed: Landed) -> None:
        self._store = store
        self._landed = landed

    def save(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        """Save now."""
        saved = self._store.put(draft, state, expected_head=expected_head)
        self._landed(saved)
        return saved

    def flush(self) -> None:
        """Do nothing: nothing waits."""

    def close(self) -> None:
        """Do nothing."""


@dataclass(slots=True)
class Waiting:
    """A checkpoint whose state was copied and that is not durable yet."""

    draft: Draft
    body: bytes
    size: int
    expected_head: str | None

    @classmethod
    def of(cls, draft: Draft, state: State, expected_head: str | None) -> Waiting:
        """Copy a state, so that its agent may go on changing it. Raises UnsupportedState."""
        body = encode(dict(state))
        return cls(draft, body, len(body), expected_head)

    def record(self) -> Checkpoint:
        """Return what is known of it before it is stored."""
        return measured(self.draft, size=self.size, stored_size=None, sha256=None)

    def taken(self) -> tuple[Draft, State]:
        """Return the draft with its state, and let go of the copy."""
        body, self.body = self.body, b""
        return self.draft, decode(body)


class BatchSaving:
    """Durable together at the end, all or nothing."""

    def __init__(self, store: Store, landed: Landed) -> None:
        self._store = store
        self._landed = landed
        self._waiting: list[Waiting] = []

    def save(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        """Take a copy."""
        self._waiting.append(Waiting.of(draft, state, expected_head))
        return self._waiting[-1].record()

    def flush(self) -> None:
        """Save all that was taken."""
        waiting, self._waiting = self._waiting, []
        for saved in put_together(self._store, waiting):
            self._landed(saved)

    def close(self) -> None:
        """Save all that was taken."""
        self.flush()


class AsyncSaving:
    """Durable a moment later: a thread of its own saves what was copied, several at once.

    After an error nothing more is saved: what waits follows what failed. ``flush`` and the next
    ``save`` raise it, once, and then begin anew.
    """

    def __init__(self, store: Store, landed: Landed) -> None:
        self._store = store
        self._landed = landed
        self._begin()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Begin with nothing: what waits is the parent's to save."""
        self._begin()

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Waiting] = deque()
        self._bytes = self._busy = 0
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._closing = False

    def save(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        """Take a copy; wait only while too much waits already."""
        given = Waiting.of(draft, state, expected_head)
        record = given.record()
        with self._changed:
            self._changed.wait_for(self._has_room)
            self._raise_error()
            self._waiting.append(given)
            self._bytes += given.size
            self._start()
            self._changed.notify_all()
        return record

    def flush(self) -> None:
        """Wait until all is durable. Raises the error for which something is not."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._busy)
            self._raise_error()

    def close(self) -> None:
        """Flush and end the thread."""
        try:
            self.flush()
        finally:
            with self._changed:
                thread, self._thread, self._closing = self._thread, None, True
                self._changed.notify_all()
            if thread is not None:
                thread.join()
                atexit.unregister(self._flush_at_exit)
            self._closing = False

    def _flush_at_exit(self) -> None:
        """Save what waits although the program forgot to; what fails is in the log already."""
        with contextlib.suppress(Exception):
            self.flush()

    def _has_room(self) -> bool:
        return self._error is not None or (
            len(self._waiting) < MAX_WAITING and self._bytes < MAX_WAITING_BYTES
        )

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="holdfast-saver", daemon=True)
            self._thread.start()
            atexit.register(self._flush_at_exit)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                together = [
                    self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))
                ]
                self._busy = len(together)
            error = self._save(together)
            with self._changed:
                self._settle(together, error)
                self._changed.notify_all()

    def _save(self, together: list[Waiting]) -> BaseException | None:
        """Save some and return what they failed of, if they did."""
        try:
            for saved in put_together(self._store, together):
                self._landed(saved)
        except Exception as error:  # noqa: BLE001 - whoever saves next is told
            return error
        return None

    def _settle(self, together: list[Waiting], error: BaseException | None) -> None:
        self._busy = 0
        self._bytes -= sum(each.size for each in together)
        if error is None:
            return
        lost = len(together) + len(self._waiting)
        logger.error("%d checkpoints that waited were not saved: %s", lost, error)
        self._waiting.clear()
        self._bytes = 0
        self._error = error


def put_together(store: Store, waiting: list[Waiting]) -> list[Checkpoint]:
    """Save a chain of one thread's checkpoints in as few transactions as the store can."""
    if not waiting:
        return []
    return store.put_many(
        [each.taken() for each in waiting], expected_head=waiting[0].expected_head
    )
