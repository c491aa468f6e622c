"""Pieces of a spool: at most a request's worth of lines, in a file or, in need, in memory."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from checkpoints.identifiers import new_id
from checkpoints.reporting.items import Entry, Lane
from checkpoints.reporting.lines import decoded

MAX_ITEMS = 100
MAX_BYTES = 512_000
"""Of one segment, and so of one request."""
SUFFIX = ".lines"


class Segment(Protocol):
    """Lines in the order in which they came. ``name`` sorts by age; ``left`` are yet to be sent."""

    lane: Lane
    name: str
    size: int
    left: int

    def write(self, lines: Sequence[bytes]) -> None:
        """Append whole lines, all or none. Raises OSError."""
        ...

    def seal(self) -> None:
        """Take no more lines."""
        ...

    def read(self) -> list[Entry]:
        """Return what can be read. Raises OSError."""
        ...

    def discard(self) -> None:
        """Remove it. Raises OSError."""
        ...


def has_room(segment: Segment, line: bytes) -> bool:
    """Say whether a segment takes another line; an empty one takes any."""
    return not segment.left or (segment.left < MAX_ITEMS and segment.size + len(line) <= MAX_BYTES)


def fitting(segment: Segment, lines: Sequence[bytes]) -> int:
    """Return how many of the first lines a segment has room for, where it has for the first."""
    size = segment.size
    for taken, line in enumerate(lines):
        size += len(line)
        if taken and (segment.left + taken >= MAX_ITEMS or size > MAX_BYTES):
            return taken
    return len(lines)


class FileSegment:
    """Lines in a file, which outlive this process; they are not flushed to the disk itself."""

    def __init__(self, lane: Lane, path: Path, *, size: int = 0, left: int = 0) -> None:
        self.lane = lane
        self.path = path
        self.name = path.name
        self.size = size
        self.left = left
        self._file: int | None = None

    @classmethod
    def create(cls, lane: Lane, folder: Path) -> FileSegment:
        """Create an empty file, readable by its owner alone. Raises OSError."""
        segment = cls(lane, folder / f"{new_id()}-{lane}{SUFFIX}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        segment._file = os.open(segment.path, flags, 0o600)
        return segment

    @classmethod
    def found(cls, path: Path) -> FileSegment:
        """Return the segment that another process left. Raises OSError, ValueError for its name."""
        data = path.read_bytes()
        return cls(_lane_of(path), path, size=len(data), left=data.count(b"\n"))

    @property
    def is_open(self) -> bool:
        """Whether it still takes lines."""
        return self._file is not None

    def write(self, lines: Sequence[bytes]) -> None:
        if self._file is None:
            raise OSError(f"{self.path} is sealed")
        try:
            _write_all(self._file, b"".join(lines))
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self.size)
            raise
        self.size += sum(map(len, lines))
        self.left += len(lines)

    def seal(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def read(self) -> list[Entry]:
        whole, _, _torn = self.path.read_bytes().rpartition(b"\n")
        found = (decoded(self.lane, line) for line in whole.split(b"\n"))
        return [entry for entry in found if entry is not None]

    def discard(self) -> None:
        self.seal()
        self.path.unlink(missing_ok=True)


class MemorySegment:
    """Lines for which the disk had no room."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.name = f"{new_id()}-{lane}{SUFFIX}"
        self.size = 0
        self.left = 0
        self.lines: list[bytes] = []

    def write(self, lines: Sequence[bytes]) -> None:
        self.lines.extend(lines)
        self.size += sum(map(len, lines))
        self.left += len(lines)

    def seal(self) -> None:
        """Nothing is open."""

    def read(self) -> list[Entry]:
        found = (decoded(self.lane, line[:-1]) for line in self.lines)
        return [entry for entry in found if entry is not None]

    def discard(self) -> None:
        self.lines.clear()


def segment_paths(folder: Path) -> list[Path]:
    """Return the files in a folder that are segments, oldest first; links are none."""
    return [path for path in sorted(folder.glob(f"*{SUFFIX}")) if _is_segment(path)]


def _is_segment(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode) and _lane_of(path) in Lane
    except (FileNotFoundError, ValueError):
        return False


def _lane_of(path: Path) -> Lane:
    return Lane(path.name.removesuffix(SUFFIX).rpartition("-")[2])


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
