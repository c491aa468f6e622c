"""States kept in memory before a store, so that one that is read again is not fetched again."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checkpoints.bodies.encoding import decode, encode
from checkpoints.errors import CheckpointNotFound, UnsupportedState
from checkpoints.forks import renew_in_children
from checkpoints.records import Checkpoint
from checkpoints.stores.base import Store
from checkpoints.stores.decorators.wrapping import WrappingStore

ENTRY = 1024
"""Bytes that a record and its place in the cache are counted as."""


@dataclass(frozen=True, slots=True)
class _Entry:
    record: Checkpoint
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data) + ENTRY


class CachedStore(WrappingStore):
    """Keeps the states that were read last in memory, at most ``max_bytes`` of them encoded.

    A state is given from memory only while the store lists its record unchanged: each load asks
    for the record, so checkpoints that another process removed or put anew are noticed. Heads and
    listings are never cached. Each load decodes the bytes anew: what a caller does to a state
    harms nobody else. A state that is given from memory is the one that was saved, even where its
    bytes in the store have been damaged since; ``verify`` reads the store itself. Threads may
    share it; a forked child begins with an empty cache.
    """

    def __init__(self, store: Store, *, max_bytes: int = 64 * 1024 * 1024) -> None:
        super().__init__(store)
        self.max_bytes = max_bytes
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()
        renew_in_children(self)

    @property
    def cached_bytes(self) -> int:
        """Bytes in use: encoded states, and a kilobyte for each."""
        return self._size

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return a checkpoint's state, from memory if it is there and still listed."""
        known = self._known(checkpoint)
        if known is not None:
            return known
        state = super().load(checkpoint)
        with contextlib.suppress(UnsupportedState):
            self._remember(_Entry(checkpoint, encode(state)))
        return state

    def fields(self, checkpoint: Checkpoint) -> Mapping[str, Any]:
        """Return the state as a mapping, from memory if it is there and still listed."""
        known = self._known(checkpoint)
        return super().fields(checkpoint) if known is None else known

    def after_fork(self) -> None:
        """Begin anew: another thread of the parent may have been changing the entries."""
        self._lock = threading.Lock()
        self._entries = OrderedDict()
        self._size = 0

    def close(self) -> None:
        """Forget everything and close the wrapped store."""
        with self._lock:
            self._entries.clear()
            self._size = 0
        super().close()

    def _known(self, checkpoint: Checkpoint) -> dict[str, Any] | None:
        entry = self._find(checkpoint)
        if entry is None:
            return None
        if self._is_listed(checkpoint):
            return dict(decode(entry.data))
        self._forget(checkpoint.id)
        return None

    def _find(self, checkpoint: Checkpoint) -> _Entry | None:
        with self._lock:
            entry = self._entries.get(checkpoint.id)
            if entry is None or entry.record != checkpoint:
                return None
            self._entries.move_to_end(checkpoint.id)
            return entry

    def _is_listed(self, checkpoint: Checkpoint) -> bool:
        try:
            return checkpoint == self.get(
                checkpoint.id,
                thread_id=checkpoint.thread_id,
                namespace=checkpoint.namespace or None,
            )
        except CheckpointNotFound:
            return False

    def _remember(self, entry: _Entry) -> None:
        if entry.size > self.max_bytes:
            return
        with self._lock:
            self._drop(entry.record.id)
            self._entries[entry.record.id] = entry
            self._size += entry.size
            while self._size > self.max_bytes:
                self._drop(next(iter(self._entries)))

    def _forget(self, checkpoint_id: str) -> None:
        with self._lock:
            self._drop(checkpoint_id)

    def _drop(self, checkpoint_id: str) -> None:
        entry = self._entries.pop(checkpoint_id, None)
        if entry is not None:
            self._size -= entry.size
