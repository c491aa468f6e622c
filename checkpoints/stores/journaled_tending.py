"""Removing, verifying and mending in stores that answer from a ledger."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from checkpoints.errors import StoreError
from checkpoints.records import (
    Checkpoint,
    Finding,
    Removal,
)
from checkpoints.stores.erasure import erasure, erasure_of_all
from checkpoints.stores.events import Event, EventName
from checkpoints.stores.heads import dangling_heads
from checkpoints.stores.journaled_listing import JournaledListing
from checkpoints.stores.ledger import removal_of
from checkpoints.stores.operable import Trash


class JournaledTending(JournaledListing):
    """Everything that keeps a store small and sound, given what happens to bodies."""

    @abstractmethod
    def _delete_body(self, record: Checkpoint) -> int:
        """Delete a body for good and return the bytes freed."""

    @abstractmethod
    def _damage(self, record: Checkpoint, *, deep: bool) -> str | None:
        """Say why a checkpoint cannot be read, if so.

        Raises StoreError when that cannot be known now.
        """

    @abstractmethod
    def _put_away(self, record: Checkpoint, why: str, now: datetime) -> None:
        """Move a body into quarantine with its bytes kept."""

    def trash(self, checkpoints: Mapping[str, str], *, now: datetime) -> list[Removal]:
        """Move checkpoints (id to reason) into the trash."""
        with self._exclusive() as ledger:
            removals = ledger.removable(checkpoints, now)
            if removals:
                self._record(Event(name=EventName.TRASHED, removals=removals))
        return list(removals)

    def untrash(self, checkpoint_ids: Sequence[str]) -> int:
        """Bring checkpoints back from the trash; return how many came."""
        with self._exclusive() as ledger:
            found = tuple(i for i in checkpoint_ids if i in ledger.trashed)
            if found:
                self._record(Event(name=EventName.UNTRASHED, checkpoint_ids=found))
        return len(found)

    def sweep(self, *, before: datetime) -> int:
        """Delete for good what went to the trash before a time; return the bytes freed."""
        with self._exclusive() as ledger:
            trashed = ledger.trashed.values()
            return self._swept([record for record, gone in trashed if gone.removed_at < before])

    def in_trash(self, agent_id: str | None, thread_id: str) -> list[Checkpoint]:
        """Return the records of a thread that lie in the trash."""
        with self._reading() as ledger:
            return ledger.lying(agent_id, thread_id)

    def purge(
        self,
        agent_id: str | None,
        thread_id: str,
        checkpoint_ids: Sequence[str],
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> int:
        """Delete for good what lies in the trash under these ids; return the bytes freed."""
        names = set(checkpoint_ids)
        with self._exclusive() as ledger:
            return self._swept([r for r in ledger.lying(agent_id, thread_id) if r.id in names])

    def _swept(self, going: Sequence[Checkpoint]) -> int:
        if going:
            ids = tuple(record.id for record in going)
            self._record(Event(name=EventName.SWEPT, checkpoint_ids=ids))
        return sum(self._delete_body(record) for record in going)

    def erase(
        self,
        agent_id: str,
        thread_id: str,
        checkpoint_ids: Sequence[str] | None = None,
        *,
        now: datetime,
    ) -> int:
        """Delete checkpoints of one thread for good; return how many there were."""
        key = (agent_id, thread_id)
        with self._exclusive() as ledger:
            if checkpoint_ids is None:
                event = erasure_of_all(ledger, key, now)
            else:
                event = erasure(ledger, key, checkpoint_ids, now)
            if event is None:
                return 0
            gone = {removal.checkpoint_id for removal in event.removals}
            going = [record for record in ledger.kept() if record.id in gone]
            self._record(event)
            for record in going:
                self._delete_body(record)
        return len(going)

    def verify(self) -> Iterator[Finding]:
        """Check every body by its checksum and yield each thing that is wrong."""
        return self._verify(deep=False)

    def verify_deep(self) -> Iterator[Finding]:
        """Like verify, and decode every state against its digest."""
        return self._verify(deep=True)

    def repair(self, *, now: datetime) -> list[Finding]:
        """Move what cannot be read into quarantine, with its bytes kept.

        Nothing else is changed: a head that loses its checkpoint stays where it is.
        """
        with self._exclusive() as ledger:
            lost = [(r, why) for r in ledger.kept() if (why := self._damage(r, deep=True))]
            for record, why in lost:
                self._put_away(record, why, now)
            removals = tuple(removal_of(record, why, now) for record, why in lost)
            if removals:
                self._record(Event(name=EventName.QUARANTINED, removals=removals))
        return [_found("quarantined", r, f"{why}; its bytes are in quarantine") for r, why in lost]

    def _verify(self, *, deep: bool) -> Iterator[Finding]:
        with self._reading() as ledger:
            heads, records = list(ledger.heads.values()), ledger.kept()
            listed = set(ledger.records)
            lost = [pin for name, pin in ledger.pins.items() if name in ledger.gone]
        yield from dangling_heads(heads, listed)
        for record in records:
            finding = self._finding(record, deep=deep)
            if finding is not None:
                yield finding
        for pin in lost:
            yield Finding(
                kind="dangling_pin",
                message="what it pinned is not listed any more; unpin it",
                checkpoint_id=pin.checkpoint_id,
            )

    def _finding(self, record: Checkpoint, *, deep: bool) -> Finding | None:
        """Say what is wrong with a checkpoint, unless it was removed meanwhile."""
        try:
            why = self._damage(record, deep=deep)
        except StoreError as error:
            why = str(error)
        if why is None:
            return None
        with self._reading() as ledger:
            kept = ledger.keeps(record)
        return _found("corrupt_checkpoint", record, why) if kept else None


def _found(kind: str, record: Checkpoint, why: str) -> Finding:
    return Finding(
        kind=kind,
        message=f"{record.id}: {why}",
        checkpoint_id=record.id,
        thread_id=record.thread_id,
    )
