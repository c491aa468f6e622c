"""The bytes of one checkpoint in a store: what it keeps of an earlier one, and what is new.

::

    0  "HF"  2  level and flags     4 bytes
    4  crc32 of all other bytes     4 bytes, little-endian
    8  [key name: length, text]     only when encrypted
       number of blobs, length of the index, length of each blob (each 4 bytes, little-endian),
       unless the state is short
       index                        zstd with the dictionary over MessagePack
       blobs                        zstd each: long new parts, unpacked only when they are read

Of a long state (``checkpoints.bodies.states``) the index is
``[names | nil, whole, [[field, check, part, …], …]]``: the names of all fields unless they are
those of the base, a check over all fields, and for each changed field its own check and its parts.
A part is ``start, end`` (kept of the base), bytes (new), or ``nil, blob, length``.

Of a short state there is only an index: the check, 8 bytes, and zstd over the whole state, with
the base's as its dictionary, or with the shipped one where there is no base.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

import ormsgpack
import xxhash

from checkpoints.bodies.compression import (
    compress,
    compress_against,
    compress_small,
    decompress,
    decompress_against,
    decompress_small,
)
from checkpoints.bodies.encryption import Keyring, wrong_key
from checkpoints.bodies.patches import Kept, Op
from checkpoints.bodies.states import MAX_STATE, SHORT, Name
from checkpoints.errors import CorruptCheckpoint

MAGIC = b"HF\x02"
BLOB = 4096
"""Bytes from which on a new part stands in a blob of its own."""

_HEADER = struct.Struct("<3sBI")
_U32 = struct.Struct("<I")
_LEVELS, _ENCRYPTED, _SHORT = 0b0011, 0b0100, 0b1000
_CHECK = 8


class Level(IntEnum):
    """What a frame is written against."""

    WHOLE = 0
    KEY = 1
    DELTA = 2


class Blob(NamedTuple):
    """A long new part: its number in the frame and its length when unpacked."""

    number: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame, opened; blobs stay packed until :meth:`blob` is asked for one.

    ``changes`` are the index's own lists: field, check, part, … . ``packed`` is the compressed
    state of a frame of a short one.
    """

    level: Level
    packed: bytes | None = None
    whole: bytes
    names: list[Name] | None = None
    changes: list[list[Any]] = field(default_factory=list)
    blobs: list[bytes] = field(default_factory=list)
    _unpacked: dict[int, bytes] = field(default_factory=dict)

    def blob(self, wanted: Blob) -> bytes:
        """Unpack one long part, once. Raises CorruptCheckpoint."""
        if wanted.number not in self._unpacked:
            if not 0 <= wanted.number < len(self.blobs):
                raise CorruptCheckpoint("a part of it is missing")
            data = decompress(self.blobs[wanted.number], limit=wanted.length)
            self._unpacked[wanted.number] = data
        return self._unpacked[wanted.number]

    def short_state(self, before: bytes | None) -> bytes:
        """Unpack a short state, given the base's. Raises CorruptCheckpoint."""
        if self.packed is None:
            raise CorruptCheckpoint("it holds no short state")
        if self.level is Level.WHOLE:
            return decompress_small(self.packed, limit=SHORT)
        if before is None:
            raise CorruptCheckpoint("a frame that it stands on is missing")
        return decompress_against(self.packed, before, limit=SHORT)


def check_of_all(
    checkpoint_id: str, names: Iterable[Name], checks: Iterable[bytes | None]
) -> bytes:
    """Return the check over all fields (xxh3, 128 bits): no state of another checkpoint passes."""
    bound = checkpoint_id.encode("utf-8", "surrogatepass")
    return xxhash.xxh3_128_digest(ormsgpack.packb([bound, *names, *checks]))


def pack_frame(
    level: Level,
    *,
    names: Sequence[Name] | None,
    whole: bytes,
    changes: Sequence[tuple[int, bytes, Sequence[Op]]],
    checkpoint_id: str,
    keys: Keyring | None = None,
) -> bytes:
    """Return the bytes of a frame, bound to its checkpoint when it is encrypted."""
    blobs: list[bytes] = []
    listed = [[place, check, *_flat(ops, blobs)] for place, check, ops in changes]
    index = compress_small(ormsgpack.packb([None if names is None else list(names), whole, listed]))
    return _assembled(level, [index, *map(compress, blobs)], checkpoint_id, keys)


def pack_short(
    level: Level,
    data: bytes,
    base: bytes | None,
    *,
    checkpoint_id: str,
    keys: Keyring | None = None,
) -> bytes:
    """Return the bytes of a frame of a short state."""
    packed = compress_small(data) if base is None else compress_against(data, base)
    section = check_of_short(checkpoint_id, data) + packed
    return _assembled(level | _SHORT, [section], checkpoint_id, keys)


