"""Removing checkpoints from a store in a bucket: trash, back again, and for good."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from checkpoints.bodies.rebasing import rebased
from checkpoints.errors import (
    AmbiguousReference,
    CheckpointError,
    CheckpointNotFound,
    CorruptCheckpoint,
)
from checkpoints.records import Removal, Status
from checkpoints.stores.ledger import missing, refuse_kept
from checkpoints.stores.objects import keys as object_keys
from checkpoints.stores.objects.bytes import FrameObject
from checkpoints.stores.objects.frames import Frames
from checkpoints.stores.objects.keys import FrameName, ThreadName
from checkpoints.stores.objects.log import (
    About,
    Item,
    Place,
    Saved,
    ThreadLog,
    What,
    after_change,
    gone,
    saves,
    told,
)
from checkpoints.stores.record_bytes import microseconds

Seqs = dict[ThreadName, list[int]]


def trash(frames: Frames, reasons: Mapping[str, str], now: datetime) -> list[Removal]:
    """Move checkpoints into the trash. Raises PlanRefused, CheckpointNotFound with none moved."""
    found = _located(frames, reasons, Place.LISTED)
    for name, seqs in found.items():
        log = _there(frames.threads.read(name))
        _refuse_kept(log, _at(frames, log, seqs), reasons)
    done: Seqs = {}
    removals: list[Removal] = []
    try:
        for name, seqs in found.items():
            removals += _trash_of(frames, name, seqs, reasons, now)
            done[name] = seqs
    except CheckpointError:
        for name, seqs in done.items():
            _untrash_of(frames, name, seqs)
        raise
    order = list(reasons)
    return sorted(removals, key=lambda removal: order.index(removal.checkpoint_id))


def untrash(frames: Frames, checkpoint_ids: Iterable[str]) -> int:
    """Bring checkpoints back to their old places; return how many came."""
    found = _located(frames, dict.fromkeys(checkpoint_ids), Place.TRASHED, must_exist=False)
    return sum(_untrash_of(frames, name, seqs) for name, seqs in found.items())


def _located(frames: Frames, ids: Iterable[str], place: Place, *, must_exist: bool = True) -> Seqs:
    """Return where checkpoints are. Raises CheckpointNotFound, AmbiguousReference."""
    given = list(ids)
    found: Seqs = {}
    logs: dict[ThreadName, ThreadLog | None] = {}
    for checkpoint_id, names in zip(given, frames.bucket.at_once(frames.of, given), strict=True):
        places = set()
        for name in names:
            if name.thread not in logs:
                logs[name.thread] = frames.threads.read(name.thread)
            log = logs[name.thread]
            item = frames.threads.item(log, name.seq) if log else None
            if isinstance(item, Saved) and (item.id, item.place) == (checkpoint_id, place):
                places.add((name.thread, name.seq))
        if not places and must_exist:
            raise CheckpointNotFound(missing(checkpoint_id, None))
        if len(places) > 1:
            raise ambiguous(checkpoint_id)
        for thread, seq in places:
            found.setdefault(thread, []).append(seq)
    return found


def ambiguous(checkpoint_id: str) -> AmbiguousReference:
    """Return the error for an id that two threads came to have in one moment."""
    return AmbiguousReference(
        f"{checkpoint_id!r} is in more than one thread; name the thread too. Nothing was changed"
    )


def _refuse_kept(log: ThreadLog, going: Sequence[Saved], reasons: Mapping[str, str]) -> None:
    kept = {*([log.head.checkpoint_id] if log.head else ()), *log.pins}
    refuse_kept({saved.id: reasons[saved.id] for saved in going}, kept)


def _trash_of(
    frames: Frames, name: ThreadName, seqs: Sequence[int], reasons: Mapping[str, str], now: datetime
) -> list[Removal]:
    at = microseconds(now)

    def work(log: ThreadLog | None) -> tuple[ThreadLog | None, list[Removal]]:
        log = _there(log)
        going = _at(frames, log, seqs)
        left = [saved for saved in going if saved.place is not Place.LISTED]
        if left:
            raise CheckpointNotFound(missing(left[0].id, None))
        _refuse_kept(log, going, reasons)
        away = [replace(saved, place=Place.TRASHED, removed_at=at) for saved in going]
        about = [About(saved.seq, saved.id, reasons[saved.id]) for saved in going]
        items = told(log, What.REMOVED, about, at)
        return _placed(frames, log, going, away, items), _removals(log, about, now)

    return frames.threads.change(name, work)


def _untrash_of(frames: Frames, name: ThreadName, seqs: Sequence[int]) -> int:
    def work(log: ThreadLog | None) -> tuple[ThreadLog | None, int]:
        log = _there(log)
        coming = [s for s in _at(frames, log, seqs) if s.place is Place.TRASHED]
        if not coming:
            return None, 0
        back = [replace(saved, place=Place.LISTED, removed_at=None) for saved in coming]
        about = [About(saved.seq, saved.id, "") for saved in coming]
        items = told(log, What.RETURNED, about, coming[0].removed_at or 0)
        return _placed(frames, log, coming, back, items), len(coming)

    return frames.threads.change(name, work)


def _placed(
    frames: Frames,
    log: ThreadLog,
    before: Sequence[Saved],
    now: Sequence[Saved],
    items: Sequence[Item],
) -> ThreadLog:
    changes = {saved.seq: saved for saved in now}
    rewritten = frames.threads.rewritten(log, changes, log.seq + 1)
    return after_change(rewritten, before, now, items)


def _removals(log: ThreadLog, about: Iterable[About], now: datetime) -> list[Removal]:
    return [
        Removal(
            agent_id=log.agent_id,
            thread_id=log.thread_id,
            checkpoint_id=one.id,
            reason=one.reason,
            removed_at=now,
        )
        for one in about
    ]


def _at(frames: Frames, log: ThreadLog, seqs: Iterable[int]) -> list[Saved]:
    items = (frames.threads.item(log, seq) for seq in seqs)
    return [item for item in items if isinstance(item, Saved)]


def _there(log: ThreadLog | None) -> ThreadLog:
    if log is None:
        raise CheckpointNotFound("the thread is gone; nothing was changed")
    return log


@dataclass(frozen=True, slots=True)
class Taken:
    """What was deleted: checkpoints, bytes, and the keys of objects that nothing names now."""

    count: int = 0
    freed: int = 0
    dead: tuple[str, ...] = ()


Finish = Callable[[ThreadLog, ThreadLog, list[Saved]], ThreadLog]
"""Takes a log before and after some checkpoints went from it; returns it with the rest changed."""


def sweep(frames: Frames, before: datetime) -> int:
    """Delete what went to the trash before a time, and what no log names; return bytes freed.

    Threads that cannot be read stay as they are; verify names them.
    """
    at = microseconds(before)
    freed = 0
    for name, _ in frames.threads.names():
        with contextlib.suppress(CorruptCheckpoint):
            log = frames.threads.read(name)
            if log is not None and log.trashed:
                freed += take_away(frames, name, lambda saved: _older(saved, at)).freed
    frames.framing.forget()
    frames.bucket.delete(_dead(frames))
    return freed


def purge(frames: Frames, name: ThreadName, ids: Container[str]) -> int:
    """Delete what lies in the trash of a thread under some ids; return the bytes freed."""
    log = frames.threads.read(name)
    if log is None or not log.trashed:
        return 0
    taken = take_away(frames, name, lambda s: s.place is Place.TRASHED and s.id in ids)
    frames.framing.forget()
    return taken.freed


def _older(saved: Saved, at: int) -> bool:
    removed_at = saved.removed_at if saved.place is Place.TRASHED else None
    return removed_at is not None and removed_at < at


def take_away(
    frames: Frames,
    name: ThreadName,
    wanted: Callable[[Saved], bool],
    tell: Callable[[ThreadLog, list[Saved]], list[Item]] | None = None,
    finish: Finish | None = None,
) -> Taken:
    """Delete checkpoints of a thread for good, writing anew what stands on them.

    ``tell`` makes the items that the log gains by it.
    """

    def work(log: ThreadLog | None) -> tuple[ThreadLog | None, Taken]:
        log = _there(log)
        items = saves(frames.threads.items(log))
        going = [saved for saved in items if wanted(saved)]
        if not going:
            return None, Taken()
        seqs = {saved.seq for saved in going}
        standing = [s for s in items if s.base in seqs and s.seq not in seqs]
        anew = [(old, _rebased(frames, log, old, seqs)) for old in standing]
        moved = [(old, new) for old, new in anew if new is not None]
        now = [*map(gone, going), *(new for _, new in moved)]
        old = [*going, *(old for old, _ in moved)]
        after = _placed(frames, log, old, now, tell(log, going) if tell else ())
        freed = sum(s.size for s in old) - sum(s.size for s in now)
        dead = [saved.frame(name).key for saved in old]
        dead += [page.name(name).key for page in log.pages if page not in after.pages]
        if log.head and log.head.checkpoint_id in {saved.id for saved in going}:
            after = replace(after, head_status=Status.UNKNOWN)
        after = replace(after, swept=after.seq)
        done = finish(log, after, going) if finish else after
        return done, Taken(len(going), max(0, freed), tuple(dead))

    taken = frames.threads.change(name, work)
    frames.bucket.delete(taken.dead)
    return taken


def _rebased(frames: Frames, log: ThreadLog, saved: Saved, going: set[int]) -> Saved | None:
    """Write a frame against what stays, under a new name.

    Return None for one that cannot be read, which is left as it is: it was lost before. Raises
    PermanentStoreError for one whose key is not here.
    """
    try:
        links = frames.links(log, saved)
        keys = {link.key for link in links if link.key[1] in going}
        data, base = rebased(links, keys, frames.framing.keys)
    except CorruptCheckpoint:
        return None
    new = replace(
        saved,
        write=log.seq + 1,
        nonce=object_keys.new_nonce(),
        base=None if base is None else base[1],
        size=len(data),
    )
    frame = FrameObject(
        saved.id, log.agent_id, log.thread_id, saved.seq, new.base, saved.record, data
    )
    frames.write(new.frame(log.name), frame)
    return new


def _dead(frames: Frames) -> list[str]:
    """Return the keys of frames and pages that no log names or ever will.

    They are listed before the logs are read: what a log names only later has a higher number.
    """
    listed: dict[ThreadName, list[tuple[int, str]]] = {}
    for at in frames.bucket.listed(object_keys.FRAMES):
        _note(listed, object_keys.frame_of_key(at.key))
    for at in frames.bucket.listed(object_keys.PAGES):
        _note(listed, object_keys.page_of_key(at.key))
    return [key for name, keys in listed.items() for key in _unnamed(frames, name, keys)]


def _note(
    listed: dict[ThreadName, list[tuple[int, str]]],
    name: FrameName | object_keys.PageName | None,
) -> None:
    if name is not None:
        listed.setdefault(name.thread, []).append((name.write, name.key))


def _unnamed(frames: Frames, name: ThreadName, keys: list[tuple[int, str]]) -> list[str]:
    try:
        return frames.threads.look(name, lambda log: _never_named(frames, log, keys))
    except CorruptCheckpoint:
        return []


def _never_named(frames: Frames, log: ThreadLog | None, keys: list[tuple[int, str]]) -> list[str]:
    if log is None:
        return []
    named = {saved.frame(log.name).key for saved in saves(frames.threads.items(log))}
    named |= {page.name(log.name).key for page in log.pages}
    return [key for write, key in keys if write <= log.seq and key not in named]
