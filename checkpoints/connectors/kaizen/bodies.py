"""The states in a Kaizen file, and what is wrong with those that cannot be read."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from checkpoints.connectors.inert import CutOff, decode_json
from checkpoints.connectors.kaizen.encryption import Keys, Opened
from checkpoints.connectors.kaizen.names import FileName, Layout
from checkpoints.errors import CorruptCheckpoint

MAX_BYTES = 16 * 1024 * 1024
"""The most that a file may hold, before and after it is decompressed."""

_CHUNK = 256 * 1024
_GZIP = 31


class Unreadable(CorruptCheckpoint):
    """A file holds no state that can be read; ``kind`` names the damage."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One state as it stands in a file. ``stored_size`` is its share of the file's bytes."""

    number: int
    text: bytes
    sha256: str
    stored_size: int

    def decode(self) -> dict[str, Any]:
        """Return the state. Raises Unreadable."""
        try:
            state = decode_json(self.text)
        except CorruptCheckpoint as error:
            raise _not_json(self.text, error) from error
        if not isinstance(state, dict):
            raise Unreadable("undecodable", "the file does not hold a JSON object")
        return state


def lines_of(name: FileName, stored: bytes, keys: Keys | None = None) -> list[Line]:
    """Return the states in a file, undecoded; encrypted ones with their keys. Raises Unreadable."""
    if len(stored) > MAX_BYTES:
        raise _too_large()
    if not stored:
        raise Unreadable(
            "zero_length", "the file is empty; Kaizen silently goes back to an older step"
        )
    content = content_of(name, stored, keys)
    texts = [text for text in content.split(b"\n") if text.strip()]
    if not texts:
        raise Unreadable("zero_length", "the file holds no state; Kaizen silently skips it")
    if name.layout is Layout.ONE:
        return [_only(texts, stored)]
    if name.layout is Layout.CYCLE:
        return [_line(len(texts), texts[-1], stored, content)]
    return [_line(number, text, stored, content) for number, text in enumerate(texts, 1)]


def content_of(name: FileName, stored: bytes, keys: Keys | None) -> bytes:
    """Return a file's text: decompressed, then decrypted. Raises Unreadable."""
    if name.is_encrypted:
        return opened(name, stored, keys or Keys()).content
    return decompress(stored) if name.is_gzipped else stored


def opened(name: FileName, stored: bytes, keys: Keys) -> Opened:
    """Open an encrypted file. Raises Unreadable."""
    try:
        return keys.open(decompress(stored) if name.is_gzipped else stored)
    except Unreadable:
        raise
    except CorruptCheckpoint as error:
        raise Unreadable("unopened", str(error)) from error


def _only(texts: list[bytes], stored: bytes) -> Line:
    if len(texts) > 1:
        raise Unreadable(
            "second_line",
            f"the file holds {len(texts)} lines where Kaizen reads one state",
        )
    digest = hashlib.sha256(stored).hexdigest()
    return Line(number=1, text=texts[0], sha256=digest, stored_size=len(stored))


def _line(number: int, text: bytes, stored: bytes, content: bytes) -> Line:
    share = len(stored) * len(text) // len(content)
    digest = hashlib.sha256(text).hexdigest()
    return Line(number=number, text=text, sha256=digest, stored_size=share)


def decompress(stored: bytes) -> bytes:
    """Decompress gzip, counting while it streams. Raises Unreadable past the limit."""
    parts: list[bytes] = []
    size = 0
    for part in _inflate(stored):
        size += len(part)
        if size > MAX_BYTES:
            raise _too_large()
        parts.append(part)
    return b"".join(parts)


def _inflate(stored: bytes) -> Iterator[bytes]:
    """Yield the content of each gzip member, a bounded part at a time."""
    rest = stored
    while rest:
        member = zlib.decompressobj(_GZIP)
        yield from _inflate_member(member, rest)
        rest = member.unused_data


def _inflate_member(member: zlib._Decompress, rest: bytes) -> Iterator[bytes]:
    while True:
        try:
            part = member.decompress(rest, _CHUNK)
        except zlib.error as error:
            raise Unreadable("undecodable", f"the gzip data is damaged: {error}") from error
        yield part
        rest = member.unconsumed_tail
        if member.eof:
            return
        if not part and not rest:
            raise Unreadable("truncated", "the gzip data ends before its end mark")


def _too_large() -> Unreadable:
    return Unreadable("too_large", f"the file holds more than {MAX_BYTES:,} bytes; it is not read")


def _not_json(text: bytes, error: CorruptCheckpoint) -> Unreadable:
    if not text.strip(b"\0"):
        return Unreadable("undecodable", "the file holds only NUL bytes, as after a power loss")
    kind = "truncated" if isinstance(error, CutOff) else "undecodable"
    return Unreadable(kind, f"{error}; Kaizen silently goes back to an older step")
