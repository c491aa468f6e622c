"""The threads of a store in a bucket: read, remembered, and changed by compare-and-set."""

from __future__ import annotations

import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Generic, NamedTuple, TypeVar

from checkpoints.errors import CheckpointError, CorruptCheckpoint, StoreError, TransientStoreError
from checkpoints.forks import renew_in_children
from checkpoints.stores.objects import bytes as object_bytes
from checkpoints.stores.objects import keys as object_keys
from checkpoints.stores.objects.bucket import AT_ONCE, Bucket, Listed, Version
from checkpoints.stores.objects.keys import ThreadName
from checkpoints.stores.objects.log import (
    STAMPS,
    Item,
    Page,
    Saved,
    ThreadLog,
    edited,
)

T = TypeVar("T")
K = TypeVar("K")
Work = Callable[[ThreadLog | None], tuple[ThreadLog | None, T]]
"""Takes a thread's log (None: there is no such thread); returns the log to write, None for
nothing to write, and a result."""

TRIES = 12
AGAIN = 2
"""Attempts after which a write that got no answer is tried again."""
LONGEST_PAUSE = 1.0
TAIL_ITEMS = 128
TAIL_BYTES = 48 * 1024
"""What a thread's object holds of its log; above either, the log so far becomes a page."""


class Found(NamedTuple):
    """A thread's log and the version of the object that it was read from."""

    log: ThreadLog
    version: Version


