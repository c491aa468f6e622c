"""What one run of bytes keeps of another: ranges of the old one, and new bytes between them.

Meant for encoded values that grow at their end, are edited or cut in the middle, or lose a part.
Every comparison is one of whole slices, for Python is slow at looking at single bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

SHORTEST = 48
"""Bytes below which looking for kept ranges costs more than writing them again."""
_ANCHOR = 24
_PLACES = (0.5, 0.25, 0.75, 0.125, 0.875)
_DEPTH = 6
_LONG = 64 * 1024
"""Bytes that are compared at once at most: larger slices come from fresh pages each time."""
_BLOCK = 2048


class Kept(NamedTuple):
    """A range of the old bytes."""

    start: int
    end: int


Op = Kept | bytes
"""A part of the new bytes: kept, or written out."""


class _Range(NamedTuple):
    """A part of the old bytes beside a part of the new ones."""

    old: int
    old_end: int
    new: int
    new_end: int


def difference(old: bytes, new: bytes) -> list[Op]:
    """Return the parts that make ``new`` out of ``old``, in order.

    A list or mapping that grew differs in its header, so the header is looked at by itself.
    """
    start = _same_from(old, new, _Range(0, len(old), 0, len(new)))
    head = 0
    if start < _header(new):
        head, start = _header(new), _header(old)
    ops: list[Op] = [new[:head]] if head else []
    ops.extend(_beyond(old, new, _Range(start if head else 0, len(old), head, len(new))))
    return ops


def written(ops: Iterable[Op]) -> int:
    """Return how many bytes are not kept."""
    return sum(len(op) for op in ops if isinstance(op, bytes))


def _header(data: bytes) -> int:
    """Return the length of a MessagePack container's header, 0 for anything else."""
    first = data[0] if data else 0
    if first in {0xDC, 0xDE}:
        return 3
    if first in {0xDD, 0xDF}:
        return 5
    return 1 if 0x80 <= first <= 0x9F else 0


def _beyond(old: bytes, new: bytes, part: _Range, depth: int = _DEPTH) -> list[Op]:
    """Return the parts of a range: what is alike at its ends, and what lies between."""
    alike = _same_from(old, new, part)
    rest = part._replace(old=part.old + alike, new=part.new + alike)
    behind = _same_until(old, new, rest)
    middle = rest._replace(old_end=rest.old_end - behind, new_end=rest.new_end - behind)
    ops: list[Op] = [Kept(part.old, part.old + alike)] if alike else []
    ops.extend(_between(old, new, middle, depth))
    if behind:
        ops.append(Kept(part.old_end - behind, part.old_end))
    return ops


def _between(old: bytes, new: bytes, part: _Range, depth: int) -> list[Op]:
    """Return the parts of a range whose ends differ, split where an inner piece is alike."""
    size = part.new_end - part.new
    if size == 0:
        return []
    if depth == 0 or min(size, part.old_end - part.old) < SHORTEST:
        return [new[part.new : part.new_end]]
    found = _anchor(old, new, part)
    if found is None:
        return [new[part.new : part.new_end]]
    at_old, at_new = found
    left = part._replace(old_end=at_old, new_end=at_new)
    right = part._replace(old=at_old, new=at_new)
    return _beyond(old, new, left, depth - 1) + _beyond(old, new, right, depth - 1)


def _anchor(old: bytes, new: bytes, part: _Range) -> tuple[int, int] | None:
    """Return where a short piece of the old range stands in both.

    Where it may stand in several places, as what messages have in common does, the one at which
    nothing before it was inserted comes first: often only a length or count was written over.
    """
    size = part.old_end - part.old
    places = _PLACES[:3] if size > _LONG else _PLACES
    for place in places:
        at = part.old + int((size - _ANCHOR) * place)
        piece = old[at : at + _ANCHOR]
        unmoved = part.new + at - part.old
        if new.startswith(piece, unmoved, part.new_end):
            return at, unmoved
        found = new.find(piece, part.new, part.new_end)
        if found >= 0:
            return at, found
    return None


def _same_from(old: bytes, new: bytes, part: _Range) -> int:
    """Return how many bytes are alike at the beginning of a range."""
    limit = min(part.old_end - part.old, part.new_end - part.new)
    same, step = 0, _BLOCK
    while same < limit:
        step = min(step, limit - same)
        at = part.old + same
        ours = old[at : at + step]
        if new.startswith(ours, part.new + same):
            same, step = same + step, min(step * 4, _LONG)
        elif step > _BLOCK:
            step = max(_BLOCK, step // 8)
        else:
            theirs = new[part.new + same : part.new + same + step]
            return same + step - _different(ours, theirs, "big")
    return same


def _same_until(old: bytes, new: bytes, part: _Range) -> int:
    """Return how many bytes are alike at the end of a range."""
    limit = min(part.old_end - part.old, part.new_end - part.new)
    same, step = 0, _BLOCK
    while same < limit:
        step = min(step, limit - same)
        end = part.new_end - same
        ours = old[part.old_end - same - step : part.old_end - same]
        if new.endswith(ours, 0, end):
            same, step = same + step, min(step * 4, _LONG)
        elif step > _BLOCK:
            step = max(_BLOCK, step // 8)
        else:
            return same + step - _different(ours, new[end - step : end], "little")
    return same


def _different(ours: bytes, theirs: bytes, order: Literal["big", "little"]) -> int:
    """Return how many bytes there are from the first that differs, counted in that order."""
    differing = int.from_bytes(ours, order) ^ int.from_bytes(theirs, order)
    return (differing.bit_length() + 7) // 8
