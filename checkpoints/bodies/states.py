"""An encoded state, with what it is known and proved whole by.

A short state is one piece of MessagePack. A long one is kept field by field, so that one of them
can be read, and compared with an earlier one, without the others. The ``sha256`` of a short state
is that of its bytes; that of a long one is taken over a digest of every 16 KiB of each field, so
that a field which grows at its end is not read from its beginning at every save. Which of the two
a state is depends on nothing but itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import ormsgpack
import xxhash

from checkpoints.bodies.allocation import keep_large_blocks
from checkpoints.bodies.encoding import encode, encode_loosely, may_hold_binary, settled
from checkpoints.bodies.patches import Kept, Op, difference
from checkpoints.bodies.tags import is_utf8
from checkpoints.errors import UnsupportedState

MAX_STATE = 512 * 1024 * 1024
"""Bytes of an encoded state; a larger one is neither saved nor, from whatever store, unpacked."""
SHORT = 32 * 1024
"""Bytes of a whole state in MessagePack up to which it is kept in one piece."""
CHUNK = 16 * 1024

Name = str | None
"""A field's name; None stands for the whole of a state whose keys are not all text."""


@dataclass(frozen=True, slots=True)
class Field:
    """One encoded field. ``chunks`` are the sha256 digests of each 16 KiB of ``data``.

    ``binary`` says whether there may be binary data in it.
    """

    data: bytes
    check: bytes
    chunks: tuple[bytes, ...]
    binary: bool


@dataclass(frozen=True, slots=True)
class ShortState:
    """A state in one piece: the MessagePack of the whole mapping."""

    data: bytes
    sha256: str

    @property
    def size(self) -> int:
        """Bytes of the encoded state."""
        return len(self.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class LongState:
    """The fields in their order, the size of all in bytes, and the hex digest.

    ``changes`` holds, for each field that an earlier state has too and that is not the same,
    what it keeps of it.
    """

    fields: dict[Name, Field]
    size: int
    sha256: str
    changes: dict[Name, list[Op]] = field(default_factory=dict)


EncodedState = ShortState | LongState


def encode_state(state: Mapping[str, Any], earlier: EncodedState | None = None) -> EncodedState:
    """Encode a state, sparing what it has in common with an earlier one.

    Raises UnsupportedState naming the value's path.
    """
    if not isinstance(earlier, LongState):
        return _short(state) or _long(state, {})
    long = _long(state, earlier.fields)
    return (_short(state) if long.size <= SHORT else None) or long


def short_state(data: bytes) -> ShortState:
    """Return the short state of these bytes."""
    return ShortState(data, hashlib.sha256(data).hexdigest())


def _short(state: object) -> ShortState | None:
    """Return a state in one piece, None when it is too long for that."""
    if not isinstance(state, Mapping):
        raise UnsupportedState(
            f"a state must be a mapping, not {type(state).__name__}; nothing was saved", path="$"
        )
    data = encode(state if type(state) is dict else dict(state))
    return short_state(data) if len(data) <= SHORT else None


def _long(state: Mapping[str, Any], before: Mapping[Name, Field]) -> LongState:
    keep_large_blocks()
    fields: dict[Name, Field] = {}
    changes: dict[Name, list[Op]] = {}
    size = 0
    for name, value in _fields(state):
        old = before.get(name)
        data, binary, ops = _encoded(name, value, old)
        size += len(name or "") + len(data)
        if size > MAX_STATE:
            raise _too_large()
        if ops is None and old is not None:
            fields[name] = old if old.binary is binary else replace(old, binary=binary)
            continue
        fields[name] = Field(data, check_of(data), _chunks(data, old, ops), binary)
        if old is not None and ops is not None:
            changes[name] = ops
    return LongState(fields=fields, size=size, sha256=_digest(fields), changes=changes)


def _encoded(name: Name, value: Any, old: Field | None) -> tuple[bytes, bool, list[Op] | None]:
    """Return a field's bytes, whether some are binary, and what it keeps of the earlier ones.

    The last is None when they are the same.
    """
    steps = () if name is None else (name,)
    data = encode_loosely(value, *steps)
    if old is None:
        return *settled(value, data, *steps, binary=may_hold_binary(data)), None
    ops = None if old.data == data else difference(old.data, data)
    new = (op for op in ops or () if isinstance(op, bytes))
    binary = old.binary or any(map(may_hold_binary, new))
    exact, binary = settled(value, data, *steps, binary=binary)
    if exact is not data:
        ops = None if old.data == exact else difference(old.data, exact)
    return exact, binary, ops


def _fields(state: Mapping[str, Any]) -> Iterable[tuple[Name, Any]]:
    """Return the fields of a state; one without a name where its keys are not all text."""
    if all(type(name) is str and (name.isascii() or is_utf8(name)) for name in state):
        return state.items()
    return [(None, dict(state))]


def _too_large() -> UnsupportedState:
    return UnsupportedState(
        f"the state has more than {MAX_STATE} bytes; nothing was saved", path="$"
    )


def long_state(fields: Mapping[Name, bytes]) -> LongState:
    """Return the long state of fields that were read back."""
    known = {
        name: Field(data, check_of(data), _chunks(data), may_hold_binary(data))
        for name, data in fields.items()
    }
    size = sum(len(name or "") + len(item.data) for name, item in known.items())
    return LongState(fields=known, size=size, sha256=_digest(known))


def check_of(data: bytes) -> bytes:
    """Return what a field's bytes are checked by: xxh3, 64 bits."""
    return xxhash.xxh3_64_digest(data)


def _chunks(
    data: bytes, old: Field | None = None, ops: list[Op] | None = None
) -> tuple[bytes, ...]:
    """Return the digest of each chunk, taking those of chunks that are as they were."""
    known = _unmoved(old, ops) if old is not None and ops is not None else {}
    return tuple(
        known.get(at) or hashlib.sha256(data[at : at + CHUNK]).digest()
        for at in range(0, len(data), CHUNK)
    )


def _unmoved(old: Field, ops: list[Op]) -> dict[int, bytes]:
    """Return the digests of whole chunks that stand where they stood, by their place."""
    found: dict[int, bytes] = {}
    at = 0
    for op in ops:
        if isinstance(op, Kept):
            if op.start == at:
                first, last = -(-at // CHUNK), op.end // CHUNK
                found.update((i * CHUNK, old.chunks[i]) for i in range(first, last))
            at += op.end - op.start
        else:
            at += len(op)
    return found


def _digest(fields: Mapping[Name, Field]) -> str:
    """Return the sha256 over, for each field in order, name, length and digests of its chunks."""
    whole = hashlib.sha256()
    for name, item in fields.items():
        whole.update(ormsgpack.packb([name, len(item.data)]) + b"".join(item.chunks))
    return whole.hexdigest()
