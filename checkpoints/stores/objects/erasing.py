"""Deleting checkpoints from a bucket for good, past the trash, heads and pinned ones too.

The thread's object is replaced first, with its head moved and what stays written anew; from then
on nothing names what goes. The objects that held it are deleted after that. An erasure that was
cut short in between goes on when it is asked for again.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from checkpoints.records import Checkpoint, Status
from checkpoints.stores.heads import ERASED, ancestors, erased_head
from checkpoints.stores.objects import journal
from checkpoints.stores.objects import keys as object_keys
from checkpoints.stores.objects.bytes import record_of
from checkpoints.stores.objects.care import take_away
from checkpoints.stores.objects.frames import Frames
from checkpoints.stores.objects.keys import ThreadName
from checkpoints.stores.objects.log import (
    About,
    Happened,
    Item,
    Place,
    Saved,
    ThreadLog,
    What,
    saves,
    told,
)
from checkpoints.stores.record_bytes import microseconds


def erase(frames: Frames, name: ThreadName, ids: Sequence[str] | None, now: datetime) -> int:
    """Delete some checkpoints of a thread, or the whole thread; return how many there were."""
    log = frames.threads.read(name)
    if log is None:
        _erase_entries(frames, name, ids)
        return 0
    every = _ever_named(frames, log) if ids is None else set(ids)
    moves = list(log.moves) if ids is None else []

    def finish(before: ThreadLog, after: ThreadLog, going: list[Saved]) -> ThreadLog:
        return _settled(frames, before, after, going, whole=ids is None, now=now)

    taken = take_away(
        frames,
        name,
        lambda saved: ids is None or saved.id in every,
        lambda log, going: _told(log, going, now),
        finish,
    )
    if ids is None:
        frames.threads.change(name, _ended)
    frames.framing.forget()
    _erase_entries(frames, name, ids)
    _erase_leftovers(frames, name, every, moves)
    return taken.count


def _told(log: ThreadLog, going: Iterable[Saved], now: datetime) -> list[Item]:
    listed = [saved for saved in going if saved.place is Place.LISTED]
    about = [About(saved.seq, saved.id, ERASED) for saved in listed]
    return told(log, What.REMOVED, about, microseconds(now))


def _settled(
    frames: Frames,
    before: ThreadLog,
    after: ThreadLog,
    going: Sequence[Saved],
    *,
    whole: bool,
    now: datetime,
) -> ThreadLog:
    """Return the log with neither pin nor head on what went."""
    gone = {saved.id for saved in going}
    pins = {name: pin for name, pin in after.pins.items() if name not in gone}
    after = replace(after, pins=pins)
    if whole:
        return _ended(after)[0] or after
    head = before.head
    if head is None or head.checkpoint_id not in gone:
        return after
    to = _following(frames, before, gone)
    moved = erased_head(head, to, now) if to else None
    return replace(after, head=moved, head_status=to.status if to else Status.UNKNOWN)


def _ended(log: ThreadLog | None) -> tuple[ThreadLog | None, None]:
    """Return the log without all that only a thread has that is there, None where it is so."""
    if log is None or (log.head, log.pins, log.moves) == (None, {}, {}):
        return None, None
    seq = log.seq + 1
    return replace(log, seq=seq, head=None, head_status=Status.UNKNOWN, pins={}, moves={}), None


def _following(frames: Frames, log: ThreadLog, gone: Container[str]) -> Checkpoint | None:
    """Return the nearest ancestor of the head that is listed and stays, else the newest that is."""
    items = saves(frames.threads.items(log))
    records = {saved.id: record_of(log, saved) for saved in items}
    left = {s.id: None for s in items if s.place is Place.LISTED and s.id not in gone}
    head = log.head.checkpoint_id if log.head else None
    lineage = (record for record in ancestors(records, head) if record.id in left)
    newest = next(reversed(left), None)
    return next(lineage, records[newest] if newest else None)


def _ever_named(frames: Frames, log: ThreadLog) -> set[str]:
    """Return the ids of everything that a log tells of."""
    items = frames.threads.items(log)
    named = {item.id for item in saves(items)}
    return named | {a.id for i in items if isinstance(i, Happened) for a in i.about}


def _erase_entries(frames: Frames, name: ThreadName, ids: Sequence[str] | None) -> None:
    """Delete a thread's entries, or those that name some checkpoints, also from quarantine."""
    if ids is not None:
        journal.drop_naming(frames.bucket, name, set(ids))
        return
    start = object_keys.entries_of(name)
    for prefix in (start, f"{object_keys.QUARANTINE}{start}"):
        frames.bucket.delete([at.key for at in frames.bucket.listed(prefix)])


def _erase_leftovers(
    frames: Frames, name: ThreadName, ids: Iterable[str], moves: Iterable[str]
) -> None:
    """Delete frames that never counted or lie in quarantine, and the operations of a thread."""
    frames.bucket.at_once(lambda one: _erase_frames(frames, name, one), ids)
    frames.bucket.delete([object_keys.operation_key(operation) for operation in moves])


def _erase_frames(frames: Frames, name: ThreadName, checkpoint_id: str) -> None:
    start = object_keys.frames_of(checkpoint_id)
    for prefix in ("", object_keys.QUARANTINE):
        keys = [at.key for at in frames.bucket.listed(f"{prefix}{start}")]
        named = [(object_keys.frame_of_key(key.removeprefix(prefix)), key) for key in keys]
        frames.bucket.delete([key for frame, key in named if frame and frame.thread == name])