class Recent(Generic[K, T]):
    """The values that were used last, for many threads."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._values: OrderedDict[K, T] = OrderedDict()
        self._lock = threading.Lock()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Take a lock that no other thread of the parent holds."""
        self._lock = threading.Lock()

    def get(self, key: K) -> T | None:
        """Return a value, None when it is not remembered."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: K, value: T | None) -> None:
        """Remember a value; None forgets it."""
        with self._lock:
            self._values.pop(key, None)
            if value is not None:
                self._values[key] = value
            while len(self._values) > self._count:
                self._values.popitem(last=False)


class Threads:
    """Reads logs and their pages, and writes a log only over the version that was read."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self._found: Recent[ThreadName, Found] = Recent(256)
        self._pages: Recent[str, tuple[Item, ...]] = Recent(256)

    def names(self, thread_id: str | None = None) -> list[tuple[ThreadName, Listed]]:
        """Return every thread's name (of one id only, if given) and how its object is listed."""
        prefix = object_keys.THREADS
        if thread_id is not None:
            prefix += f"{object_keys.hashed(thread_id)}/"
        found = [(object_keys.thread_of_key(at.key), at) for at in self.bucket.listed(prefix)]
        return [(name, at) for name, at in found if name is not None]

    def read(self, name: ThreadName) -> ThreadLog | None:
        """Return a thread's log as it is now, None when there is none. Raises CorruptCheckpoint."""
        found = self._read(name)
        return found.log if found else None

    def known(self, name: ThreadName) -> ThreadLog | None:
        """Return a thread's log as it was when it was last read or written here."""
        found = self._found.get(name) or self._read(name)
        return found.log if found else None

    def look(
        self, name: ThreadName, work: Callable[[ThreadLog | None], T], *, known: bool = False
    ) -> T:
        """Do something with a log, again with a newer one when its objects were written anew."""
        log = self.known(name) if known else self.read(name)
        try:
            return work(log)
        except ObjectGone:
            return work(self.read(name))

    def change(self, name: ThreadName, work: Work[T], *, known: bool = False) -> T:
        """Do what ``work`` says, on the log as it is when that is written.

        ``work`` is called again when the log has changed meanwhile. With ``known`` it is first
        tried on the log as it was last seen here. Raises TransientStoreError, having changed
        nothing that could be found.
        """
        for attempt in range(TRIES):
            fresh = attempt > 0 or not known
            found = self._read(name) if fresh else self._found.get(name) or self._read(name)
            try:
                log, result = work(found.log if found else None)
            except StoreError:
                raise
            except CheckpointError:
                if fresh:
                    raise
                continue
            if log is None or self._written(name, found, log, again=attempt < AGAIN):
                return result
            time.sleep(random.uniform(0, min(LONGEST_PAUSE, 0.01 * 2**attempt)))  # noqa: S311
        raise TransientStoreError(
            f"{self.bucket.url}: others write to this thread all the time, and nothing was "
            "changed; try again"
        )

    def begin(self, name: ThreadName, log: ThreadLog, over: tuple[bytes, Version] | None) -> None:
        """Write a log where none can be read. Raises TransientStoreError when one was by now."""
        found = Found(log, over[1]) if over else None
        if not self._written(name, found, log):
            raise TransientStoreError(
                f"{self.bucket.url}: somebody else wrote to this thread; nothing was changed, "
                "try again"
            )

    def items(self, log: ThreadLog, *, after: int = 0, limit: int | None = None) -> list[Item]:
        """Return the items of a log behind a number, in their order: all, or so many at least."""
        pages = [page for page in log.pages if page.last > after]
        found: list[Item] = []
        step = AT_ONCE if limit is None else 1 + min(AT_ONCE, limit // TAIL_ITEMS)
        for start in range(0, len(pages), step):
            for items in self.pages(log, pages[start : start + step]):
                found += [item for item in items if item.seq > after]
            if limit is not None and len(found) >= limit:
                return found
        return found + [item for item in log.tail if item.seq > after]

    def item(self, log: ThreadLog, seq: int) -> Item | None:
        """Return the item of a number, None when there is none."""
        page = _page_of(log, seq)
        items = self.pages(log, [page])[0] if page else log.tail
        return next((item for item in items if item.seq == seq), None)

    def pages(self, log: ThreadLog, pages: Sequence[Page]) -> list[tuple[Item, ...]]:
        """Return the items of some pages. Raises CorruptCheckpoint."""
        return self.bucket.at_once(lambda page: self._page(page.name(log.name).key), pages)

    def rewritten(self, log: ThreadLog, changes: Mapping[int, Saved], write: int) -> ThreadLog:
        """Return the log with some checkpoints replaced, their pages written anew."""
        touched = {page for seq in changes if (page := _page_of(log, seq))}
        pages = tuple(
            self._repaged(log, page, changes, write) if page in touched else page
            for page in log.pages
        )
        return replace(log, pages=pages, tail=edited(log.tail, changes))

    def paged(self, log: ThreadLog, items: Iterable[Item], write: int) -> Page:
        """Write a page and return where it is."""
        given = tuple(items)
        page = Page(
            first=given[0].seq, last=given[-1].seq, write=write, nonce=object_keys.new_nonce()
        )
        key = page.name(log.name).key
        self.bucket.create(key, object_bytes.pack_items(key, given))
        self._pages.put(key, given)
        return page

    def _repaged(
        self, log: ThreadLog, page: Page, changes: Mapping[int, Saved], write: int
    ) -> Page:
        items = edited(self.pages(log, [page])[0], changes)
        return replace(self.paged(log, items, write), first=page.first, last=page.last)

    def _read(self, name: ThreadName) -> Found | None:
        key = object_keys.thread_key(name)
        got = self.bucket.get(key)
        try:
            found = Found(object_bytes.unpack_thread(key, got[0]), got[1]) if got else None
        except CorruptCheckpoint as error:
            self._found.put(name, None)
            raise CorruptCheckpoint(f"{error}; `holdfast rebuild` remakes it") from error
        self._found.put(name, found)
        return found

    def _written(
        self, name: ThreadName, found: Found | None, log: ThreadLog, *, again: bool = False
    ) -> bool:
        """Write a log over the one that was found; False when that is another by now.

        Where the answer got lost, a stamp shows whether the write arrived. If it did not this is
        False with ``again`` and else raises TransientStoreError.
        """
        key, stamp = object_keys.thread_key(name), object_keys.new_nonce()
        log = replace(self._shortened(log), stamps=(*log.stamps[1 - STAMPS :], stamp))
        data = object_bytes.pack_thread(key, log)
        try:
            version = (
                self.bucket.replace(key, data, found.version)
                if found
                else self.bucket.create(key, data)
            )
        except TransientStoreError:
            arrived = self._arrived(name, stamp)
            if arrived or again:
                return arrived
            raise
        if version is None:
            return self._arrived(name, stamp)
        self._found.put(name, Found(log, version))
        return True

    def _arrived(self, name: ThreadName, stamp: str) -> bool:
        now = self.read(name)
        return now is not None and stamp in now.stamps

    def _shortened(self, log: ThreadLog) -> ThreadLog:
        heavy = sum(len(i.record) for i in log.tail if isinstance(i, Saved)) > TAIL_BYTES
        if len(log.tail) < TAIL_ITEMS and not heavy:
            return log
        page = self.paged(log, log.tail, log.seq)
        return replace(log, pages=(*log.pages, page), tail=())

    def _page(self, key: str) -> tuple[Item, ...]:
        items = self._pages.get(key)
        if items is None:
            data = self.bucket.data(key)
            if data is None:
                raise ObjectGone(f"the object {key} is gone; `holdfast rebuild` remakes it")
            try:
                items = object_bytes.unpack_items(key, data)
            except CorruptCheckpoint as error:
                raise CorruptCheckpoint(f"{error}; `holdfast rebuild` remakes it") from error
            self._pages.put(key, items)
        return items


class ObjectGone(CorruptCheckpoint):
    """An object is not there: it is lost, or it was written anew after its log was read."""


def _page_of(log: ThreadLog, seq: int) -> Page | None:
    return next((page for page in log.pages if page.first <= seq <= page.last), None)
