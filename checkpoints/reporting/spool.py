"""What waits to be sent: on disk, bounded, in folders of which each process has its own."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

from checkpoints.reporting.counters import Tally
from checkpoints.reporting.items import Lane
from checkpoints.reporting.notices import Notices
from checkpoints.reporting.ownership import OwnedFolder, folders_in, is_own
from checkpoints.reporting.segments import (
    FileSegment,
    MemorySegment,
    Segment,
    fitting,
    has_room,
    segment_paths,
)
from checkpoints.reporting.settings import Settings

ADDRESS = "dashboard"
"""The file that names the dashboard for which the folders beside it are meant."""
DISK_AGAIN_SECONDS = 1.0
"""How long a disk that took nothing is left alone."""


class Spool:
    """Lanes of segments, oldest first. One thread appends, another takes and finishes.

    Where the disk takes nothing, segments stay in memory. Beyond its bounds whole segments are
    dropped, the oldest of the least important lane first.
    """

    def __init__(self, settings: Settings, tally: Tally, notices: Notices) -> None:
        self._settings = settings
        self._tally = tally
        self._notices = notices
        self._lock = threading.Lock()
        self._lanes: dict[Lane, deque[Segment]] = {lane: deque() for lane in Lane}
        self._taken: Segment | None = None
        self._folder: OwnedFolder | None = None
        self._disk_again_at = 0.0

    def append(self, lane: Lane, lines: Sequence[bytes]) -> None:
        """Keep lines, in the order of their lane; never raises for want of room."""
        with self._lock:
            while lines:
                segment = self._open_segment(lane, lines[0])
                count = fitting(segment, lines)
                self._write(segment, lines[:count])
                lines = lines[count:]
            self._stay_within_bounds()

    def take(self) -> Segment | None:
        """Return the oldest segment of the foremost lane, sealed; None when nothing waits."""
        with self._lock:
            filled = next((lane for lane in self._lanes.values() if lane), None)
            if filled is None:
                return None
            self._taken = filled.popleft()
            self._taken.seal()
            return self._taken

    def finish(self, segment: Segment) -> None:
        """Remove a segment that was taken and sent."""
        with self._lock:
            self._taken = None
            try:
                segment.discard()
            except OSError as error:
                self._notices.warn("spool", f"{segment.name} could not be removed: {error}")

    def adopt(self) -> int:
        """Take over what dead processes left, as far as it fits; return from how many of them.

        Never raises.
        """
        mine = self._folder.path if self._folder else None
        found = folders_in(self._settings.destination)
        return sum(self._adopt(path) for path in found if path != mine)

    def close(self) -> None:
        """Leave what is on disk to the next process; what is in memory goes there, if it can."""
        with self._lock:
            for segment in self._all():
                segment.seal()
                if isinstance(segment, MemorySegment):
                    self._save(segment)
            if self._folder is not None:
                self._folder.release()

    def abandon(self) -> None:
        """Close the files of a spool that is the parent's, in a forked child."""
        for segment in self._all():
            segment.seal()
        if self._folder is not None:
            self._folder.abandon()

    @property
    def on_disk(self) -> int:
        """How many items lie in files."""
        return self._count(FileSegment)

    @property
    def in_memory(self) -> int:
        """How many items found no room on disk."""
        return self._count(MemorySegment)

    def _count(self, kind: type[Segment]) -> int:
        with self._lock:
            return sum(segment.left for segment in self._all() if isinstance(segment, kind))

    def _size(self, kind: type[Segment]) -> int:
        return sum(segment.size for segment in self._all() if isinstance(segment, kind))

    def _all(self) -> list[Segment]:
        taken = [self._taken] if self._taken is not None else []
        return [*taken, *(segment for lane in self._lanes.values() for segment in lane)]

    def _open_segment(self, lane: Lane, line: bytes) -> Segment:
        """Return the lane's last segment if it takes the line, else a new one."""
        segments = self._lanes[lane]
        if segments and self._takes(segments[-1], line):
            return segments[-1]
        if segments:
            segments[-1].seal()
        segments.append(self._new_segment(lane))
        return segments[-1]

    def _takes(self, last: Segment, line: bytes) -> bool:
        if not has_room(last, line):
            return False
        if isinstance(last, FileSegment):
            return last.is_open
        return time.monotonic() < self._disk_again_at

    def _new_segment(self, lane: Lane) -> Segment:
        try:
            return FileSegment.create(lane, self._own_folder())
        except OSError as error:
            self._fall_back(error)
            return MemorySegment(lane)

    def _own_folder(self) -> Path:
        """Return our folder, made anew when somebody removed it. Raises OSError."""
        if self._folder is not None and not self._folder.path.exists():
            self._folder.abandon()
            self._folder = None
        if self._folder is None:
            _address(self._settings)
            self._folder = OwnedFolder.create(self._settings.destination)
        return self._folder.path

    def _write(self, segment: Segment, lines: Sequence[bytes]) -> None:
        try:
            segment.write(lines)
            if isinstance(segment, FileSegment):
                self._notices.settle("spool")
        except OSError as error:
            self._fall_back(error)
            segment.seal()
            instead = MemorySegment(segment.lane)
            instead.write(lines)
            self._lanes[segment.lane].append(instead)

    def _fall_back(self, error: OSError) -> None:
        self._tally.add("spool_errors")
        self._disk_again_at = time.monotonic() + DISK_AGAIN_SECONDS
        reason = error.strerror or str(error)
        self._notices.warn(
            "spool", f"reports wait in memory, for {self._settings.spool} takes nothing: {reason}"
        )

    def _stay_within_bounds(self) -> None:
        self._drop_beyond(self._settings.bounds.spool_bytes, FileSegment)
        self._drop_beyond(self._settings.bounds.memory_bytes, MemorySegment)

    def _drop_beyond(self, most: int, kind: type[Segment]) -> None:
        excess = self._size(kind) - most
        for segment in self._expendable(kind):
            if excess <= 0:
                return
            excess -= segment.size
            self._drop(segment)

    def _expendable(self, kind: type[Segment]) -> list[Segment]:
        """Return segments in the order in which they go: metrics first, checkpoints last."""
        order = (Lane.METRICS, Lane.EVENTS, Lane.CHECKPOINTS)
        return [s for lane in order for s in self._lanes[lane] if isinstance(s, kind)]

    def _drop(self, segment: Segment) -> None:
        self._lanes[segment.lane].remove(segment)
        self._tally.add("dropped", segment.left)
        self._notices.warn("room", f"the spool is full: the oldest {segment.lane} are dropped")
        with contextlib.suppress(OSError):
            segment.discard()

    def _adopt(self, path: Path) -> bool:
        """Take over one folder; one that cannot be read keeps no other from being."""
        try:
            left = OwnedFolder.seize(path)
            return left is not None and self._adopt_seized(left)
        except OSError as error:
            self._notices.warn("spool", f"{path} could not be looked through: {error}")
            return False

    def _adopt_seized(self, left: OwnedFolder) -> bool:
        try:
            paths = segment_paths(left.path)
            with self._lock:
                fits = self._has_room_for(paths)
                if fits:
                    self._take_over(paths)
        finally:
            left.release()
        return fits and bool(paths)

    def _has_room_for(self, paths: Iterable[Path]) -> bool:
        """Say whether nothing would be dropped; a folder as large as the bound needs an empty one.

        What does not fit now stays where it is until there is room.
        """
        mine = self._size(FileSegment)
        theirs = sum(path.stat().st_size for path in paths)
        return not mine or mine + theirs <= self._settings.bounds.spool_bytes

    def _take_over(self, paths: Iterable[Path]) -> None:
        for path in paths:
            mine = self._own_folder() / path.name
            path.rename(mine)
            segment = FileSegment.found(mine)
            self._lanes[segment.lane].append(segment)
        for lane, segments in self._lanes.items():
            self._lanes[lane] = deque(sorted(segments, key=lambda segment: segment.name))

    def _save(self, segment: MemorySegment) -> None:
        try:
            file = FileSegment.create(segment.lane, self._own_folder())
            file.write(segment.lines)
            file.seal()
            self._lanes[segment.lane].append(file)
        except OSError:
            self._tally.add("dropped", segment.left)
        segment.left = 0


def _address(settings: Settings) -> None:
    """Write down which dashboard the folder is for. Raises OSError."""
    settings.spool.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.destination.mkdir(exist_ok=True, mode=0o700)
    if not is_own(settings.destination):
        raise PermissionError(
            f"{settings.destination} is not a folder that is yours alone; name another one with "
            "HOLDFAST_SPOOL"
        )
    path = settings.destination / ADDRESS
    if not path.exists():
        path.write_text(settings.url.rstrip("/") + "\n")
