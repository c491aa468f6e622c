"""Remaking threads and pages from the frames alone: each holds its record and its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from checkpoints.errors import CorruptCheckpoint, StoreError
from checkpoints.records import Checkpoint, Head
from checkpoints.stores.objects import keys as object_keys
from checkpoints.stores.objects.bytes import FrameObject, unpack_frame_object
from checkpoints.stores.objects.frames import Frames
from checkpoints.stores.objects.keys import FrameName, ThreadName
from checkpoints.stores.objects.log import (
    About,
    Item,
    Page,
    Place,
    Saved,
    ThreadLog,
    What,
    after_change,
    after_move,
    saves,
    told,
)
from checkpoints.stores.record_bytes import unpack_record

PAGE_ITEMS = 128


class _Kept(NamedTuple):
    """A frame that is there and can be read."""

    name: FrameName
    frame: FrameObject
    record: Checkpoint


def rebuild(frames: Frames, now: datetime) -> int:
    """Remake what is lost or damaged of every thread; return how many checkpoints are listed."""
    by_thread: dict[ThreadName, list[FrameName]] = {}
    for at in frames.bucket.listed(object_keys.FRAMES):
        name = object_keys.frame_of_key(at.key)
        if name is not None:
            by_thread.setdefault(name.thread, []).append(name)
    known = dict.fromkeys(name for name, _ in frames.threads.names())
    listed = sum(
        _rebuilt(frames, name, by_thread.get(name, []), now) for name in {**by_thread, **known}
    )
    frames.framing.forget()
    return listed


def _rebuilt(frames: Frames, name: ThreadName, names: Sequence[FrameName], now: datetime) -> int:
    try:
        log = frames.threads.read(name)
    except StoreError:
        raise
    except CorruptCheckpoint:
        log = None
    if log is not None:
        return frames.threads.change(name, lambda log: _mended(frames, log, names))
    made = _remade(frames, name, names, now)
    if made is None:
        return 0
    _put_anew(frames, name, made)
    return made.listed


def _mended(
    frames: Frames, log: ThreadLog | None, names: Sequence[FrameName]
) -> tuple[ThreadLog | None, int]:
    """Remake the pages of a log that cannot be read, and count anew."""
    if log is None:
        return None, 0
    good: dict[Page, tuple[Item, ...]] = {}
    for page in log.pages:
        try:
            good[page] = frames.threads.pages(log, [page])[0]
        except StoreError:
            raise
        except CorruptCheckpoint:
            continue
    items = [item for items in good.values() for item in items] + list(log.tail)
    pages = tuple(
        page if page in good else _page_again(frames, log, page, names) for page in log.pages
    )
    again = replace(log, pages=pages)
    every = saves(items if len(good) == len(pages) else frames.threads.items(again))
    listed = [saved for saved in every if saved.place is Place.LISTED]
    if again == log and len(listed) == log.listed:
        return None, len(listed)
    trashed = len(every) - len(listed)
    again = replace(again, listed=len(listed), trashed=trashed)
    back = [
        s for s in listed if any(p.first <= s.seq <= p.last for p in log.pages if p not in good)
    ]
    about = [About(saved.seq, saved.id, "") for saved in back]
    return after_change(again, (), (), told(log, What.RETURNED, about, 0)), len(listed)


def _page_again(frames: Frames, log: ThreadLog, page: Page, names: Sequence[FrameName]) -> Page:
    """Write a page anew from the frames that belong into it; the trash among them comes back."""
    own = [name for name in names if page.first <= name.seq <= page.last]
    items = [_saved(kept) for kept in _chosen(_read(frames, own))]
    if not items:
        items = [_nothing(page.first)]
    new = frames.threads.paged(log, items, log.seq + 1)
    return replace(new, first=page.first, last=page.last)


def _nothing(seq: int) -> Saved:
    """Return what stands for a checkpoint of which nothing is left."""
    return Saved(
        seq=seq, id="", write=seq, nonce="", base=None, record=b"", size=0, place=Place.GONE
    )


def _remade(
    frames: Frames, name: ThreadName, names: Sequence[FrameName], now: datetime
) -> ThreadLog | None:
    """Return a thread's log from its frames: the newest is its head; None when none can be read."""
    kept = _chosen(_read(frames, names))
    if not kept:
        return None
    last = kept[-1].record
    head = Head(
        agent_id=last.agent_id,
        thread_id=last.thread_id,
        checkpoint_id=last.id,
        version=len(kept),
        moved_at=now,
        reason="remade by rebuild",
    )
    write = 1 + max(_writes(frames, name, names))
    empty = ThreadLog(agent_id=last.agent_id, thread_id=last.thread_id, head=head)
    items = [_saved(one) for one in kept]
    pages = tuple(
        frames.threads.paged(empty, items[start : start + PAGE_ITEMS], write)
        for start in range(0, len(items), PAGE_ITEMS)
    )
    log = replace(empty, seq=write - 1, swept=write, listed=len(items), pages=pages)
    return after_move(log, head, last.status, now)


def _writes(frames: Frames, name: ThreadName, names: Iterable[FrameName]) -> Iterable[int]:
    """Return every number that a write of this thread may have had."""
    pages = frames.bucket.listed(f"{object_keys.PAGES}{name}/")
    found = [object_keys.page_of_key(at.key) for at in pages]
    return [*(n.write for n in names), *(page.write for page in found if page is not None)]


def _put_anew(frames: Frames, name: ThreadName, log: ThreadLog) -> None:
    """Write a thread's object where there is none that can be read, keeping what there was."""
    key = object_keys.thread_key(name)
    got = frames.bucket.get(key)
    if got is not None:
        frames.bucket.put(f"{object_keys.QUARANTINE}{key}", got[0])
    frames.threads.begin(name, log, got)


def _read(frames: Frames, names: Sequence[FrameName]) -> list[_Kept]:
    """Return those frames that can be read, in their order."""
    ordered = sorted(names, key=lambda name: (name.seq, name.write))
    contents = frames.bucket.contents([name.key for name in ordered])
    kept = (_kept(name, data) for name, data in zip(ordered, contents, strict=True))
    return [one for one in kept if one is not None]


def _kept(name: FrameName, data: bytes | None) -> _Kept | None:
    if data is None:
        return None
    try:
        frame = unpack_frame_object(name.key, data)
        size = len(frame.data)
        record = unpack_record(frame.record, checkpoint_id=frame.id, stored_size=size)
    except CorruptCheckpoint:
        return None
    return _Kept(name, frame, record)


def _chosen(kept: Sequence[_Kept]) -> list[_Kept]:
    """Return one frame for each number and each id.

    Of those that raced for a number, the one that others follow was saved; of those under one id,
    the one that others stand on; otherwise the one that was written last.
    """
    parents = {one.record.parent_id for one in kept}
    bases = {one.frame.base for one in kept}
    by_seq: dict[int, _Kept] = {}
    for one in sorted(kept, key=lambda one: (one.record.id in parents, one.name.write)):
        by_seq[one.name.seq] = one
    by_id: dict[str, _Kept] = {}
    for one in sorted(by_seq.values(), key=lambda one: (one.name.seq in bases, one.name.seq)):
        by_id[one.record.id] = one
    return sorted(by_id.values(), key=lambda one: one.name.seq)


def _saved(kept: _Kept) -> Saved:
    return Saved(
        seq=kept.name.seq,
        id=kept.frame.id,
        write=kept.name.write,
        nonce=kept.name.nonce,
        base=kept.frame.base,
        record=kept.frame.record,
        size=len(kept.frame.data),
    )
