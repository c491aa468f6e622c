"""A store in Redis: hashes for records and frames, sorted sets for their order.

A save is one script, so one round trip, and moves the head by compare-and-set. Redis answers
before its disk does unless it is told otherwise: see ``capabilities``. All keys of a store share
one hash tag, so that it lies whole on one node of a cluster, the one that its URL has to name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from checkpoints.bodies.chains import Link
from checkpoints.errors import (
    CheckpointNotFound,
    CorruptCheckpoint,
    PermanentStoreError,
    TransientStoreError,
)
from checkpoints.measures import Space
from checkpoints.records import (
    Capabilities,
    Changes,
    Checkpoint,
    Directive,
    Draft,
    Finding,
    Head,
    Pin,
    Removal,
    State,
    Thread,
)
from checkpoints.stores.drafts import move_done, saved_chain
from checkpoints.stores.fields import StateFields
from checkpoints.stores.framing import Framing
from checkpoints.stores.heads import check_head, moved
from checkpoints.stores.ledger import missing
from checkpoints.stores.measuring import trashed_bytes
from checkpoints.stores.operable import Trash
from checkpoints.stores.operations import Operations
from checkpoints.stores.record_bytes import microseconds
from checkpoints.stores.redis import (
    entry_care,
    mending,
    queries,
    removing,
    rows,
    scripts,
    verifying,
)
from checkpoints.stores.redis.erasing import Erasing
from checkpoints.stores.redis.journal import RedisJournal
from checkpoints.stores.redis.reading import Reading
from checkpoints.stores.redis.retention import Retention
from checkpoints.stores.redis.saving import ATTEMPTS, BaseGone, Saving, busy
from checkpoints.stores.redis.scratch import remove_scratch, spoil
from checkpoints.stores.redis.server import LOG, RedisServer, prefix_of
from checkpoints.stores.redis.settings import doubts
from checkpoints.stores.urls import StoreUrl, without_password

__all__ = ["RedisStore", "open_url", "remove_scratch", "spoil"]


class RedisStore(Operations, RedisJournal):
    """Checkpoints in a Redis database, under one prefix."""

    def __init__(self, url: StoreUrl, *, prefix: str, ttl: int | None) -> None:
        self.url = without_password(url.text)
        self._server = RedisServer(url, prefix)
        self._framing = Framing(url.keys)
        self._reading = Reading(self._server)
        self._saving = Saving(self._server, self.url, ttl)
        self._retention = Retention(self._server, ttl, self._framing) if ttl else None
        self._warned = False

    @property
    def capabilities(self) -> Capabilities:
        """Everything that this version offers; ``reasons`` tells what this server may lose.

        ``durability`` stands there unless Redis appends to a file and flushes it with every
        command or every second, ``eviction`` where it drops keys when memory is short.
        """
        found = super().capabilities
        return replace(found, reasons={**found.reasons, **doubts(self._server.settings())})

    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        """Save and make it the head, in one step, before returning."""
        return self.put_many([(draft, state)], expected_head=expected_head)[0]

    def put_many(
        self, drafts: Sequence[tuple[Draft, State]], *, expected_head: str | None
    ) -> list[Checkpoint]:
        """Save a chain of one thread's checkpoints in one script: all of them or none."""
        return saved_chain(drafts, expected_head, self._put_chain)

    def _put_chain(
        self, drafts: Sequence[tuple[Draft, State]], expected: str | None
    ) -> list[Checkpoint]:
        fetch = self._reading.chain
        chain = self._framing.prepare_chain(drafts, after=expected, fetch=fetch)
        try:
            records, places = self._saving.save(chain, expected)
        except BaseGone:
            chain = self._framing.prepare_chain(drafts, after=None, fetch=fetch)
            records, places = self._saving.save(chain, expected)
        if places is not None:
            self._framing.chain_landed(chain, places)
            self._after_save()
        return records

    def threads(self) -> Iterator[Thread]:
        """Yield every thread, most recently updated first."""
        yield from self._reading.all_views()

    def history(
        self, agent_id: str | None, thread_id: str, *, limit: int | None = None
    ) -> list[Checkpoint]:
        """Return a thread's checkpoints, newest first, without states."""
        found = [t for t in self._reading.threads_named(agent_id, thread_id) if t.is_there]
        if not found:
            raise CheckpointNotFound(f"there is no thread {thread_id!r} in {self.url}")
        records = [
            row.record for thread in found for row in self._reading.newest(thread.thread, limit)
        ]
        return records[:limit]

    def get(
        self,
        checkpoint_id: str,
        *,
        thread_id: str | None = None,
        namespace: str | None = None,
    ) -> Checkpoint:
        """Return one record."""
        row = None if namespace else self._reading.row(checkpoint_id)
        record = row.record if row else None
        if record is None or thread_id not in (None, record.thread_id):
            raise CheckpointNotFound(missing(checkpoint_id, thread_id))
        return record

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return a checkpoint's state, each field checked."""
        return self._framing.load(checkpoint, self._links(checkpoint))

    def fields(self, checkpoint: Checkpoint) -> Mapping[str, Any]:
        """Return the state as a mapping that decodes a field when it is asked for."""
        return StateFields(self._framing.stored(checkpoint, self._links(checkpoint)))

    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored bytes as they are: its frame, without those that it stands on."""
        return self._links(checkpoint)[0].data

    def head(self, agent_id: str | None, thread_id: str) -> Head | None:
        """Return what the next run of the thread resumes from."""
        found = self._reading.threads_named(agent_id, thread_id)
        return next((thread.unpacked() for thread in found if thread.is_there), None)

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
        """Move the head of the checkpoint's thread, if it still is ``expected``."""
        for _ in range(ATTEMPTS):
            done = move_done(self._reading.moved_by(operation_id), checkpoint)
            if done is not None:
                return done
            row = self._reading.row(checkpoint.id)
            thread = self._reading.thread_at(row.thread) if row else None
            if row is None or thread is None:
                raise CheckpointNotFound(missing(checkpoint.id, None))
            current = thread.unpacked()
            check_head(current, expected)
            head = moved(
                current,
                row.record,
                now=now,
                operation_id=operation_id,
                reason=reason,
                directive=directive,
            )
            if removing.move(self._server, thread, head, at=now, operation_id=operation_id):
                return head
        raise busy(self.url)

    def take_directive(self, head: Head) -> Directive | None:
        """Return the directive left with this head and clear it, so that it is obeyed once."""
        if head.directive is None:
            return None
        for _ in range(ATTEMPTS):
            found = self._reading.threads_named(head.agent_id, head.thread_id)
            current = found[0].unpacked() if found else None
            if current is None or current.version != head.version or current.directive is None:
                return None
            if removing.move(
                self._server, found[0], replace(current, directive=None), at=head.moved_at
            ):
                return current.directive
        raise busy(self.url)

    def pin(self, checkpoint: Checkpoint, *, reason: str, now: datetime) -> None:
        """Exempt a checkpoint from retention."""
        packed = rows.pack_pin(reason, now)
        reply = self._server.write(scripts.PIN, rows.encoded(checkpoint.id), packed)
        if reply[0] != b"pinned":
            raise CheckpointNotFound(missing(checkpoint.id, None))

    def unpin(self, checkpoint: Checkpoint) -> None:
        """Take the exemption back."""
        self._server.write(scripts.UNPIN, rows.encoded(checkpoint.id))

    def pins(self) -> list[Pin]:
        """Return all pins."""
        found = self._server.all_of("pins")
        return sorted((rows.pin_of(*pin) for pin in found.items()), key=lambda pin: pin.pinned_at)

    def trash(self, checkpoints: Mapping[str, str], *, now: datetime) -> list[Removal]:
        """Move checkpoints (id to reason) into the trash."""
        for _ in range(ATTEMPTS if checkpoints else 0):
            removals = removing.trash(self._server, checkpoints, now)
            if removals is not None:
                return removals
        if checkpoints:
            raise busy(self.url)
        return []

    def untrash(self, checkpoint_ids: Sequence[str]) -> int:
        """Bring checkpoints back from the trash; return how many came."""
        reply = self._server.write(scripts.UNTRASH, *map(rows.encoded, checkpoint_ids))
        return int(reply[1])

    def sweep(self, *, before: datetime) -> int:
        """Delete for good what went to the trash before a time; return the bytes freed.

        What stands on a deleted frame is written anew in the same step. A sweep goes in batches,
        newest first; one that is interrupted leaves the rest in the trash.
        """
        for _ in range(ATTEMPTS):
            going = self._server.read(queries.GOING, microseconds(before))
            freed = removing.delete(self._server, [int(at) for at in going], self._framing)
            if freed is not None:
                return freed
        raise busy(self.url)

    def space(self) -> Space:
        """Return about what the store takes in the server's memory."""
        return Space(stored=self._server.taken(), free=0, trashed=trashed_bytes(self))

    def in_trash(self, agent_id: str | None, thread_id: str) -> list[Checkpoint]:
        """Return the records of a thread that lie in the trash."""
        return [row.record for row in self._lying(agent_id, thread_id)]

    def purge(
        self,
        agent_id: str | None,
        thread_id: str,
        checkpoint_ids: Sequence[str],
        *,
        operation_id: str,
        trash: Trash | None = None,
    ) -> int:
        """Delete for good what lies in the trash under these ids; return the bytes freed.

        It goes in batches, newest first; one that is interrupted leaves the rest in the trash.
        """
        names = set(checkpoint_ids)
        for _ in range(ATTEMPTS):
            going = [r.position for r in self._lying(agent_id, thread_id) if r.id in names]
            freed = removing.delete(self._server, going, self._framing)
            if freed is not None:
                return freed
        raise busy(self.url)

    def _lying(self, agent_id: str | None, thread_id: str) -> list[rows.Row]:
        """Return what lies in the trash of a thread."""
        threads = self._reading.threads_named(agent_id, thread_id)
        return [row for one in threads for row in self._reading.trashed(one.thread)]

    def erase(
        self,
        agent_id: str,
        thread_id: str,
        checkpoint_ids: Sequence[str] | None = None,
        *,
        now: datetime,
    ) -> int:
        """Delete checkpoints of one thread for good; return how many there were.

        It goes in batches behind the head's move; one that is interrupted goes on when it is
        asked for again.
        """
        erasing = Erasing(self._server, self._framing, agent_id, thread_id, checkpoint_ids)
        for _ in range(ATTEMPTS):
            erased = erasing.attempt(now)
            if erased is not None:
                self._saving.forget()
                return erased
        raise busy(self.url)

    def changes(self, cursor: str | None, *, limit: int = 500) -> Changes:
        """Return what was written after ``cursor``.

        A cursor does not fit any more once the server has started anew and something was saved
        since, for it may have lost what it had told.
        """
        return self._reading.changes(cursor, limit)

    def verify(self) -> Iterator[Finding]:
        """Read every frame and record, and yield each thing that is wrong."""
        if self._server.standing() is not None:
            yield from verifying.verify(self._server)
            yield from entry_care.verify(self._server)

    def verify_deep(self) -> Iterator[Finding]:
        """Like verify, and decode every state against its digest."""
        named = set()
        for finding in self.verify():
            named.add(finding.checkpoint_id)
            yield finding
        if self._server.standing() is not None:
            yield from verifying.undecodable(self._server, self._framing, named)

    def repair(self, *, now: datetime) -> list[Finding]:
        """Move what cannot be read into quarantine, with its bytes kept."""
        if self._server.standing() is None:
            return []
        moved_away = mending.quarantine(self._server, now)
        self._framing.forget()
        return moved_away + entry_care.quarantine(self._server, now)

    def rebuild(self, *, now: datetime) -> int:
        """Remake names, listings, counts and heads from the checkpoints' own records.

        A head that can be read stays; one that cannot becomes the thread's newest checkpoint.
        """
        if self._server.standing() is None:
            return 0
        entry_care.relist(self._server)
        listed = mending.rebuild(self._server, now)
        self._framing.forget()
        self._saving.forget()
        return listed

    def close(self) -> None:
        """Let go of the connections."""
        self._server.close()

    def _after_save(self) -> None:
        if not self._warned:
            self._warned = True
            self._warn()
        if self._retention is not None:
            self._retention.run_if_due()

    def _warn(self) -> None:
        """Log once what this server may lose. The save is done: nothing of this fails it."""
        try:
            found = doubts(self._server.settings())
        except (TransientStoreError, PermanentStoreError):
            return
        for sentence in found.values():
            LOG.warning("%s: %s", self.url, sentence)

    def _links(self, checkpoint: Checkpoint) -> list[Link]:
        if checkpoint.damage:
            raise CorruptCheckpoint(
                f"{checkpoint.id}: {checkpoint.damage}", checkpoint_id=checkpoint.id
            )
        links = self._reading.chain(checkpoint.id)
        if not links or links[0].checkpoint_id != checkpoint.id:
            raise CorruptCheckpoint(
                f"{checkpoint.id}: its frame is gone", checkpoint_id=checkpoint.id
            )
        return links


def open_url(url: StoreUrl) -> RedisStore:
    """Open a store; its keys are laid by the first save. Raises PermanentStoreError."""
    return RedisStore(url, prefix=prefix_of(url), ttl=_seconds(url.query.get("ttl")))


def _seconds(ttl: str | None) -> int | None:
    if ttl is None:
        return None
    if not (ttl.isascii() and ttl.isdecimal() and 0 < int(ttl) < 2**40):
        raise PermanentStoreError(f"ttl={ttl!r} must be a number of seconds above 0: ?ttl=86400")
    return int(ttl)


def recognise_server(url: StoreUrl) -> str | None:
    """Say by what a database is known as a store of Holdfast's own. Raises StoreError."""
    server = RedisServer(url, prefix_of(url))
    try:
        return None if server.standing() is None else "its keys are Holdfast's"
    finally:
        server.close()