def check_of_short(checkpoint_id: str, data: bytes) -> bytes:
    """Return the check of a short state (xxh3, 64 bits), bound to its checkpoint."""
    bound = checkpoint_id.encode("utf-8", "surrogatepass")
    return xxhash.xxh3_64_digest(bound + b"\0" + data)


def open_frame(data: bytes, *, checkpoint_id: str, keys: Keyring | None = None) -> Frame:
    """Open a frame. Raises CorruptCheckpoint, PermanentStoreError when its key is not here."""
    try:
        flags, index, blobs = _sections(data, checkpoint_id, keys)
        level = Level(flags & _LEVELS)
        if flags & _SHORT:
            return Frame(level=level, whole=index[:_CHECK], packed=index[_CHECK:])
        names, whole, changes = ormsgpack.unpackb(decompress_small(index, limit=MAX_STATE))
        return Frame(level=level, names=names, whole=whole, changes=changes, blobs=blobs)
    except (ValueError, TypeError, IndexError, struct.error) as error:
        raise CorruptCheckpoint(f"it is not a frame: {error}") from error


def is_intact(data: bytes) -> bool:
    """Say whether a frame's checksum holds. Needs no key."""
    if len(data) < _HEADER.size:
        return False
    checksum: int = _HEADER.unpack_from(data)[2]
    return data.startswith(MAGIC) and checksum == _checksum(data)


def level_of(data: bytes) -> Level:
    """Return what a frame is written against. Raises CorruptCheckpoint."""
    try:
        return Level(_HEADER.unpack_from(data)[1] & _LEVELS)
    except (ValueError, struct.error) as error:
        raise CorruptCheckpoint("it is not a frame") from error


def _checksum(data: bytes) -> int:
    return zlib.crc32(memoryview(data)[8:], zlib.crc32(data[:4]))


def _flat(ops: Sequence[Op], blobs: list[bytes]) -> Iterator[Any]:
    for op in ops:
        if isinstance(op, Kept):
            yield from op
        elif len(op) < BLOB:
            yield op
        else:
            yield from (None, len(blobs), len(op))
            blobs.append(op)


def _assembled(
    flags: int, sections: list[bytes], checkpoint_id: str, keys: Keyring | None
) -> bytes:
    name = b""
    if keys is not None:
        flags |= _ENCRYPTED
        text = keys.current.encode()
        name = bytes([len(text)]) + text
        sections = [
            keys.seal(section, _binding(flags, number, checkpoint_id))
            for number, section in enumerate(sections)
        ]
    body = b"".join((name, b"" if flags & _SHORT else _lengths(sections), *sections))
    beginning = MAGIC + bytes([flags])
    return beginning + _U32.pack(zlib.crc32(body, zlib.crc32(beginning))) + body


def _lengths(sections: list[bytes]) -> bytes:
    return struct.pack(f"<{len(sections) + 1}I", len(sections) - 1, *map(len, sections))


def _binding(flags: int, number: int, checkpoint_id: str) -> bytes:
    return b"%d %d " % (flags, number) + checkpoint_id.encode("utf-8", "surrogatepass")


def _sections(
    data: bytes, checkpoint_id: str, keys: Keyring | None
) -> tuple[int, bytes, list[bytes]]:
    magic, flags, checksum = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise CorruptCheckpoint("it has no known beginning")
    if checksum != _checksum(data):
        raise CorruptCheckpoint("it is not what was saved: its checksum does not hold")
    at, name = _HEADER.size, None
    if flags & _ENCRYPTED:
        name = data[at + 1 : at + 1 + data[at]].decode()
        at += 1 + data[at]
    sections = [data[at:]] if flags & _SHORT else _cut(data, at)
    if name is not None:
        sections = _opened(sections, flags, name, checkpoint_id, keys)
    return flags, sections[0], sections[1:]


def _cut(data: bytes, at: int) -> list[bytes]:
    (count,) = _U32.unpack_from(data, at)
    if count > len(data):
        raise CorruptCheckpoint("it claims more parts than it has bytes")
    lengths = struct.unpack_from(f"<{count + 1}I", data, at + 4)
    at += 8 + 4 * count
    sections = []
    for length in lengths:
        sections.append(data[at : at + length])
        at += length
    return sections


def _opened(
    sections: list[bytes], flags: int, name: str, checkpoint_id: str, keys: Keyring | None
) -> list[bytes]:
    if keys is None:
        raise wrong_key(name, "")
    return [
        keys.open(name, section, _binding(flags, number, checkpoint_id))
        for number, section in enumerate(sections)
    ]
