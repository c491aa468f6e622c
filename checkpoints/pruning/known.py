"""What there is to decide over, without reading a whole history after each save."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from checkpoints.errors import CheckpointNotFound
from checkpoints.records import Checkpoint
from checkpoints.stores.base import Store


class KnownThread:
    """One thread's listing, head and pins: read once, then known from the saves."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listing: dict[str, Checkpoint] | None = None
        self._head_id: str | None = None
        self._pins: dict[str, str] = {}

    def forget(self) -> None:
        """Read anew at the next ``take``: others may have written."""
        self._listing = None

    def take(self, saved: Sequence[Checkpoint]) -> None:
        """Learn of what was saved, oldest first; at least one."""
        if self._listing is None:
            self._listing = self._read(saved[-1])
        else:
            self._listing.update(_light(saved))
            self._head_id = saved[-1].id

    def take_only(self, checkpoint_ids: Iterable[str], of: Checkpoint) -> None:
        """Learn of a few of a thread, where all else stays anyway."""
        self._listing = {}
        self._read_head_and_pins(of)
        for checkpoint_id in checkpoint_ids:
            with contextlib.suppress(CheckpointNotFound):
                record = self._store.get(checkpoint_id, thread_id=of.thread_id)
                self._listing[checkpoint_id] = record

    def drop(self, checkpoint_ids: Iterable[str]) -> None:
        """Learn that some were removed."""
        if self._listing is not None:
            for checkpoint_id in checkpoint_ids:
                self._listing.pop(checkpoint_id, None)

    def newest_first(self) -> list[Checkpoint]:
        """Return what is known to be listed, without metrics and metadata."""
        return list(reversed((self._listing or {}).values()))

    def exempt(self) -> dict[str, str]:
        """Return why the pins and the head stay."""
        return self._pins if self._head_id is None else {**self._pins, self._head_id: "the head"}

    def _read(self, of: Checkpoint) -> dict[str, Checkpoint]:
        self._read_head_and_pins(of)
        try:
            return _light(reversed(self._store.history(of.agent_id, of.thread_id)))
        except CheckpointNotFound:
            return {}

    def _read_head_and_pins(self, of: Checkpoint) -> None:
        head = self._store.head(of.agent_id, of.thread_id)
        self._head_id = head.checkpoint_id if head else None
        pins = self._store.pins()
        self._pins = {pin.checkpoint_id: f"pinned: {pin.reason}" for pin in pins}


def _light(records: Iterable[Checkpoint]) -> dict[str, Checkpoint]:
    """Return records by id, without what no policy looks at: a long thread is held in memory."""
    return {record.id: replace(record, metrics={}, metadata={}) for record in records}
