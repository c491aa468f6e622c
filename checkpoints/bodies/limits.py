"""Bounds on untrusted bodies, checked before anything is built from them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from checkpoints.errors import CorruptCheckpoint

MAX_DEPTH = 64
MAX_NODES = 200_000
MAX_BYTES = 64 * 1024 * 1024

_NESTED_CODES = range(8)
_JSON_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)


class _Format(NamedTuple):
    """How a msgpack value begins: entries per element, fixed size, bytes of its length field."""

    entries: int = 0
    fixed: int = 0
    width: int = 0
    extension: bool = False


class _Region(NamedTuple):
    start: int
    end: int
    depth: int


def _formats() -> Iterator[_Format]:
    """Yield the meaning of each first byte, after the msgpack specification."""
    yield from (_Format() for _ in range(0x80))
    yield from (_Format(entries=2, fixed=size) for size in range(16))
    yield from (_Format(entries=1, fixed=size) for size in range(16))
    yield from (_Format(fixed=size) for size in range(32))
    yield from (_Format() for _ in range(4))
    yield from (_Format(width=width) for width in (1, 2, 4))
    yield from (_Format(width=width, extension=True) for width in (1, 2, 4))
    yield from (_Format(fixed=size) for size in (4, 8, 1, 2, 4, 8, 1, 2, 4, 8))
    yield from (_Format(fixed=size, extension=True) for size in (1, 2, 4, 8, 16))
    yield from (_Format(width=width) for width in (1, 2, 4))
    yield from (_Format(entries=entries, width=width) for entries in (1, 2) for width in (2, 4))
    yield from (_Format() for _ in range(32))


_FORMATS = tuple(_formats())


def check_size(size: int) -> None:
    """Raise CorruptCheckpoint when a body of ``size`` bytes is too large to be shown."""
    if size > MAX_BYTES:
        raise CorruptCheckpoint(
            f"the body has {size:,} bytes; bodies over {MAX_BYTES:,} bytes are not decoded"
        )


def check_msgpack(data: bytes) -> None:
    """Raise CorruptCheckpoint when msgpack nests too deep or holds too many values.

    Extension payloads that hold msgpack themselves count as part of it.
    """
    check_size(len(data))
    regions, nodes = [_Region(0, len(data), 0)], 0
    while regions:
        nodes = _scan(data, regions.pop(), nodes, regions)


def _scan(data: bytes, region: _Region, nodes: int, regions: list[_Region]) -> int:
    """Walk one value, add the payloads to look into to ``regions``, return the values so far."""
    position, pending = region.start, [1]
    while pending:
        if not pending[-1]:
            pending.pop()
            continue
        pending[-1] -= 1
        nodes += 1
        if position >= region.end:
            return nodes
        form = _FORMATS[data[position]]
        position += 1 + form.width
        size = form.fixed or int.from_bytes(data[position - form.width : position], "big")
        depth = region.depth + len(pending)
        _check_counts(nodes + size * form.entries, depth - 1)
        if form.entries:
            pending.append(size * form.entries)
        elif form.extension:
            position += 1
            if data[position - 1 : position] and data[position - 1] in _NESTED_CODES:
                regions.append(_Region(position, min(position + size, region.end), depth))
            position += size
        else:
            position += size
    return nodes


def check_json(text: bytes) -> None:
    """Raise CorruptCheckpoint when JSON nests too deep or holds too many values."""
    check_size(len(text))
    depth, nodes = 0, 1
    for match in _JSON_TOKEN.finditer(text):
        token = text[match.start()]
        if token in b"[{":
            depth += 1
        elif token in b"]}":
            depth -= 1
        nodes += token in b"[{,"
        _check_counts(nodes, depth)


def _check_counts(nodes: int, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise CorruptCheckpoint(f"the body nests deeper than {MAX_DEPTH} levels; it is not decoded")
    if nodes > MAX_NODES:
        raise CorruptCheckpoint(f"the body holds more than {MAX_NODES:,} values; it is not decoded")
