"""A store in memory, for tests and experiments."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from checkpoints.bodies.chains import Link
from checkpoints.bodies.encryption import Keyring
from checkpoints.bodies.frames import is_intact
from checkpoints.errors import CheckpointError, CorruptCheckpoint
from checkpoints.identifiers import new_id
from checkpoints.measures import Space
from checkpoints.records import Checkpoint, Draft, State
from checkpoints.stores.drafts import next_heads, saved_before
from checkpoints.stores.events import Event, EventName
from checkpoints.stores.fields import StateFields
from checkpoints.stores.folder.compaction import compacted
from checkpoints.stores.framing import Framing
from checkpoints.stores.journaled import JournaledStore, refuse_known
from checkpoints.stores.ledger import Ledger, ledger_of
from checkpoints.stores.measuring import trashed_bytes
from checkpoints.stores.urls import StoreUrl


class MemoryStore(JournaledStore):
    """Keeps everything in this process; gone when it ends. Its frames are all whole."""

    def __init__(self, url: str = "memory://", keys: Keyring | None = None) -> None:
        super().__init__(url, keys)
        self._store_id = new_id()
        self._framing = Framing(keys)
        self._frames: dict[str, bytes] = {}
        self._quarantine: dict[str, tuple[bytes, str, datetime]] = {}

    def _put_chain(
        self, drafts: Sequence[tuple[Draft, State]], expected: str | None
    ) -> list[Checkpoint]:
        chain = [self._framing.prepare_whole(draft, state) for draft, state in drafts]
        records = [prepared.record for prepared in chain]
        with self._exclusive() as ledger:
            firsts = saved_before([refuse_known(ledger, record) for record in records])
            if firsts is not None:
                return firsts
            current = ledger.heads.get((records[0].agent_id, records[0].thread_id))
            heads = next_heads(current, records, expected=expected)
            for prepared, record, head in zip(chain, records, heads, strict=True):
                self._frames[record.id] = prepared.packed.data
                self._record(Event(name=EventName.PUT, checkpoint=record, head=head))
        return records

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return a checkpoint's state, each field checked."""
        return self._framing.load(checkpoint, [self._link(checkpoint)])

    def fields(self, checkpoint: Checkpoint) -> Mapping[str, Any]:
        """Return the state as a mapping that decodes a field when it is asked for."""
        return StateFields(self._framing.stored(checkpoint, [self._link(checkpoint)]))

    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored bytes as they are."""
        return self._link(checkpoint).data

    def space(self) -> Space:
        """Return what the frames take up in memory."""
        away = sum(len(data) for data, _, _ in self._quarantine.values())
        stored = sum(map(len, self._frames.values())) + away
        return Space(stored=stored, free=0, orphaned=away, trashed=trashed_bytes(self))

    def rebuild(self, *, now: datetime) -> int:
        """Remake the listing from what is known; in memory nothing of it can have been lost."""
        with self._exclusive():
            self._ledger = ledger_of(compacted(self._ledger))
            return len(self._ledger.records)

    def _link(self, checkpoint: Checkpoint) -> Link:
        data = self._frames.get(checkpoint.id)
        if data is None:
            raise CorruptCheckpoint(
                f"{checkpoint.id}: its frame is gone", checkpoint_id=checkpoint.id
            )
        return Link(key=checkpoint.id, checkpoint_id=checkpoint.id, data=data)

    def _identity(self) -> str:
        return self._store_id

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Ledger]:
        with self._lock:
            yield self._ledger

    def _exclusive(self) -> contextlib.AbstractContextManager[Ledger]:
        return self._reading()

    def _record(self, event: Event) -> None:
        self._ledger.apply(replace(event, position=self._ledger.position + 1))

    def _delete_body(self, record: Checkpoint) -> int:
        return len(self._frames.pop(record.id, b""))

    def _damage(self, record: Checkpoint, *, deep: bool) -> str | None:
        try:
            link = self._link(record)
            if deep:
                self._framing.require_digest(record, [link])
        except CheckpointError as error:
            return str(error)
        return None if is_intact(link.data) else "its frame is damaged: the checksum does not hold"

    def _put_away(self, record: Checkpoint, why: str, now: datetime) -> None:
        self._quarantine[record.id] = (self._frames.pop(record.id, b""), why, now)


def open_url(url: StoreUrl) -> MemoryStore:
    """Return a new, empty store."""
    return MemoryStore(keys=url.keys)
