"""A field while its chain is read: bytes when it is short, else parts that are not joined yet.

Joining a long field at every frame would copy all of it each time, and unpack blobs that nobody
asked for; copying a short one costs less than keeping account of its parts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from checkpoints.bodies.frames import Blob, Frame
from checkpoints.bodies.states import MAX_STATE
from checkpoints.errors import CorruptCheckpoint

SHORT = 16 * 1024
VIEWED = 4096
"""Bytes from which a piece is joined without being copied by itself first."""

MAX_PIECES = 100_000
"""Pieces of a field; what is saved never has more than some thousand."""

_Source = bytes | tuple[Frame, Blob]
_Piece = tuple[_Source, int, int]
"""Where bytes come from, and which of them."""


class Pieces:
    """A long field."""

    __slots__ = ("_ends", "_pieces", "length")

    def __init__(self, pieces: list[_Piece]) -> None:
        self._pieces = pieces
        self._ends = list(accumulate(end - start for _, start, end in pieces))
        self.length = self._ends[-1] if pieces else 0
        if self.length > MAX_STATE:
            raise too_large()

    def joined(self) -> bytes:
        """Return the bytes; only now are blobs unpacked."""
        return b"".join(_bytes_of(piece) for piece in self._pieces)

    def cut(self, start: int, end: int) -> list[_Piece]:
        """Return what lies between two places, ``start < end``."""
        first, last = bisect_right(self._ends, start), bisect_right(self._ends, end - 1)
        cut = self._pieces[first : last + 1]
        source, begin, stop = cut[-1]
        cut[-1] = source, begin, stop - (self._ends[last] - end)
        source, begin, stop = cut[0]
        before = self._ends[first - 1] if first else 0
        cut[0] = source, begin + start - before, stop
        return cut


Content = bytes | Pieces


def content(parts: Sequence[Any], before: Content | None, frame: Frame) -> Content:
    """Return a field made of the parts of a frame's index and of what it was before.

    Raises CorruptCheckpoint when they do not fit.
    """
    if before is None or type(before) is bytes:
        short = _short(parts, before or b"")
        if short is not None:
            return short
    return Pieces(_pieces(parts, before, frame))


def joined(field: Content) -> bytes:
    """Return the bytes of a field."""
    return field if isinstance(field, bytes) else field.joined()


def _short(parts: Sequence[Any], before: bytes) -> bytes | None:
    """Return the bytes of a field that is short, None of one that is not."""
    found: list[bytes] = []
    length = 0
    items = iter(parts)
    for item in items:
        if length > SHORT:
            return None
        if type(item) is bytes:
            found.append(item)
        elif item is None:
            return None
        else:
            end = next(items, -1)
            _check(item, end, len(before))
            found.append(before[item:end])
        length += len(found[-1])
    data = b"".join(found)
    return data if len(data) <= SHORT else None


def _pieces(parts: Sequence[Any], before: Content | None, frame: Frame) -> list[_Piece]:
    pieces: list[_Piece] = []
    items = iter(parts)
    for item in items:
        if len(pieces) > MAX_PIECES:
            raise too_large()
        if type(item) is bytes:
            pieces.append((item, 0, len(item)))
        elif item is None:
            blob = _blob(next(items, -1), next(items, -1))
            pieces.append(((frame, blob), 0, blob.length))
        elif isinstance(before, Pieces):
            end = next(items, -1)
            _check(item, end, before.length)
            pieces += before.cut(item, end)
        else:
            end = next(items, -1)
            _check(item, end, len(before or b""))
            pieces.append((before or b"", item, end))
    return pieces


def length_of(field: Content) -> int:
    """Return the bytes that a field has, or claims to have."""
    return len(field) if isinstance(field, bytes) else field.length


def too_large() -> CorruptCheckpoint:
    """Return the error for a state that was made to fill memory."""
    return CorruptCheckpoint("it claims a size that no state has")


def _blob(number: Any, length: Any) -> Blob:
    if type(number) is not int or type(length) is not int or length < 0:
        raise CorruptCheckpoint("a part of it is missing")
    return Blob(number, length)


def _check(start: int, end: int, length: int) -> None:
    if not 0 <= start < end <= length:
        raise CorruptCheckpoint("it keeps more than there is")


def _bytes_of(piece: _Piece) -> bytes | memoryview:
    source, start, end = piece
    if isinstance(source, tuple):
        frame, blob = source
        source = frame.blob(blob)
    if end - start < VIEWED:
        return source[start:end]
    return memoryview(source)[start:end]
