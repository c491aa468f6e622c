"""Verifying a store in a bucket, and moving away what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from checkpoints.bodies.frames import is_intact
from checkpoints.errors import CheckpointError, CorruptCheckpoint, StoreError
from checkpoints.records import Finding
from checkpoints.stores.objects import keys as object_keys
from checkpoints.stores.objects.bytes import record_of, unpack_frame_object
from checkpoints.stores.objects.care import take_away
from checkpoints.stores.objects.frames import Frames
from checkpoints.stores.objects.keys import ThreadName
from checkpoints.stores.objects.log import (
    About,
    Item,
    Place,
    Saved,
    ThreadLog,
    What,
    saves,
    told,
)
from checkpoints.stores.record_bytes import microseconds

Lost = dict[int, str]
_BATCH = 64
_LOOKS = 3


def verify(frames: Frames, *, deep: bool = False) -> Iterator[Finding]:
    """Read every thread, page and frame, and yield each thing that is wrong."""
    known = set()
    for name, _ in frames.threads.names():
        known.add(name)
        yield from _of_thread(frames, name, deep=deep)
    yield from _unlisted(frames, known)


def _of_thread(frames: Frames, name: ThreadName, *, deep: bool) -> list[Finding]:
    """Return a thread's findings, looked at again where it was written to meanwhile."""
    found: list[Finding] = []
    for _ in range(_LOOKS):
        try:
            log = frames.threads.read(name)
            found = _of_log(frames, log, deep=deep) if log else []
            now = frames.threads.read(name) if found else log
        except StoreError:
            raise
        except CorruptCheckpoint as error:
            return [Finding(kind="damaged_thread", message=str(error))]
        if now == log:
            break
    return found


def _of_log(frames: Frames, log: ThreadLog, *, deep: bool) -> list[Finding]:
    items = saves(frames.threads.items(log))
    lost = lost_ones(frames, log, items)
    if deep:
        lost |= _undecodable(frames, log, [saved for saved in items if saved.seq not in lost])
    found = [_finding(log, saved, lost[saved.seq]) for saved in items if saved.seq in lost]
    return [*found, *_of_listing(log, [s for s in items if s.place is Place.LISTED])]


def _of_listing(log: ThreadLog, listed: Sequence[Saved]) -> Iterator[Finding]:
    ids = {saved.id for saved in listed}
    if log.head and log.head.checkpoint_id not in ids:
        yield Finding(
            kind="dangling_head",
            message="the head's checkpoint is not listed any more; restore another one",
            checkpoint_id=log.head.checkpoint_id,
            thread_id=log.thread_id,
        )
    if log.listed != len(listed):
        yield Finding(
            kind="wrong_count",
            message=f"it lists {log.listed} checkpoints and has {len(listed)}; "
            "`holdfast rebuild` counts again",
            thread_id=log.thread_id,
        )
    for name in sorted(log.pins.keys() - ids):
        yield Finding(
            kind="dangling_pin",
            message="what it pinned is not listed any more; unpin it",
            checkpoint_id=name,
            thread_id=log.thread_id,
        )


def lost_ones(frames: Frames, log: ThreadLog, items: Sequence[Saved]) -> Lost:
    """Return why checkpoints cannot be read, by number; a frame is lost with any it stands on."""
    lost: Lost = {}
    there = {saved.seq: saved.id for saved in items}
    for start in range(0, len(items), _BATCH):
        batch = items[start : start + _BATCH]
        contents = frames.bucket.contents([saved.frame(log.name).key for saved in batch])
        for saved, data in zip(batch, contents, strict=True):
            if why := _damage(log, saved, data):
                lost[saved.seq] = why
    for saved in items:
        if saved.seq in lost or saved.base is None:
            continue
        if saved.base not in there:
            lost[saved.seq] = "a frame that it stands on is gone"
        elif saved.base in lost:
            lost[saved.seq] = f"it stands on the frame of {there[saved.base]}"
    return lost


def _damage(log: ThreadLog, saved: Saved, data: bytes | None) -> str | None:
    if data is None:
        return "its frame is gone"
    try:
        frame = unpack_frame_object(saved.frame(log.name).key, data)
    except CorruptCheckpoint as error:
        return str(error)
    if (frame.id, frame.seq, frame.record) != (saved.id, saved.seq, saved.record):
        return "its frame is not the one that was saved"
    if not is_intact(frame.data):
        return "its frame is damaged: the checksum does not hold"
    return record_of(log, saved).damage


def _undecodable(frames: Frames, log: ThreadLog, items: Sequence[Saved]) -> Lost:
    lost: Lost = {}
    for saved in items:
        try:
            frames.framing.require_digest(record_of(log, saved), frames.links(log, saved))
        except CheckpointError as error:
            lost[saved.seq] = str(error)
    return lost


def _finding(log: ThreadLog, saved: Saved, why: str) -> Finding:
    return Finding(
        kind="corrupt_checkpoint",
        message=f"{saved.id}: {why}",
        checkpoint_id=saved.id,
        thread_id=log.thread_id,
    )


def _unlisted(frames: Frames, known: set[ThreadName]) -> Iterator[Finding]:
    """Yield the threads that have frames and no object of their own, also after a second look."""
    found: dict[ThreadName, int] = {}
    for at in frames.bucket.listed(object_keys.FRAMES):
        name = object_keys.frame_of_key(at.key)
        if name is not None and name.thread not in known:
            found[name.thread] = found.get(name.thread, 0) + 1
    for thread, count in found.items():
        if frames.bucket.data(object_keys.thread_key(thread)) is None:
            yield Finding(
                kind="lost_thread",
                message=f"{count} frames belong to a thread that is not listed: it was lost, or "
                "its first save was cut short; `holdfast rebuild` lists it",
            )


def repair(frames: Frames, now: datetime) -> list[Finding]:
    """Copy what cannot be read into quarantine, take it off the listing, and tell of it."""
    found: list[Finding] = []
    for name, _ in frames.threads.names():
        try:
            found += _repaired(frames, name, now)
        except StoreError:
            raise
        except CorruptCheckpoint as error:
            found.append(Finding(kind="damaged_thread", message=f"{error}; nothing was moved"))
    frames.framing.forget()
    return found


def _repaired(frames: Frames, name: ThreadName, now: datetime) -> list[Finding]:
    log = frames.threads.read(name)
    items = saves(frames.threads.items(log)) if log else []
    lost = lost_ones(frames, log, items) if log else {}
    if log is None or not lost:
        return []
    bad = [saved for saved in items if saved.seq in lost]
    for saved in bad:
        _keep(frames, saved.frame(name).key)
    take_away(
        frames,
        name,
        lambda saved: saved.seq in lost,
        lambda log, going: _told(log, going, lost, now),
    )
    return [
        Finding(
            kind="quarantined",
            message=f"{saved.id}: {lost[saved.seq]}; what is left of it is kept in quarantine",
            checkpoint_id=saved.id,
            thread_id=log.thread_id,
        )
        for saved in bad
    ]


def _keep(frames: Frames, key: str) -> None:
    data = frames.bucket.data(key)
    if data is not None:
        frames.bucket.put(f"{object_keys.QUARANTINE}{key}", data)


def _told(log: ThreadLog, going: Sequence[Saved], lost: Lost, now: datetime) -> list[Item]:
    about = [About(saved.seq, saved.id, lost[saved.seq]) for saved in going]
    return told(log, What.REMOVED, about, microseconds(now))
