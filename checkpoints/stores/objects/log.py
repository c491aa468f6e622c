"""The log of one thread as values: what was saved, what happened, and where the head is.

Every write of a thread's object raises ``seq``. A frame or a page carries the number of the write
that brings it in its name, so one that no log names can be told from one that is yet to come:
once ``seq`` has reached its number, nothing will ever name it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from checkpoints.records import Checkpoint, Head, Status, Thread
from checkpoints.stores.heads import standing
from checkpoints.stores.objects.keys import FrameName, PageName, ThreadName, hashed, thread_name
from checkpoints.stores.record_bytes import microseconds

STAMPS = 16
REMOVALS = 100
"""Removals that one item of a log tells of."""


class Place(IntEnum):
    """Where a checkpoint is."""

    LISTED = 0
    TRASHED = 1
    GONE = 2


class What(IntEnum):
    """What happened besides a save."""

    MOVED = 1
    REMOVED = 2
    RETURNED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A checkpoint in its thread's log.

    ``base`` is the ``seq`` of the one that its frame stands on, ``record`` is packed,
    ``removed_at`` in microseconds.
    """

    seq: int
    id: str
    write: int
    nonce: str
    base: int | None
    record: bytes
    size: int
    place: Place = Place.LISTED
    removed_at: int | None = None

    def frame(self, thread: ThreadName) -> FrameName:
        """Return the name of its frame."""
        return FrameName(hashed(self.id), thread, self.seq, self.write, self.nonce)


class About(NamedTuple):
    """The checkpoint that something happened to."""

    seq: int
    id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Something else in a thread's log; ``at`` in microseconds."""

    seq: int
    what: What
    at: int
    about: tuple[About, ...] = ()


Item = Saved | Happened


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An older part of a log, in an object of its own: the items from ``first`` to ``last``."""

    first: int
    last: int
    write: int
    nonce: str

    def name(self, thread: ThreadName) -> PageName:
        """Return the name of its object."""
        return PageName(thread, self.write, self.nonce)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadLog:
    """A thread: its head, its pins, the moves that operations made, and its log.

    One without head and checkpoints was erased: what is left of it tells so.

    ``swept`` is the number of the last write that took frames away. ``moves`` holds packed heads,
    ``stamps`` the marks of the last writes, by which a writer knows its own.
    """

    agent_id: str
    thread_id: str
    head: Head | None
    seq: int = 0
    swept: int = 0
    head_status: Status = Status.UNKNOWN
    listed: int = 0
    trashed: int = 0
    pages: tuple[Page, ...] = ()
    tail: tuple[Item, ...] = ()
    pins: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    moves: Mapping[str, bytes] = field(default_factory=dict)
    stamps: tuple[str, ...] = ()

    @property
    def is_there(self) -> bool:
        """Say whether anything of the thread is left."""
        return self.head is not None or self.listed > 0

    @property
    def name(self) -> ThreadName:
        """How keys name it."""
        return thread_name(self.agent_id, self.thread_id)


def after_save(log: ThreadLog | None, saved: Saved, head: Head, record: Checkpoint) -> ThreadLog:
    """Return the log with a checkpoint more, which is its head."""
    before = log or ThreadLog(agent_id=head.agent_id, thread_id=head.thread_id, head=head)
    return replace(
        before,
        seq=saved.seq,
        head=head,
        head_status=record.status,
        listed=before.listed + 1,
        tail=(*before.tail, saved),
    )


def after_move(log: ThreadLog, head: Head, status: Status, at: datetime) -> ThreadLog:
    """Return the log with its head moved."""
    item = Happened(seq=log.seq + 1, what=What.MOVED, at=microseconds(at))
    return replace(log, seq=item.seq, head=head, head_status=status, tail=(*log.tail, item))


def after_change(
    log: ThreadLog, before: Iterable[Saved], now: Iterable[Saved], items: Sequence[Item] = ()
) -> ThreadLog:
    """Return the log with its counts as they are after some checkpoints changed their place."""
    old, new = [s.place for s in before], [s.place for s in now]
    return replace(
        log,
        seq=max(log.seq + 1, *(item.seq for item in items), 0),
        listed=log.listed + new.count(Place.LISTED) - old.count(Place.LISTED),
        trashed=log.trashed + new.count(Place.TRASHED) - old.count(Place.TRASHED),
        tail=(*log.tail, *items),
    )


def told(log: ThreadLog, what: What, about: Sequence[About], at: int) -> list[Item]:
    """Return the items that tell of what happened to some checkpoints, some hundred in each."""
    parts = [tuple(about[n : n + REMOVALS]) for n in range(0, len(about), REMOVALS)]
    return [
        Happened(seq=log.seq + number, what=what, at=at, about=part)
        for number, part in enumerate(parts, start=1)
    ]


def gone(saved: Saved) -> Saved:
    """Return what stays in a log of a checkpoint that is deleted for good."""
    return Saved(
        seq=saved.seq,
        id="",
        write=saved.write,
        nonce=saved.nonce,
        base=None,
        record=b"",
        size=0,
        place=Place.GONE,
    )


def edited(items: Sequence[Item], changes: Mapping[int, Saved]) -> tuple[Item, ...]:
    """Return items with some replaced, by ``seq``."""
    return tuple(changes.get(i.seq, i) if isinstance(i, Saved) else i for i in items)


def saves(items: Iterable[Item], wanted: Callable[[Saved], bool] | None = None) -> list[Saved]:
    """Return the checkpoints among some items that are not gone."""
    found = [i for i in items if isinstance(i, Saved) and i.place is not Place.GONE]
    return [saved for saved in found if wanted is None or wanted(saved)]


def view(log: ThreadLog) -> Thread:
    """Return the present view of a thread."""
    head = log.head
    status, detail = standing(head, None)
    if head is not None and head.operation_id is None:
        status = log.head_status
    return Thread(
        agent_id=log.agent_id,
        thread_id=log.thread_id,
        head_id=head.checkpoint_id if head else None,
        checkpoints=log.listed,
        updated_at=head.moved_at if head else None,
        head_version=head.version if head else 0,
        status=status,
        detail=detail,
    )
