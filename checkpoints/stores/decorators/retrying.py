"""Trying again what may succeed later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from checkpoints.errors import (
    CheckpointNotFound,
    HeadMoved,
    PermanentStoreError,
    TransientStoreError,
)
from checkpoints.records import Checkpoint, Directive, Head, Removal
from checkpoints.stores.base import Store
from checkpoints.stores.decorators.wrapping import WrappingStore

try:
    from stamina import RetryingCaller
except ImportError as error:
    raise PermanentStoreError(
        "retrying needs stamina; install it with: pip install 'holdfast[retry]'"
    ) from error

T = TypeVar("T")

ONCE = frozenset({"close", "rebuild", "repair"})
"""Methods that are never tried again: what the first try did would be left out of the answer."""


class RetryingStore(WrappingStore):
    """Tries again what raised TransientStoreError, and nothing else.

    At most ``attempts`` tries within ``timeout`` seconds, with waits that double from
    ``first_wait`` to ``longest_wait`` seconds and vary by up to ``jitter`` seconds; then the last
    error is raised. A call is not interrupted: a timeout of one try is the store's own.

    A try that failed may have happened. Saves and restores carry an id and act once; where a call
    does not (moving a head without an operation, removing, taking a directive), the store is read
    again before or after the next try to tell what has happened. ``sweep`` then returns the bytes
    that its last try freed.
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
    ) -> None:
        super().__init__(store)
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
        return self._caller(TransientStoreError, call, self._store)

    def _tell_apart(self, first: Callable[[], T], again: Callable[[], T]) -> T:
        """Try ``first``; after an error that leaves open whether it happened, try ``again``."""
        tried = False

        def attempt() -> T:
            nonlocal tried
            work, tried = (again if tried else first), True
            return work()

        return self._caller(TransientStoreError, attempt)

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
            return self._caller(TransientStoreError, move)
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

        return self._tell_apart(move, move_again)

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

        return self._tell_apart(take, take_again)

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

        return self._tell_apart(remove, remove_again)

    def untrash(self, checkpoint_ids: Sequence[str]) -> int:
        """Bring checkpoints back from the trash; return how many came."""
        away = self._caller(TransientStoreError, lambda: self._unlisted(checkpoint_ids))

        def bring() -> int:
            return self._store.untrash(checkpoint_ids)

        def bring_again() -> int:
            bring()
            return len(away) - len(self._unlisted(away))

        return self._tell_apart(bring, bring_again)

    def _unlisted(self, checkpoint_ids: Iterable[str]) -> set[str]:
        return {name for name in checkpoint_ids if not _is_listed(self._store, name)}


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
