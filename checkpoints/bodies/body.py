"""The bytes of one checkpoint: encoded, digested, compressed; and checked on the way back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import zstandard

from checkpoints.bodies.encoding import decode, encode
from checkpoints.errors import CorruptCheckpoint, UnsupportedState

MAGIC = b"HF\x01"
LEVEL = 3
MAX_STATE = 512 * 1024 * 1024
"""Bytes of an encoded state; a larger one is neither saved nor, from whatever store, unpacked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """An encoded state.

    ``data`` is what a store keeps, ``size`` the length of the encoded state before compression,
    ``sha256`` the hex digest of that encoded state.
    """

    data: bytes
    size: int
    sha256: str


def encode_state(state: Mapping[str, Any]) -> bytes:
    """Encode a state. Raises UnsupportedState naming the value's path."""
    if not isinstance(state, Mapping):
        raise UnsupportedState(
            f"a state must be a mapping, not {type(state).__name__}; nothing was saved",
            path="$",
        )
    plain = encode(dict(state))
    if len(plain) > MAX_STATE:
        raise UnsupportedState(
            f"the state has {len(plain)} bytes, at most {MAX_STATE} are kept; nothing was saved",
            path="$",
        )
    return plain


def pack(state: Mapping[str, Any]) -> Body:
    """Encode, digest and compress a state. Raises UnsupportedState naming the value's path."""
    plain = encode_state(state)
    data = MAGIC + zstandard.ZstdCompressor(level=LEVEL).compress(plain)
    return Body(data=data, size=len(plain), sha256=digest(plain))


def unpack(body: Body, *, checkpoint_id: str) -> dict[str, Any]:
    """Return the state of a body. Raises CorruptCheckpoint when a byte of it is not as saved."""
    try:
        return _checked(body)
    except CorruptCheckpoint as error:
        raise CorruptCheckpoint(f"{checkpoint_id}: {error}", checkpoint_id=checkpoint_id) from error


def digest(plain: bytes) -> str:
    """Return the hex sha256 that stands beside every body."""
    return hashlib.sha256(plain).hexdigest()


def _checked(body: Body) -> dict[str, Any]:
    plain = _decompress(body)
    if digest(plain) != body.sha256:
        raise CorruptCheckpoint("the body is not what was saved: its digest does not match")
    state = decode(plain)
    if type(state) is not dict:
        raise CorruptCheckpoint("the body does not hold a mapping")
    return state


def _decompress(body: Body) -> bytes:
    """Decompress, never to more than the record says, so that a forged body cannot fill memory."""
    if not body.data.startswith(MAGIC):
        raise CorruptCheckpoint("the body has no known beginning")
    frame = body.data[len(MAGIC) :]
    try:
        if body.size > MAX_STATE:
            raise CorruptCheckpoint(f"the body claims {body.size} bytes, more than any state has")
        if zstandard.frame_content_size(frame) != body.size:
            raise CorruptCheckpoint("the body's size is not the recorded one")
        return zstandard.ZstdDecompressor().decompress(frame)
    except zstandard.ZstdError as error:
        raise CorruptCheckpoint(f"the body cannot be decompressed: {error}") from error
