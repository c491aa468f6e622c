"""Trying again what may succeed later."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from stamina import RetryingCaller

from checkpoints.errors import CheckpointNotFound, HeadMoved, TransientStoreError
from checkpoints.records import Checkpoint, Directive, Head, JournalEntry, Removal
from checkpoints.sameness import same_entry
from checkpoints.stores.base import Store
from checkpoints.stores.decorators.entries_aside import entry_of, key_of
from checkpoints.stores.decorators.telling import Listener, tell
from checkpoints.stores.decorators.wrapping import WrappingStore

T = TypeVar("T")

ONCE = frozenset({"close", "rebuild", "repair"})
"""Methods that are never tried again: what the first try did would be left out of the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A call that is tried again now.

    ``attempt`` counts the tries: 2 is the first one again. ``error`` is why the try before failed,
    ``wait_seconds`` how long was waited since.
    """

    method: str
    attempt: int
    error: TransientStoreError
    wait_seconds: float


class RetryingStore(WrappingStore):
    """Tries again what raised TransientStoreError, and nothing else.

    At most ``attempts`` tries within ``timeout`` seconds, with waits that double from
    ``first_wait`` to ``longest_wait`` seconds and vary by up to ``jitter`` seconds; then the last
    error is raised. A call is not interrupted: a timeout of one try is the store's own.

    A try that failed may have happened. Saves and restores carry an id and act once; where a call
    does not (moving a head without an operation, removing, taking a directive), the store is read
    again before or after the next try to tell what has happened. ``sweep``, ``erase`` and
    ``forget`` then return what their last try took away.

    ``on_retry`` hears of each further try before it begins; what it raises is logged and changes
    nothing.
    """

    def __init__(
        self,
        store: Store,
        *,
        attempts: int = 5,
        timeout: float = 30.0,
        first_wait: float = 0.1,
        longest_wait: float = 5.0,
        jitter: float = 1.0,
        on_retry: Listener[Retry] | None = None,
    ) -> None:
        super().__init__(store)
        self._on_retry = on_retry
        self._caller = RetryingCaller(
            attempts=attempts,
            timeout=timeout,
            wait_initial=first_wait,
            wait_max=longest_wait,
            wait_jitter=jitter,
        )

    def _through(self, method: str, call: Callable[[Store], T]) -> T:
        if method in ONCE:
            return call(self._store)
        return self._tried(method, lambda: call(self._store))

    def _tried(
        self, method: str, first: Callable[[], T], again: Callable[[], T] | None = None
    ) -> T:
        """Try ``first``; after an error that leaves open whether it happened, try ``again``."""
        tries = _Tries(method, first, again or first, self._on_retry)
        return self._caller(TransientStoreError, tries)

    def set_head(
        self,
        checkpoint: Checkpoint,
        *,
        expected: str | None,
        now: datetime,
        operation_id: str | None = None,
        reason: str | None = None,
        directive: Directive | None = None,
    ) -> Head:
        """Move the head of the checkpoint's thread, if it still is ``expected``; once.

        Without an operation the head's version is read first. When a try failed and the version
        has not changed, it is tried again; when the head is where this move put it, that head is
        returned. Raises HeadMoved when somebody else moved it meanwhile: this move may have come
        before theirs, and theirs is left as it is.
        """

        def move() -> Head:
            return self._store.set_head(
                checkpoint,
                expected=expected,
                now=now,
                operation_id=operation_id,
                reason=reason,
                directive=directive,
            )

        if operation_id is not None:
            return self._tried("set_head", move)
        before = self.head(checkpoint.agent_id, checkpoint.thread_id)
        version = before.version if before else 0

        def move_again() -> Head:
            made = self._made(checkpoint, version, now, reason)
            if made is not None:
                return made
            try:
                return move()
            except HeadMoved:
                made = self._made(checkpoint, version, now, reason)
                if made is None:
                    raise
                return made

        return self._tried("set_head", move, move_again)

    def _made(
        self, target: Checkpoint, version: int, now: datetime, reason: str | None
    ) -> Head | None:
        """Return the head if the move that failed has made it; None while nothing has moved."""
        head = self._store.head(target.agent_id, target.thread_id)
        if head is None or head.version == version:
            return None
        mark = (head.checkpoint_id, head.moved_at, head.operation_id, head.reason)
        if head.version == version + 1 and mark == (target.id, now, None, reason):
            return head
        raise HeadMoved(
            f"the head was moved to {head.checkpoint_id} while it was not known whether this move "
            f"to {target.id} had happened; it was left there, call resume() to go on from there",
            expected=target.id,
            actual=head.checkpoint_id,
        )

    def take_directive(self, head: Head) -> Directive | None:
        """Return the directive left with this head and clear it.

        When a try that failed had cleared it, the directive is returned as ``head`` shows it: an
        instruction is rather given twice than lost.
        """

        def take() -> Directive | None:
            return self._store.take_directive(head)

        def take_again() -> Directive | None:
            taken = take()
            now = None if taken else self._store.head(head.agent_id, head.thread_id)
            return head.directive if now and now.version == head.version else taken

        return self._tried("take_directive", take, take_again)

    def trash(self, checkpoints: Mapping[str, str], *, now: datetime) -> list[Removal]:
        """Move checkpoints (id to reason) into the trash, all or none."""

        def remove() -> list[Removal]:
            return self._store.trash(checkpoints, now=now)

        def remove_again() -> list[Removal]:
            try:
                return remove()
            except CheckpointNotFound:
                told = _told(self._store, checkpoints, now)
                if len(told) < len(checkpoints):
                    raise
                return told

        return self._tried("trash", remove, remove_again)

    def untrash(self, checkpoint_ids: Sequence[str]) -> int:
        """Bring checkpoints back from the trash; return how many came."""
        away = self._tried("untrash", lambda: self._unlisted(checkpoint_ids))

        def bring() -> int:
            return self._store.untrash(checkpoint_ids)

        def bring_again() -> int:
            bring()
            return len(away) - len(self._unlisted(away))

        return self._tried("untrash", bring, bring_again)

    def record(self, entries: Sequence[JournalEntry], *, replace: bool = False) -> int:
        """Keep journal entries durably, all or none; return how many of them are new.

        After a try whose answer was lost, an entry that is there just as it was given counts as
        new: nobody else gives the same one at the same microsecond. With ``replace`` only those
        count that the last try found missing.
        """

        def keep() -> int:
            return self._store.record(entries, replace=replace)

        def keep_again() -> int:
            new = keep()
            return new if replace else max(new, _kept_as_given(self._store, entries))

        return self._tried("record", keep, keep_again)

    def _unlisted(self, checkpoint_ids: Iterable[str]) -> set[str]:
        return {name for name in checkpoint_ids if not _is_listed(self._store, name)}


class _Tries(Generic[T]):
    """The tries of one call, each told of but the first."""

    def __init__(
        self,
        method: str,
        first: Callable[[], T],
        again: Callable[[], T],
        listener: Listener[Retry] | None,
    ) -> None:
        self._method = method
        self._work = first
        self._again = again
        self._listener = listener
        self._attempt = 1
        self._failed: tuple[TransientStoreError, float] | None = None

    def __call__(self) -> T:
        if self._failed is not None:
            self._tell(*self._failed)
        try:
            return self._work()
        except TransientStoreError as error:
            self._work = self._again
            self._attempt += 1
            self._failed = error, time.monotonic()
            raise

    def _tell(self, error: TransientStoreError, failed_at: float) -> None:
        waited = time.monotonic() - failed_at
        event = Retry(method=self._method, attempt=self._attempt, error=error, wait_seconds=waited)
        tell(self._listener, event)


def _kept_as_given(store: Store, entries: Sequence[JournalEntry]) -> int:
    """Return how many entries a store holds just as they are given."""
    first = {key_of(entry): entry for entry in reversed(entries)}
    both = ((entry_of(store, entry), entry) for entry in first.values())
    return sum(kept is not None and same_entry(kept, given) for kept, given in both)


def _is_listed(store: Store, checkpoint_id: str) -> bool:
    try:
        store.get(checkpoint_id)
    except CheckpointNotFound:
        return False
    return True


def _told(store: Store, wanted: Mapping[str, str], now: datetime) -> list[Removal]:
    """Return the removals of this time among the store's changes, in the order asked for."""
    found: dict[str, Removal] = {}
    cursor: str | None = None
    while True:
        page = store.changes(cursor)
        mine = (r for r in page.removals if r.removed_at == now and r.checkpoint_id in wanted)
        found.update((removal.checkpoint_id, removal) for removal in mine)
        if page.complete or len(found) == len(wanted):
            return [found[name] for name in wanted if name in found]
        cursor = page.cursor
