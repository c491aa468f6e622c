"""What a store in a bucket gained, thread by thread.

There is no one order of events without a lock that all writers take, so a cursor says for every
thread how much of its log was seen, and by which content of its object; a listing then names the
threads whose object is another by now. Nothing can be missed: a log only grows.
"""

from __future__ import annotations

import binascii
import struct
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from checkpoints.errors import CorruptCheckpoint
from checkpoints.records import Changes, Checkpoint, Finding, Removal, Thread
from checkpoints.stores.objects.bucket import AT_ONCE, Listed
from checkpoints.stores.objects.bytes import record_of
from checkpoints.stores.objects.frames import Frames
from checkpoints.stores.objects.keys import ThreadName
from checkpoints.stores.objects.log import Happened, Item, Place, Saved, ThreadLog, What, view
from checkpoints.stores.objects.threads import ObjectGone
from checkpoints.stores.record_bytes import time_of

_SEEN = struct.Struct("<8s6sI")
_CHECK = struct.Struct("<I")


class Seen(NamedTuple):
    """How much of a thread's log was seen. ``etag`` is empty bytes when more waits in it."""

    etag: bytes
    seq: int


Cursor = dict[bytes, Seen]


def pack_cursor(store_id: str, seen: Mapping[bytes, Seen]) -> str:
    """Return a cursor: the store's id, and 18 bytes for each thread, in base64."""
    data = b"".join(_SEEN.pack(thread, *seen[thread]) for thread in sorted(seen))
    text = urlsafe_b64encode(data + _CHECK.pack(zlib.crc32(data))).decode().rstrip("=")
    return f"{store_id}:{text}"


def unpack_cursor(cursor: str | None, store_id: str) -> Cursor | None:
    """Return what a cursor says, None when it is not one of this store."""
    if not cursor:
        return {}
    identity, _, text = cursor.partition(":")
    try:
        packed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        (check,) = _CHECK.unpack(packed[-4:])
    except (binascii.Error, struct.error, UnicodeError):
        return None
    data = packed[:-4]
    if identity != store_id or check != zlib.crc32(data) or len(data) % _SEEN.size:
        return None
    return {thread: Seen(etag, seq) for thread, etag, seq in _SEEN.iter_unpack(data)}


class _Renewed(Exception):
    """A thread's log is shorter than a cursor says: the store was put back to an earlier time."""


@dataclass(slots=True)
class _Page:
    """The changes that were collected so far."""

    room: int
    seen: Cursor
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    threads: list[Thread] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    complete: bool = True


def changes(frames: Frames, store_id: str, cursor: str | None, limit: int) -> Changes:
    """Return what was written after a cursor; from the beginning when it does not fit."""
    listed = [(_short(str(name)), name, at) for name, at in frames.threads.names()]
    seen = unpack_cursor(cursor, store_id)
    fits = seen is not None and seen.keys() <= {short for short, _, _ in listed}
    try:
        page = _collected(frames, listed, dict(seen or {}) if fits else {}, limit)
    except _Renewed:
        fits, page = False, _collected(frames, listed, {}, limit)
    return Changes(
        cursor=pack_cursor(store_id, page.seen),
        checkpoints=tuple(page.checkpoints.values()),
        threads=tuple(page.threads),
        removals=tuple(page.removals),
        findings=tuple(page.findings),
        complete=page.complete,
        reset=not fits,
    )


def _collected(
    frames: Frames, listed: Sequence[tuple[bytes, ThreadName, Listed]], seen: Cursor, limit: int
) -> _Page:
    page = _Page(room=max(1, limit), seen=seen)
    moved = [one for one in listed if _etag(one[2]) != seen.get(one[0], Seen(b"", 0)).etag]
    for start in range(0, len(moved), AT_ONCE):
        batch = moved[start : start + AT_ONCE]
        logs = frames.bucket.at_once(lambda one: _log(frames, one[1]), batch)
        for (short, _, at), log in zip(batch, logs, strict=True):
            if page.room <= 0:
                page.complete = False
                return page
            _take(frames, page, short, _etag(at), log)
    return page


def _log(frames: Frames, name: ThreadName) -> ThreadLog | Finding | None:
    try:
        return frames.threads.read(name)
    except CorruptCheckpoint as error:
        return _unreadable(error)


def _take(
    frames: Frames, page: _Page, short: bytes, etag: bytes, log: ThreadLog | Finding | None
) -> None:
    """Take what is new in a thread's log into a page, as far as there is room.

    A log that cannot be read stays where it was seen last, and is told of each time.
    """
    if isinstance(log, ThreadLog):
        before = page.seen.get(short, Seen(b"", 0)).seq
        if log.seq < before:
            raise _Renewed
        try:
            news = _new(frames, log, before, page.room)
        except CorruptCheckpoint as error:
            log = _unreadable(error, log.thread_id)
        else:
            _put(page, short, etag, news)
    if isinstance(log, Finding):
        page.findings.append(log)


def _unreadable(error: CorruptCheckpoint, thread_id: str | None = None) -> Finding:
    return Finding(kind="damaged_thread", message=str(error), thread_id=thread_id)


class _News(NamedTuple):
    log: ThreadLog
    items: list[Item]
    present: dict[int, Saved]


def _new(frames: Frames, log: ThreadLog, before: int, room: int) -> _News:
    try:
        return _behind(frames, log, before, room)
    except ObjectGone:
        return _behind(frames, frames.threads.read(log.name) or log, before, room)


def _behind(frames: Frames, log: ThreadLog, before: int, room: int) -> _News:
    items = frames.threads.items(log, after=before, limit=room + 1)
    about = {a.seq for i in items if isinstance(i, Happened) for a in i.about}
    named = [frames.threads.item(log, seq) for seq in about]
    present = [i for i in (*items, *named) if isinstance(i, Saved) and i.place is Place.LISTED]
    return _News(log, items, {saved.seq: saved for saved in present})


def _put(page: _Page, short: bytes, etag: bytes, news: _News) -> None:
    log, items, present = news
    taken = items[: page.room]
    page.room -= len(taken)
    whole = len(taken) == len(items)
    page.complete = page.complete and whole
    page.seen[short] = Seen(etag, log.seq) if whole else Seen(b"", taken[-1].seq)
    for item in taken:
        for saved in _gained(item, present):
            page.checkpoints[f"{short.hex()}{saved.seq}"] = record_of(log, saved)
        page.removals += _removed(log, item, present)
    if taken:
        page.threads.append(view(log))


def _gained(item: Item, present: Mapping[int, Saved]) -> Iterator[Saved]:
    seqs = [item.seq] if isinstance(item, Saved) else []
    if isinstance(item, Happened) and item.what is What.RETURNED:
        seqs = [about.seq for about in item.about]
    yield from (present[seq] for seq in seqs if seq in present)


def _removed(log: ThreadLog, item: Item, present: Mapping[int, Saved]) -> Iterator[Removal]:
    if not isinstance(item, Happened) or item.what is not What.REMOVED:
        return
    for about in item.about:
        if about.seq not in present:
            yield Removal(
                agent_id=log.agent_id,
                thread_id=log.thread_id,
                checkpoint_id=about.id,
                reason=about.reason,
                removed_at=time_of(item.at),
            )


def _short(name: str) -> bytes:
    return sha256(name.encode()).digest()[:8]


def _etag(at: Listed) -> bytes:
    """Return what a cursor remembers of a content; nothing where listings do not tell it."""
    return sha256(at.etag.encode()).digest()[:6] if at.etag else b""
