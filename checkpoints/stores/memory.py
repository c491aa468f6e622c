"""A store in memory, for tests and experiments."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from checkpoints.bodies.body import Body, pack, unpack
from checkpoints.errors import CorruptCheckpoint
from checkpoints.identifiers import new_id
from checkpoints.records import Checkpoint, Draft, State
from checkpoints.stores.drafts import finished
from checkpoints.stores.journaled import JournaledStore
from checkpoints.stores.ledger import Event, Ledger
from checkpoints.stores.urls import StoreUrl


class MemoryStore(JournaledStore):
    """Keeps everything in this process; gone when it ends."""

    def __init__(self, url: str = "memory://") -> None:
        super().__init__(url)
        self._store_id = new_id()
        self._bodies: dict[str, bytes] = {}

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return a checkpoint's state, checked against its digest."""
        record = self.get(checkpoint.id)
        body = Body(data=self.raw(record), size=record.size or 0, sha256=record.sha256 or "")
        return unpack(body, checkpoint_id=record.id)

    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored bytes as they are."""
        data = self._bodies.get(checkpoint.id)
        if data is None:
            raise CorruptCheckpoint(
                f"{checkpoint.id}: its body is gone", checkpoint_id=checkpoint.id
            )
        return data

    def _identity(self) -> str:
        return self._store_id

    def _current(self) -> Ledger:
        return self._ledger

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[Ledger]:
        with self._lock:
            yield self._ledger

    def _record(self, event: Event) -> None:
        self._ledger.apply(event)

    def _pack(self, draft: Draft, state: State) -> tuple[Checkpoint, bytes]:
        body = pack(state)
        return finished(draft, body), body.data

    def _write_body(self, record: Checkpoint, data: bytes) -> None:
        self._bodies[record.id] = data

    def _delete_body(self, record: Checkpoint) -> int:
        return len(self._bodies.pop(record.id, b""))


def open_url(_url: StoreUrl) -> MemoryStore:
    """Return a new, empty store."""
    return MemoryStore()
