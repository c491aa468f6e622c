"""What can happen in a store that keeps a journal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from checkpoints.records import Checkpoint, Head, Pin, Removal
from checkpoints.stores.entry_bytes import EntryName, PackedEntry

ThreadKey = tuple[str, str]
"""The names of an agent and of its thread."""
Place = tuple[int, int]
"""Where a checkpoint stands among the saves: a position, and a number behind that position."""


class EventName(StrEnum):
    """Everything that can happen in a store."""

    PUT = "put"
    HEAD_MOVED = "head_moved"
    PINNED = "pinned"
    UNPINNED = "unpinned"
    TRASHED = "trashed"
    UNTRASHED = "untrashed"
    SWEPT = "swept"
    QUARANTINED = "quarantined"
    ERASED = "erased"
    RECORDED = "recorded"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened; which fields are set follows from its name.

    ``position`` numbers the events of a store from 1; there may be gaps. ``check`` is what the
    bytes of the checkpoint's file are checked by. ``place`` is only set where it is not the
    event's own position: for a checkpoint that was listed again. ``headless`` is a thread that has
    no head any more, ``ended`` one whose journal entries went, too.
    """

    name: EventName
    position: int = 0
    checkpoint: Checkpoint | None = None
    head: Head | None = None
    pin: Pin | None = None
    removals: tuple[Removal, ...] = ()
    checkpoint_ids: tuple[str, ...] = ()
    check: str | None = None
    place: Place | None = None
    headless: ThreadKey | None = None
    ended: ThreadKey | None = None
    entries: tuple[PackedEntry, ...] = ()
    forgotten: tuple[EntryName, ...] = ()
