"""When a save is durable: before it returns, a moment later, or at the end of a batch."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from checkpoints.bodies.encoding import decode, encode
from checkpoints.forks import renew_in_children
from checkpoints.manager.backlog import Backlog
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


class UsualSaving(Saving, Protocol):
    """One that makes everything durable by itself."""

    def wait(self) -> None:
        """Wait until nothing is on its way any more, durable or not."""
        ...

    def check(self) -> None:
        """Raise the error for which something is not durable, once."""
        ...

    def close(self) -> None:
        """Wait, check, and let go of the thread if there is one."""
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

    def wait(self) -> None:
        """Do nothing: nothing waits."""

    def check(self) -> None:
        """Do nothing: errors were raised."""

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
    """Durable together when the batch ends, all or nothing; ``owner`` is the block it is for."""

    def __init__(self, store: Store, landed: Landed, owner: object) -> None:
        self._store = store
        self._landed = landed
        self.owner = owner
        self.waiting: list[Waiting] = []

    def save(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        """Take a copy."""
        given = Waiting.of(draft, state, expected_head)
        record = given.record()
        self.waiting.append(given)
        return record

    def end(self) -> None:
        """Save all that was taken."""
        for saved in put_together(self._store, self.waiting):
            self._landed(saved)


class AsyncSaving:
    """Durable a moment later: a thread of its own saves what was copied, several at once.

    After an error nothing more is saved: what waits follows what failed. ``check`` and the next
    ``save`` raise it, once, and then begin anew.
    """

    def __init__(self, store: Store, landed: Landed) -> None:
        self._store = store
        self._landed = landed
        self._backlog = Backlog(self._save_together, name="holdfast-saver", together=TOGETHER)
        self.after_fork()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Begin with nothing: what waits is the parent's to save."""
        self._error: Exception | None = None
        self._bytes = 0

    def save(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        """Take a copy; wait only while too much waits already."""
        given = Waiting.of(draft, state, expected_head)
        record = given.record()
        with self._backlog.changed:
            self._backlog.add(given, when=self._has_room)
            self._bytes += given.size
        return record

    def wait(self) -> None:
        """Wait until all that was given is durable, or given up."""
        self._backlog.wait()

    def check(self) -> None:
        """Raise the error for which something is not durable, once."""
        with self._backlog.changed:
            error, self._error = self._error, None
        if error is not None:
            raise error

    def close(self) -> None:
        """Wait, end the thread, check."""
        self._backlog.close()
        self.check()

    def _has_room(self) -> bool:
        self.check()
        return len(self._backlog.waiting) < MAX_WAITING and self._bytes < MAX_WAITING_BYTES

    def _save_together(self, together: list[Waiting]) -> None:
        try:
            for saved in put_together(self._store, together):
                self._landed(saved)
        except Exception as error:  # noqa: BLE001 - whoever saves next is told
            self._give_up(error, len(together))
        with self._backlog.changed:
            self._bytes -= sum(each.size for each in together)

    def _give_up(self, error: Exception, failed: int) -> None:
        with self._backlog.changed:
            lost = failed + len(self._backlog.waiting)
            self._bytes -= sum(each.size for each in self._backlog.waiting)
            self._backlog.waiting.clear()
            self._error = error
        logger.error("%d checkpoints that waited were not saved: %s", lost, error)


def put_together(store: Store, waiting: list[Waiting]) -> list[Checkpoint]:
    """Save a chain of one thread's checkpoints in as few transactions as the store can."""
    if not waiting:
        return []
    return store.put_many(
        [each.taken() for each in waiting], expected_head=waiting[0].expected_head
    )
