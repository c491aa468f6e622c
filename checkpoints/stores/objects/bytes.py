"""Objects as bytes: each with its kind, its format and a checksum that covers its key.

::

    0  "HFO"  format  kind      5 bytes
    5  crc32 of key and payload 4 bytes, little-endian
    9  MessagePack
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

import ormsgpack

from checkpoints.errors import CorruptCheckpoint, PermanentStoreError
from checkpoints.records import Checkpoint, Status
from checkpoints.stores.entry_bytes import EntryName
from checkpoints.stores.objects.log import (
    About,
    Happened,
    Item,
    Page,
    Place,
    Saved,
    ThreadLog,
    What,
)
from checkpoints.stores.record_bytes import pack_head, unpack_head, unpack_record

T = TypeVar("T")
MAGIC, FORMAT = b"HFO", 1
STORE, THREAD, PAGE, FRAME, OPERATION, ENTRY = b"s", b"t", b"p", b"f", b"o", b"e"
_HEADER = 9


def seal(kind: bytes, key: str, values: list[Any]) -> bytes:
    """Return an object's bytes."""
    payload = ormsgpack.packb(values)
    return MAGIC + bytes([FORMAT]) + kind + _checksum(key, payload) + payload


def open_sealed(kind: bytes, key: str, data: bytes) -> list[Any]:
    """Return what an object holds.

    Raises CorruptCheckpoint, PermanentStoreError when a newer version of Holdfast wrote it.
    """
    if data[:3] == MAGIC and data[3:4] > bytes([FORMAT]):
        raise PermanentStoreError(
            f"the object {key} has format {data[3]}, this version of Holdfast reads format "
            f"{FORMAT}; nothing was changed, a newer version can open it"
        )
    whole = data[:5] == MAGIC + bytes([FORMAT]) + kind
    if not whole or data[5:_HEADER] != _checksum(key, data[_HEADER:]):
        raise CorruptCheckpoint(f"the object {key} is damaged: the checksum does not hold")
    try:
        values = ormsgpack.unpackb(data[_HEADER:])
    except ValueError as error:
        raise CorruptCheckpoint(f"the object {key} cannot be read: {error}") from error
    return values if isinstance(values, list) else []


def _checksum(key: str, payload: bytes) -> bytes:
    return zlib.crc32(payload, zlib.crc32(key.encode())).to_bytes(4, "little")


class FrameObject(NamedTuple):
    """One checkpoint as an object: all that a listing needs, and its frame."""

    id: str
    agent_id: str
    thread_id: str
    seq: int
    base: int | None
    record: bytes
    data: bytes


def pack_frame_object(key: str, frame: FrameObject) -> bytes:
    """Return a checkpoint's object."""
    return seal(FRAME, key, list(frame))


def unpack_frame_object(key: str, data: bytes) -> FrameObject:
    """Return a checkpoint's parts. Raises CorruptCheckpoint."""
    return _made(key, lambda: FrameObject(*open_sealed(FRAME, key, data)))


class EntryObject(NamedTuple):
    """A journal entry as an object; ``nonce`` tells who wrote it."""

    agent_id: str
    thread_id: str
    kind: str
    key: str
    checkpoint_id: str | None
    body: bytes
    nonce: str

    @property
    def name(self) -> EntryName:
        """What tells it from all others."""
        return EntryName(self.agent_id, self.thread_id, self.kind, self.key)


def pack_entry_object(key: str, entry: EntryObject) -> bytes:
    """Return an entry's object."""
    return seal(ENTRY, key, list(entry))


def unpack_entry_object(key: str, data: bytes) -> EntryObject:
    """Return an entry's parts. Raises CorruptCheckpoint."""
    return _made(key, lambda: EntryObject(*open_sealed(ENTRY, key, data)))


def pack_items(key: str, items: tuple[Item, ...]) -> bytes:
    """Return a page's object."""
    return seal(PAGE, key, [_packed(item) for item in items])


def unpack_items(key: str, data: bytes) -> tuple[Item, ...]:
    """Return a page's items. Raises CorruptCheckpoint."""
    return _made(key, lambda: tuple(map(_item, open_sealed(PAGE, key, data))))


def pack_thread(key: str, log: ThreadLog) -> bytes:
    """Return a thread's object."""
    values = [
        log.agent_id,
        log.thread_id,
        pack_head(log.head) if log.head else b"",
        log.seq,
        log.swept,
        str(log.head_status),
        log.listed,
        log.trashed,
        [[p.first, p.last, p.write, p.nonce] for p in log.pages],
        [_packed(item) for item in log.tail],
        [[name, *pin] for name, pin in log.pins.items()],
        [[name, head] for name, head in log.moves.items()],
        list(log.stamps),
    ]
    return seal(THREAD, key, values)


def unpack_thread(key: str, data: bytes) -> ThreadLog:
    """Return a thread. Raises CorruptCheckpoint."""
    return _made(key, lambda: _thread(*open_sealed(THREAD, key, data)))


def _thread(
    agent_id: str,
    thread_id: str,
    head: bytes,
    seq: int,
    swept: int,
    status: str,
    listed: int,
    trashed: int,
    *rest: Any,
) -> ThreadLog:
    pages, tail, pins, moves, stamps = rest
    return ThreadLog(
        agent_id=agent_id,
        thread_id=thread_id,
        head=unpack_head(head, agent_id=agent_id, thread_id=thread_id) if head else None,
        seq=seq,
        swept=swept,
        head_status=Status(status),
        listed=listed,
        trashed=trashed,
        pages=tuple(Page(first=p[0], last=p[1], write=p[2], nonce=p[3]) for p in pages),
        tail=tuple(map(_item, tail)),
        pins={name: (reason, at) for name, reason, at in pins},
        moves=dict(moves),
        stamps=tuple(stamps),
    )


def record_of(log: ThreadLog, saved: Saved) -> Checkpoint:
    """Return a checkpoint's record; one that cannot be read says so in ``damage``."""
    try:
        return unpack_record(saved.record, checkpoint_id=saved.id, stored_size=saved.size)
    except CorruptCheckpoint as error:
        return Checkpoint(
            id=saved.id,
            agent_id=log.agent_id,
            thread_id=log.thread_id,
            step=0,
            created_at=datetime.fromtimestamp(0, UTC),
            damage=str(error),
        )


def _packed(item: Item) -> list[Any]:
    if isinstance(item, Happened):
        return [item.seq, int(item.what), item.at, [list(about) for about in item.about]]
    return [
        item.seq,
        0,
        item.id,
        item.write,
        bytes.fromhex(item.nonce),
        item.base,
        item.record,
        item.size,
        int(item.place),
        item.removed_at,
    ]


def _item(values: list[Any]) -> Item:
    seq, what, *rest = values
    if what:
        at, about = rest
        return Happened(seq=seq, what=What(what), at=at, about=tuple(About(*a) for a in about))
    name, write, nonce, base, record, size, place, removed_at = rest
    return Saved(
        seq=seq,
        id=name,
        write=write,
        nonce=nonce.hex(),
        base=base,
        record=record,
        size=size,
        place=Place(place),
        removed_at=removed_at,
    )


def _made(key: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CorruptCheckpoint(f"the object {key} makes no sense: {error}") from error
