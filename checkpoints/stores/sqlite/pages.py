"""The pages of a SQLite file, read without SQLite, when it can no longer make sense of them.

Nothing here trusts what it reads: rows that come out of damaged pages are believed only when
their own checksums hold. The format is that of https://www.sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PAGE = 4096
"""Bytes of a page in the files that Holdfast makes."""
Value = int | float | str | bytes | None
_LEAF, _INTERIOR = 0x0D, {0x02, 0x05, 0x0A}
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_WAL_HEADER, _WAL_FRAME = 32, 24
_WAL_MAGIC = {0x377F0682, 0x377F0683}
MAX_COLUMNS = 32


class Row(NamedTuple):
    """A row as it lies in a leaf page of a table."""

    rowid: int
    values: tuple[Value, ...]


class Pages:
    """The pages of a database file, with those that its write-ahead log holds newer."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self._newer = dict(_logged(path.with_name(f"{path.name}-wal")))
        last = -(-len(self._data) // PAGE)
        self.count = max([last, *self._newer])

    def page(self, number: int) -> bytes:
        """Return a page by its number, counted from 1; empty beyond the end."""
        if number in self._newer:
            return self._newer[number]
        return self._data[(number - 1) * PAGE : number * PAGE] if number > 0 else b""

    def rows(self) -> Iterator[Row]:
        """Yield every row of whatever table that can be made out, those of free pages last.

        What a free page holds may be an older copy of a row that is in use elsewhere.
        """
        free = self._free()
        for number in sorted(range(1, self.count + 1), key=free.__contains__):
            page = self.page(number)
            for at in _cells(page, header=100 if number == 1 else 0):
                row = self._row(page, at)
                if row is not None:
                    yield row

    def _free(self) -> set[int]:
        """Return the numbers of the free pages, as far as they can be made out."""
        free: set[int] = set()
        trunk = int.from_bytes(self.page(1)[32:36], "big")
        while trunk not in free and len(page := self.page(trunk)) == PAGE:
            count = min(int.from_bytes(page[4:8], "big"), PAGE // 4 - 2)
            free.update((trunk, *struct.unpack_from(f">{count}I", page, 8)))
            trunk = int.from_bytes(page[:4], "big")
        return free

    def _row(self, page: bytes, at: int) -> Row | None:
        try:
            size, at = _varint(page, at)
            rowid, at = _varint(page, at)
            return Row(rowid, tuple(_values(self._payload(page, at, size))))
        except (IndexError, ValueError, struct.error):
            return None

    def _payload(self, page: bytes, at: int, size: int) -> bytes:
        if size > self.count * PAGE:
            raise ValueError("larger than the file")
        local = _local(size)
        parts = [page[at : at + local]]
        missing = size - local
        following = int.from_bytes(page[at + local : at + local + 4], "big") if missing else 0
        while missing > 0:
            beyond = self.page(following)
            if len(beyond) < PAGE:
                raise ValueError("an overflow page is missing")
            parts.append(beyond[4 : 4 + missing])
            missing -= len(parts[-1])
            following = int.from_bytes(beyond[:4], "big")
        return b"".join(parts)


def _local(size: int) -> int:
    """Return how many bytes of a payload stand in the leaf page itself."""
    most, least = PAGE - 35, (PAGE - 12) * 32 // 255 - 23
    if size <= most:
        return size
    fitting = least + (size - least) % (PAGE - 4)
    return fitting if fitting <= most else least


def _cells(page: bytes, *, header: int) -> Iterator[int]:
    """Yield where cells begin, in a leaf or in a page whose kind is damaged."""
    if len(page) < PAGE or page[header] in _INTERIOR:
        return
    (count,) = struct.unpack_from(">H", page, header + 3)
    room = (PAGE - header - 8) // 2
    damaged = page[header] != _LEAF or count > room
    for place in range(room if damaged else count):
        (at,) = struct.unpack_from(">H", page, header + 8 + 2 * place)
        if header + 8 < at < PAGE:
            yield at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(8):
        byte = data[at + place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + place + 1
    value = value << 8 | data[at + 8]
    return value - (1 << 64) if value >> 63 else value, at + 9


def _values(payload: bytes) -> Iterator[Value]:
    length, at = _varint(payload, 0)
    kinds: list[int] = []
    while at < length and len(kinds) < MAX_COLUMNS:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    at = length
    for kind in kinds:
        size = _size(kind)
        data = payload[at : at + size]
        if len(data) < size or size < 0:
            raise ValueError("a value is cut off")
        yield _value(kind, data)
        at += size


def _size(kind: int) -> int:
    if kind >= 12:
        return (kind - 12) // 2
    return 8 if kind == 7 else _INTEGERS.get(kind, 0)


def _value(kind: int, data: bytes) -> Value:
    if kind == 0:
        return None
    if kind in {8, 9}:
        return kind - 8
    if kind == 7:
        return float(struct.unpack(">d", data)[0])
    if kind >= 12:
        return data.decode("utf-8") if kind % 2 else data
    return int.from_bytes(data, "big", signed=True)


def _logged(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the pages that a write-ahead log holds, up to its last commit, oldest first."""
    data = path.read_bytes() if path.exists() else b""
    if len(data) < _WAL_HEADER or struct.unpack_from(">I", data)[0] not in _WAL_MAGIC:
        return
    salts = data[16:24]
    transaction: list[tuple[int, bytes]] = []
    for at in range(_WAL_HEADER, len(data) - _WAL_FRAME - PAGE + 1, _WAL_FRAME + PAGE):
        number, committed = struct.unpack_from(">II", data, at)
        if data[at + 8 : at + 16] != salts:
            return
        transaction.append((number, data[at + _WAL_FRAME : at + _WAL_FRAME + PAGE]))
        if committed:
            yield from transaction
            transaction = []
