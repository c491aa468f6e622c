"""Journal entries as they lie in stores: exact, sealed where the store is, each with a check.

::

    0  xxh3 (64 bits) of the entry's four names and everything behind it
    8  MessagePack: [time, checkpoint, name of the key | nil, data, whether it is compressed]

The time is in microseconds since 1970, the data is encoded as states are
(``checkpoints.bodies.encoding``), compressed against the shipped dictionary where that makes it
shorter; with a key it is sealed after that, bound to the entry's names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import ormsgpack
import xxhash

from checkpoints.bodies.compression import compress_small, decompress_small
from checkpoints.bodies.encoding import decode, encode
from checkpoints.bodies.encryption import Keyring, wrong_key
from checkpoints.bodies.tags import is_utf8
from checkpoints.errors import CorruptCheckpoint, PermanentStoreError, UnsupportedState
from checkpoints.records import JournalEntry
from checkpoints.stores.record_bytes import microseconds, time_of

MAX_DATA = 64 * 1024 * 1024
"""Bytes of an entry's encoded data; what is longer belongs into a state."""
COMPRESSED = 256
"""Bytes of encoded data from which compressing it is tried."""
_CHECK = 8


class EntryName(NamedTuple):
    """What tells an entry from all others of a store."""

    agent_id: str
    thread_id: str
    kind: str
    key: str

    def __str__(self) -> str:
        return f"the entry {self.key!r} of kind {self.kind!r} in thread {self.thread_id!r}"


class PackedEntry(NamedTuple):
    """An entry that is ready to be kept. ``body`` holds ``checkpoint_id`` too."""

    name: EntryName
    checkpoint_id: str | None
    body: bytes


class _Opened(NamedTuple):
    recorded_at: int
    checkpoint_id: str | None
    key_name: str | None
    data: bytes
    is_compressed: bool


def name_of(entry: JournalEntry) -> EntryName:
    """Return the four names of an entry."""
    return EntryName(entry.agent_id, entry.thread_id, entry.kind, entry.key)


def pack_entries(entries: Sequence[JournalEntry], keys: Keyring | None = None) -> list[PackedEntry]:
    """Return entries ready to be kept. Raises UnsupportedState for the first that cannot be."""
    return [pack_entry(entry, keys) for entry in entries]


def pack_entry(entry: JournalEntry, keys: Keyring | None = None) -> PackedEntry:
    """Return an entry ready to be kept.

    Raises UnsupportedState, whose path is the field's name or that of a value in the data.
    """
    _require_keepable(entry)
    name = name_of(entry)
    data = encode(dict(entry.data))
    if len(data) > MAX_DATA:
        raise UnsupportedState(
            f"the data of {name} has {len(data)} bytes, an entry takes {MAX_DATA}; nothing was "
            "saved. Keep it in a checkpoint's state",
            path="data",
        )
    short = compress_small(data) if len(data) >= COMPRESSED else data
    is_compressed = len(short) < len(data)
    data = short if is_compressed else data
    if keys is not None:
        data = keys.seal(data, _bound(name))
    key_name = keys.current if keys is not None else None
    values = [microseconds(entry.recorded_at), entry.checkpoint_id, key_name, data, is_compressed]
    payload = ormsgpack.packb(values)
    return PackedEntry(name, entry.checkpoint_id, _check(name, payload) + payload)


def unpack_entry(name: EntryName, body: bytes, keys: Keyring | None = None) -> JournalEntry:
    """Return the entry of this name.

    Raises CorruptCheckpoint when it is not the one that was kept, PermanentStoreError when its
    key is not here.
    """
    opened = _opened(name, body)
    try:
        return JournalEntry(
            **name._asdict(),
            recorded_at=time_of(opened.recorded_at),
            checkpoint_id=opened.checkpoint_id,
            data=_decoded(name, opened, keys),
        )
    except PermanentStoreError as error:
        raise PermanentStoreError(f"{name}: {error}") from error
    except (CorruptCheckpoint, TypeError, OverflowError) as error:
        raise CorruptCheckpoint(f"{name} cannot be read: {error}") from error


def damage_of(name: EntryName, checkpoint_id: str | None, body: bytes) -> str | None:
    """Say why an entry is not what was kept, if so. Needs no key."""
    try:
        named = _opened(name, body).checkpoint_id
    except CorruptCheckpoint as error:
        return str(error)
    return None if named == checkpoint_id else f"{name} is listed under another checkpoint"


def after_prefix(prefix: str) -> str | None:
    """Return the least text behind all that begin so, None where there is none."""
    for end in range(len(prefix), 0, -1):
        following = ord(prefix[end - 1]) + 1
        if following <= _LAST:
            beyond = _BEHIND_SURROGATES if following == _SURROGATES else following
            return prefix[: end - 1] + chr(beyond)
    return None


_LAST, _SURROGATES, _BEHIND_SURROGATES = 0x10FFFF, 0xD800, 0xE000


def _require_keepable(entry: JournalEntry) -> None:
    if entry.recorded_at.tzinfo is None:
        raise UnsupportedState(
            "recorded_at must have a time zone; nothing was saved", path="recorded_at"
        )
    for field in ("agent_id", "thread_id", "kind", "key", "checkpoint_id"):
        text = getattr(entry, field)
        optional = text is None and field == "checkpoint_id"
        if not optional and not (type(text) is str and is_utf8(text)):
            raise UnsupportedState(
                f"{field} must be text without lone surrogates, not {text!r}; nothing was saved",
                path=field,
            )


def _decoded(name: EntryName, opened: _Opened, keys: Keyring | None) -> dict[str, Any]:
    data = opened.data
    if opened.key_name is not None:
        if keys is None:
            raise wrong_key(opened.key_name, "")
        data = keys.open(opened.key_name, data, _bound(name))
    if opened.is_compressed:
        data = decompress_small(data, limit=MAX_DATA)
    found = decode(data)
    if type(found) is not dict:
        raise CorruptCheckpoint("its data is no mapping")
    return found


def _opened(name: EntryName, body: bytes) -> _Opened:
    payload = body[_CHECK:]
    if body[:_CHECK] != _check(name, payload):
        raise CorruptCheckpoint(f"{name} is damaged: the checksum does not hold")
    try:
        return _Opened(*ormsgpack.unpackb(payload))
    except (ValueError, TypeError) as error:
        raise CorruptCheckpoint(f"{name} makes no sense: {error}") from error


def _check(name: EntryName, payload: bytes) -> bytes:
    return xxhash.xxh3_64_digest(_bound(name) + payload)


def _bound(name: EntryName) -> bytes:
    return ormsgpack.packb(list(name))
