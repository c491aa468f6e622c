"""The journal of a folder store: one checksummed line per event, in the order of the saves.

The first line names the format and the store. A torn last line was never acknowledged and is cut
off before the next append. After a failed fsync the journal takes nothing more: what the kernel
kept of it cannot be known. Written anew, without what no longer matters, it is another file
under the same name: whoever reads it notices by its first line and begins again.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from checkpoints.bodies.files import (
    SyncFailed,
    require_regular,
    sync,
    sync_folder,
    translated_errors,
    write_temporary,
)
from checkpoints.errors import CheckpointError, PermanentStoreError
from checkpoints.stores.events import Event
from checkpoints.stores.folder.journal_lines import (
    FORMAT,
    Header,
    checked,
    event_of,
    header_from,
    line_of,
    payload_of,
)

MAX_JOURNAL = 4 * 1024**3
"""Bytes of a journal that is read; one line takes about 600."""
MAX_HEADER = 4096
GAP = 16
"""Positions left out for each damaged line: it may have held more than one event."""
_OF_ENTRIES = (b'"entries":', b'"forgotten"', b'"ended":')
"""What stands in lines after which there are other journal entries than before."""


class News(NamedTuple):
    """What was read: all from the beginning when the journal is ``anew``."""

    events: list[Event]
    anew: bool


class Journal:
    """Reads what was appended since the last look, appends, and writes itself anew.

    ``position`` is the last one that an event has or may have had. ``damaged_after`` is that of
    the event before the last damaged line, None without any. ``damaged_entries`` are those of the
    damaged lines that told of journal entries.
    """

    def __init__(self, path: Path, broken: str | None = None) -> None:
        self.path = path
        self.broken = broken
        self._interrupted = False
        self._undone = False
        self._begin()

    def _begin(self) -> None:
        self.header: Header | None = None
        self.damaged: list[int] = []
        self.damaged_entries: list[int] = []
        self.torn = False
        self.lines = 0
        self.position = 0
        self.damaged_after: int | None = None
        self._last = 0
        self._offset = 0
        self._seen: tuple[int, int, bytes] | None = None
        self._newline_damaged = False

    @property
    def headless(self) -> bool:
        """Say whether there are lines, but the first cannot be read."""
        return self.lines > 0 and self.header is None

    def read_new(self) -> News:
        """Return the events that were appended since the last call; remember damaged lines."""
        with open(self.path, "rb", opener=_open_plainly) as file:
            require_regular(self.path, file.fileno(), limit=MAX_JOURNAL)
            with self._naming_the_file():
                anew = self._interrupted or self._is_another(file)
            if anew:
                self._begin()
                self._seen = _seen(file)
            self._interrupted = True
            file.seek(self._offset)
            with self._naming_the_file():
                events = list(self._events(file))
            self._interrupted = False
        return News(events, anew)

    def create(self, store_id: str) -> None:
        """Write the first line."""
        self.path.touch(exist_ok=True)
        header = Header(store_id=store_id)
        self._append(header.payload())
        for folder in (self.path.parent, self.path.parent.parent):
            sync_folder(folder)
        self.header = header

    def append(self, events: Sequence[Event]) -> list[Event]:
        """Write events durably, in one step, and return them with their positions.

        Every earlier line must have been read before.
        """
        first = self.position + 1
        placed = [replace(event, position=first + i) for i, event in enumerate(events)]
        self._append(*(payload_of(event) for event in placed))
        self.position = self._last = placed[-1].position
        return placed

    def rewrite(self, events: Sequence[Event], header: Header, *, keep: str | None = None) -> None:
        """Put another journal in this one's place; ``keep`` names the old one beside it.

        Raises StoreError; the old journal then stands, unless its folder could not be synced.
        """
        self.require_sound()
        payloads = (header.payload(), *(payload_of(event) for event in events))
        with translated_errors(self.path):
            temporary = write_temporary(self.path.parent, b"".join(map(line_of, payloads)))
            try:
                if keep is not None and self.path.exists():
                    os.link(self.path, self.path.parent / keep)
                temporary.replace(self.path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        with self.breaking():
            sync_folder(self.path.parent)

    def require_sound(self) -> None:
        """Raise PermanentStoreError after a failed write or fsync."""
        if self.broken is not None:
            raise PermanentStoreError(
                f"{self.path}: an earlier write failed ({self.broken}); open the store anew. "
                "Everything that was acknowledged is safe"
            )

    def _events(self, file: BinaryIO) -> Iterator[Event]:
        for line in file:
            whole = self._take_line(line)
            if whole is None:
                return
            payload = checked(whole)
            if payload is not None and "format" in payload:
                self._take_header(payload)
                continue
            event = self._event(payload)
            if event is not None:
                yield event
            elif any(word in whole for word in _OF_ENTRIES):
                self.damaged_entries.append(self.lines)

    def _event(self, payload: dict[str, Any] | None) -> Event | None:
        """Return the event of a line. One that cannot follow the last is damage, too."""
        try:
            event = event_of(payload or {}, position=self.position + 1)
        except (ValueError, LookupError, TypeError, AttributeError, CheckpointError):
            event = None
        if event is not None and event.position > self._last:
            self.position = self._last = event.position
            return event
        self.damaged.append(self.lines)
        self.position += 1 if self.header and self.header.format < FORMAT else GAP
        self.damaged_after = self._last
        return None

    def _take_line(self, line: bytes) -> bytes | None:
        """Step over a line and return it whole, or None when it is torn.

        A line is torn when it ends without its newline, unless that newline alone is damaged.
        """
        self._newline_damaged = not line.endswith(b"\n")
        whole = line[:-1] + b"\n"
        self.torn = self._newline_damaged and checked(whole) is None
        if self.torn:
            return None
        self._offset += len(line)
        self.lines += 1
        return whole

    def _take_header(self, payload: dict[str, Any]) -> None:
        header = header_from(payload)
        if self.lines == 1:
            self.header = header
            self.position = max(self.position, header.position)

    def _is_another(self, file: BinaryIO) -> bool:
        """Say whether the journal was written anew since it was read.

        Raises PermanentStoreError when it is another in any other way, or has lost what was read.
        """
        seen = _seen(file)
        if self._offset == 0:
            self._seen = seen
        if seen == self._seen and os.fstat(file.fileno()).st_size >= self._offset:
            return False
        payload = checked(seen[2])
        header = header_from(payload) if payload is not None and "format" in payload else None
        if header and self.header and _follows(header, self.header):
            return True
        raise PermanentStoreError(
            f"{self.path} was replaced or cut since it was opened; nothing was written. "
            "Open the store anew"
        )

    def _append(self, *payloads: dict[str, Any]) -> None:
        self.require_sound()
        self._undone = False
        data = b"".join(map(line_of, payloads))
        with self.breaking(), translated_errors(self.path):
            self._write(data)
        self._offset += len(data)
        self.lines += len(payloads)

    @contextlib.contextmanager
    def breaking(self) -> Iterator[None]:
        """Take nothing more after an error within."""
        try:
            yield
        except BaseException as error:
            if not self._undone:
                self.broken = str(error) or type(error).__name__
            raise

    @contextlib.contextmanager
    def _naming_the_file(self) -> Iterator[None]:
        try:
            yield
        except PermanentStoreError as error:
            if str(self.path) in str(error):
                raise
            raise PermanentStoreError(f"{self.path}: {error}") from error

    def _write(self, data: bytes) -> None:
        with open(self.path, "r+b", buffering=0, opener=_open_plainly) as file:
            self._require_same(file)
            handle = file.fileno()
            if self._newline_damaged and not self.torn:
                os.pwrite(handle, b"\n", self._offset - 1)
            os.ftruncate(handle, self._offset)
            os.lseek(handle, self._offset, os.SEEK_SET)
            with self._undoing(handle):
                if os.write(handle, data) != len(data):
                    raise OSError(errno.ENOSPC, "the write was cut short")
                sync(handle)
            self._seen = _seen(file)
            self.torn = self._newline_damaged = False

    @contextlib.contextmanager
    def _undoing(self, handle: int) -> Iterator[None]:
        """Cut off what was written in vain. Only after a failed sync does that not suffice."""
        try:
            yield
        except BaseException as error:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, self._offset)
                self._undone = not isinstance(error, SyncFailed)
            raise

    def _require_same(self, file: BinaryIO | Any) -> None:
        if self._is_another(file):
            raise PermanentStoreError(
                f"{self.path} was written anew by another process; nothing was written. Try again"
            )


def _seen(file: BinaryIO | Any) -> tuple[int, int, bytes]:
    """Return what tells one journal from another: device, inode and its first line."""
    found = os.fstat(file.fileno())
    first = os.pread(file.fileno(), MAX_HEADER, 0)
    return found.st_dev, found.st_ino, first[: first.find(b"\n") + 1]


def _follows(header: Header, known: Header) -> bool:
    return header.store_id == known.store_id and header.generation > known.generation


def _open_plainly(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
