"""Checkpoints as objects in a bucket: ``s3://bucket/prefix``, ``gs://…`` and ``az://…``."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from checkpoints.bodies.encryption import Keyring
from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint, PermanentStoreError
from checkpoints.forks import renew_in_children
from checkpoints.identifiers import new_id
from checkpoints.measures import Space
from checkpoints.records import (
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
from checkpoints.stores.fields import StateFields
from checkpoints.stores.framing import Framing
from checkpoints.stores.ledger import missing
from checkpoints.stores.measuring import trashed_bytes
from checkpoints.stores.objects import care as object_care
from checkpoints.stores.objects import changes as object_changes
from checkpoints.stores.objects import erasing as object_erasing
from checkpoints.stores.objects import journal as object_journal
from checkpoints.stores.objects import keys as object_keys
from checkpoints.stores.objects import mending as object_mending
from checkpoints.stores.objects import moves as object_moves
from checkpoints.stores.objects import probe as object_probe
from checkpoints.stores.objects import rebuilding as object_rebuilding
from checkpoints.stores.objects import saves as object_saves
from checkpoints.stores.objects.bucket import AT_ONCE, Bucket, seconds_of
from checkpoints.stores.objects.bytes import record_of
from checkpoints.stores.objects.frames import Frames
from checkpoints.stores.objects.journal import ObjectJournal
from checkpoints.stores.objects.keys import ThreadName
from checkpoints.stores.objects.log import Item, Place, Saved, ThreadLog, saves, view
from checkpoints.stores.objects.scratch import remove_scratch, spoil
from checkpoints.stores.operable import Trash
from checkpoints.stores.operations import Operations
from checkpoints.stores.record_bytes import microseconds, time_of
from checkpoints.stores.removals import exempted
from checkpoints.stores.urls import StoreUrl

__all__ = ["ObjectStore", "open_url", "remove_scratch", "spoil"]


class ObjectStore(Operations, ObjectJournal):
    """Keeps each checkpoint as an object and each thread's head and log as another.

    A save counts from the moment in which the thread's object was replaced, on the condition that
    it still was the one that the save had seen.
    """

    def __init__(self, bucket: Bucket, keys: Keyring | None = None) -> None:
        self.url = bucket.url
        self._bucket = bucket
        self._framing = Framing(keys)
        self._frames = Frames(bucket, self._framing)
        self._threads = self._frames.threads
        self._store_id: str | None = None
        self._begun = False
        self._lock = threading.Lock()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Take a lock that no other thread of the parent holds."""
        self._lock = threading.Lock()

    def put(self, draft: Draft, state: State, *, expected_head: str | None) -> Checkpoint:
        """Save durably and make it the head, in one step, before returning."""
        return self.put_many([(draft, state)], expected_head=expected_head)[0]

    def put_many(
        self, drafts: Sequence[tuple[Draft, State]], *, expected_head: str | None
    ) -> list[Checkpoint]:
        """Save a chain of one thread's checkpoints, which count in one moment: all or none."""
        self._begin()
        return object_saves.save(self._frames, drafts, expected_head)

    def threads(self) -> Iterator[Thread]:
        """Yield every thread, most recently updated first; not those that cannot be read."""
        names = [name for name, _ in self._checked_threads()]
        logs = self._bucket.at_once(self._readable, names)
        views = [view(log) for log in logs if log is not None and log.is_there]
        yield from sorted(views, key=_last_moved, reverse=True)

    def history(
        self, agent_id: str | None, thread_id: str, *, limit: int | None = None
    ) -> list[Checkpoint]:
        """Return a thread's checkpoints, newest first, without states."""
        names = self._names(agent_id, thread_id)
        found = [self._threads.look(name, lambda log: self._newest(log, limit)) for name in names]
        if not any(one is not None for one in found):
            raise CheckpointNotFound(f"there is no thread {thread_id!r} in {self.url}")
        records = [record for one in found for record in one or ()]
        if len(found) > 1:
            records.sort(key=lambda record: record.created_at, reverse=True)
        return records[:limit]

    def get(
        self,
        checkpoint_id: str,
        *,
        thread_id: str | None = None,
        namespace: str | None = None,
    ) -> Checkpoint:
        """Return one record."""
        self._check()
        places = [] if namespace else self._places(checkpoint_id, thread_id)
        found = [
            record_of(log, saved)
            for log, saved in places
            if saved.place is Place.LISTED and thread_id in (None, log.thread_id)
        ]
        if not found:
            raise CheckpointNotFound(missing(checkpoint_id, thread_id))
        if len(found) > 1:
            raise object_care.ambiguous(checkpoint_id)
        return found[0]

    def load(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Return a checkpoint's state, each field checked."""
        return self._framing.load(checkpoint, self._frames.links_of_record(checkpoint))

    def fields(self, checkpoint: Checkpoint) -> Mapping[str, Any]:
        """Return the state as a mapping that decodes a field when it is asked for."""
        links = self._frames.links_of_record(checkpoint)
        return StateFields(self._framing.stored(checkpoint, links))

    def raw(self, checkpoint: Checkpoint) -> bytes:
        """Return the stored bytes as they are: its frame, without those that it stands on."""
        return self._frames.links_of_record(checkpoint)[0].data

    def head(self, agent_id: str | None, thread_id: str) -> Head | None:
        """Return what the next run of the thread resumes from."""
        for name in self._names(agent_id, thread_id):
            log = self._threads.read(name)
            if log is not None and log.is_there:
                return log.head
        return None

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
        self._begin()
        move = object_moves.Move(
            expected=expected,
            now=now,
            operation_id=operation_id,
            reason=reason,
            directive=directive,
        )
        return object_moves.set_head(self._frames, checkpoint, move)

    def take_directive(self, head: Head) -> Directive | None:
        """Return the directive left with this head and clear it, so that it is obeyed once."""
        if head.directive is None:
            return None
        self._begin()
        return object_moves.take_directive(self._frames, head)

    def pin(self, checkpoint: Checkpoint, *, reason: str, now: datetime) -> None:
        """Exempt a checkpoint from retention."""
        self._begin()

        def work(log: ThreadLog | None) -> tuple[ThreadLog, None]:
            saved = self._frames.find(log, checkpoint.id) if log else None
            if log is None or saved is None or saved.place is not Place.LISTED:
                raise CheckpointNotFound(missing(checkpoint.id, None))
            pins = {**log.pins, checkpoint.id: (reason, microseconds(now))}
            return replace(log, seq=log.seq + 1, pins=pins), None

        self._threads.change(_name(checkpoint), work)

    def unpin(self, checkpoint: Checkpoint) -> None:
        """Take the exemption back."""
        self._begin()

        def work(log: ThreadLog | None) -> tuple[ThreadLog | None, None]:
            if log is None or checkpoint.id not in log.pins:
                return None, None
            pins = {name: pin for name, pin in log.pins.items() if name != checkpoint.id}
            return replace(log, seq=log.seq + 1, pins=pins), None

        self._threads.change(_name(checkpoint), work)

    def pins(self) -> list[Pin]:
        """Return all pins."""
        logs = self._bucket.at_once(self._readable, [name for name, _ in self._checked_threads()])
        found = [
            Pin(checkpoint_id=name, reason=reason, pinned_at=time_of(at))
            for log in logs
            if log is not None
            for name, (reason, at) in log.pins.items()
        ]
        return sorted(found, key=lambda pin: pin.pinned_at)

    def trash(self, checkpoints: Mapping[str, str], *, now: datetime) -> list[Removal]:
        """Move checkpoints (id to reason) into the trash."""
        if not checkpoints:
            return []
        self._begin()
        return object_care.trash(self._frames, checkpoints, now)

    def untrash(self, checkpoint_ids: Sequence[str]) -> int:
        """Bring checkpoints back from the trash; return how many came."""
        self._begin()
        return object_care.untrash(self._frames, checkpoint_ids)

    def sweep(self, *, before: datetime) -> int:
        """Delete for good what went to the trash before a time; return the bytes freed.

        What stands on a deleted frame is written anew first. Frames of saves that never counted
        are deleted too.
        """
        self._begin()
        return object_care.sweep(self._frames, before)

    def space(self) -> Space:
        """Return what the store's objects take up; what was put away is orphaned."""
        away = self._bucket.taken(object_keys.QUARANTINE)
        return Space(
            stored=self._bucket.taken(), free=0, orphaned=away, trashed=trashed_bytes(self)
        )

    def in_trash(self, agent_id: str | None, thread_id: str) -> list[Checkpoint]:
        """Return the records of a thread that lie in the trash."""
        names = self._names(agent_id, thread_id)
        found = [self._threads.look(name, self._lying) for name in names]
        return [record for records in found for record in records]

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

        What stands on a deleted frame is written anew first.
        """
        if self._check() is None:
            return 0
        self._begin()
        names = self._names(agent_id, thread_id)
        return sum(object_care.purge(self._frames, name, set(checkpoint_ids)) for name in names)

    def exempt(self, agent_id: str | None, thread_id: str) -> dict[str, str]:
        """Return why the head and pins stay; only the thread's own object is read."""
        logs = [self._threads.read(name) for name in self._names(agent_id, thread_id)]
        there = [log for log in logs if log is not None and log.is_there]
        pins = {name: reason for log in there for name, (reason, _) in log.pins.items()}
        return exempted(pins, there[0].head if there else None)

    def _lying(self, log: ThreadLog | None) -> list[Checkpoint]:
        items = self._threads.items(log) if log is not None and log.trashed else []
        found = saves(items, lambda saved: saved.place is Place.TRASHED)
        return [record_of(log, saved) for saved in found] if log is not None else []

    def erase(
        self,
        agent_id: str,
        thread_id: str,
        checkpoint_ids: Sequence[str] | None = None,
        *,
        now: datetime,
    ) -> int:
        """Delete checkpoints of one thread for good; return how many there were.

        From the moment in which the thread's object is replaced nothing names them; their
        objects are deleted after that, frames of saves that never counted by a sweep.
        """
        if self._check() is None:
            return 0
        self._begin()
        name = object_keys.thread_name(agent_id, thread_id)
        return object_erasing.erase(self._frames, name, checkpoint_ids, now)

    def changes(self, cursor: str | None, *, limit: int = 500) -> Changes:
        """Return what was written after ``cursor``, thread by thread."""
        store_id = self._check()
        if store_id is None:
            return Changes(cursor=cursor or "")
        return object_changes.changes(self._frames, store_id, cursor, limit)

    def verify(self) -> Iterator[Finding]:
        """Read every frame and record, and yield each thing that is wrong."""
        yield from self._verified(deep=False)

    def verify_deep(self) -> Iterator[Finding]:
        """Like verify, and decode every state against its digest."""
        yield from self._verified(deep=True)

    def repair(self, *, now: datetime) -> list[Finding]:
        """Move what cannot be read into quarantine, with its bytes kept."""
        self._begin()
        return object_mending.repair(self._frames, now) + object_journal.quarantine(self._bucket)

    def rebuild(self, *, now: datetime) -> int:
        """Remake threads and their pages from the frames alone, where they cannot be read.

        A thread's object that can be read stays; for one that cannot, the newest frame becomes
        the head, what lay in the trash comes back, and pins are lost.
        """
        self._store_id = object_probe.remade(self._bucket, new_id())
        return object_rebuilding.rebuild(self._frames, now)

    def close(self) -> None:
        """Let go of connections and threads."""
        self._bucket.close()

    def _begin(self) -> None:
        """Before the first write: see that the server keeps conditions, and begin the store."""
        if self._begun:
            return
        with self._lock:
            if not self._begun:
                self._store_id = object_probe.begun(self._bucket, new_id())
                self._begun = True

    def _check(self) -> str | None:
        """Before a read: see that what lies there is a store. Return its id, None if none is."""
        if self._store_id is None:
            self._store_id = object_probe.identity(self._bucket)
        return self._store_id

    def _verified(self, *, deep: bool) -> Iterator[Finding]:
        try:
            nameless = self._check() is None and bool(self._threads.names())
        except CorruptCheckpoint:
            nameless = True
        if nameless:
            yield Finding(
                kind="lost_store",
                message="the object that names the store is gone or damaged; `holdfast rebuild` "
                "remakes it",
            )
        yield from object_mending.verify(self._frames, deep=deep)
        yield from object_journal.verify(self._bucket)

    def _checked_threads(self) -> list[tuple[ThreadName, Any]]:
        return self._threads.names() if self._check() is not None else []

    def _names(self, agent_id: str | None, thread_id: str) -> list[ThreadName]:
        self._check()
        if agent_id is not None:
            return [object_keys.thread_name(agent_id, thread_id)]
        return [name for name, _ in self._threads.names(thread_id)]

    def _places(self, checkpoint_id: str, thread_id: str | None) -> list[tuple[ThreadLog, Saved]]:
        """Return where a checkpoint is; one whose frame is gone is found in its own thread only."""
        places = self._frames.places(checkpoint_id)
        if places or thread_id is None:
            return places
        logs = map(self._threads.read, self._names(None, thread_id))
        found = [(log, self._frames.find(log, checkpoint_id)) for log in logs if log]
        return [(log, saved) for log, saved in found if saved]

    def _readable(self, name: ThreadName) -> ThreadLog | None:
        try:
            return self._threads.read(name)
        except CorruptCheckpoint:
            return None

    def _newest(self, log: ThreadLog | None, limit: int | None) -> list[Checkpoint] | None:
        if log is None or not log.is_there:
            return None
        listed: list[Saved] = []
        for items in self._newest_first(log):
            listed += reversed(saves(items, lambda saved: saved.place is Place.LISTED))
            if limit is not None and len(listed) >= limit:
                break
        return [record_of(log, saved) for saved in listed[:limit]]

    def _newest_first(self, log: ThreadLog) -> Iterator[Sequence[Item]]:
        """Yield the parts of a log, the newest first; several pages are got at once."""
        yield log.tail
        for end in range(len(log.pages), 0, -AT_ONCE):
            pages = log.pages[max(0, end - AT_ONCE) : end]
            yield from reversed(self._threads.pages(log, pages))


def _name(checkpoint: Checkpoint) -> ThreadName:
    return object_keys.thread_name(checkpoint.agent_id, checkpoint.thread_id)


def _last_moved(thread: Thread) -> float:
    return thread.updated_at.timestamp() if thread.updated_at else 0.0


def open_url(url: StoreUrl) -> ObjectStore:
    """Open a store in a bucket. Sends nothing.

    Credentials come from the environment or from the machine's role, never from the URL. Raises
    PermanentStoreError.
    """
    if "@" in url.server:
        raise PermanentStoreError(
            f"{url.scheme}://{url.server.rpartition('@')[2]}: credentials do not belong into the "
            "URL of a bucket; set them in the environment. Nothing was opened"
        )
    endpoint = urlsplit(url.query.get("endpoint", "https://default"))
    if endpoint.scheme not in {"http", "https"} or not endpoint.hostname or "@" in endpoint.netloc:
        raise PermanentStoreError(
            f"{url.scheme}://{url.server}: endpoint= must be an address like https://host:port, "
            "without credentials. Nothing was opened"
        )
    seconds_of(url)
    return ObjectStore(Bucket(url, url.text), url.keys)


def recognise_server(url: StoreUrl) -> str | None:
    """Say by what a bucket is known as a store of Holdfast's own. Raises StoreError."""
    bucket = open_url(url)._bucket  # noqa: SLF001 - the store's own module
    try:
        return None if object_probe.identity(bucket) is None else "its objects are Holdfast's"
    finally:
        bucket.close()
