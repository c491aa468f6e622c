"""The journal of a folder store: one checksummed line per event, appended and never rewritten.

A line is ``crc32 in hex, space, JSON, newline``. The first line names the format and the store.
A torn last line was never acknowledged and is cut off before the next append. After a failed
write or fsync the journal takes nothing more: what the kernel kept of it cannot be known.
"""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from checkpoints.bodies.files import require_regular, sync_folder, translated_errors
from checkpoints.errors import PermanentStoreError
from checkpoints.records import Checkpoint, Directive, Head, Pin, Removal, Strategy
from checkpoints.stores.ledger import Event, EventName

FORMAT = 1
MAX_JOURNAL = 4 * 1024**3
"""Bytes of a journal that is read; one line takes about 600."""


class Journal:
    """Reads what was appended since the last look, and appends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store_id = ""
        self.damaged: list[int] = []
        self._offset = 0
        self._line = 0
        self._broken: str | None = None
        self._identity: tuple[int, int] | None = None
        self._newline_damaged = False
        self.torn = False

    def read_new(self) -> Iterator[Event]:
        """Yield the events that were appended since the last call; remember damaged lines."""
        for payload in self._payloads():
            if "format" in payload:
                self._check_format(payload)
                continue
            try:
                event = _event(payload)
            except (ValueError, LookupError, TypeError, AttributeError):
                self.damaged.append(self._line)
            else:
                yield event

    def create(self, store_id: str) -> None:
        """Write the first line."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(exist_ok=True)
        self._append({"format": FORMAT, "store_id": store_id})
        sync_folder(self.path.parent)
        self.store_id = store_id

    def append(self, event: Event) -> None:
        """Write one event durably. Every earlier line must have been read before."""
        self._append(_payload(event))

    def _payloads(self) -> Iterator[dict[str, Any]]:
        with open(self.path, "rb", opener=_open_plainly) as file:
            require_regular(self.path, file.fileno(), limit=MAX_JOURNAL)
            self._refuse_another(os.fstat(file.fileno()))
            file.seek(self._offset)
            for line in file:
                whole = self._take_line(line)
                if whole is None:
                    return
                payload = _checked(whole)
                if payload is None:
                    self.damaged.append(self._line)
                else:
                    yield payload

    def _take_line(self, line: bytes) -> bytes | None:
        """Step over a line and return it whole, or None when it is torn.

        A line is torn when it ends without its newline, unless that newline alone is damaged.
        """
        self._newline_damaged = not line.endswith(b"\n")
        whole = line[:-1] + b"\n"
        self.torn = self._newline_damaged and _checked(whole) is None
        if self.torn:
            return None
        self._offset += len(line)
        self._line += 1
        return whole

    def _refuse_another(self, found: os.stat_result) -> None:
        """Raise when the file is not the one that was read before, or has lost what was read."""
        identity = (found.st_dev, found.st_ino)
        if self._identity not in (None, identity) or found.st_size < self._offset:
            raise PermanentStoreError(
                f"{self.path} was replaced or cut since it was opened; nothing was written. "
                "Open the store anew"
            )
        self._identity = identity

    def _check_format(self, payload: dict[str, Any]) -> None:
        if payload["format"] != FORMAT:
            raise PermanentStoreError(
                f"{self.path} has format {payload['format']}, this version of Holdfast reads "
                f"format {FORMAT}; nothing was changed, a newer version can open it"
            )
        self.store_id = payload["store_id"]

    def _append(self, payload: dict[str, Any]) -> None:
        if self._broken is not None:
            raise PermanentStoreError(
                f"{self.path}: an earlier write failed ({self._broken}); open the store anew. "
                "Everything that was acknowledged is safe"
            )
        text = orjson.dumps(payload)
        line = b"%08x %s\n" % (zlib.crc32(text), text)
        try:
            with translated_errors(self.path):
                self._write(line)
        except Exception as error:
            self._broken = str(error)
            raise
        self._offset += len(line)
        self._line += 1

    def _write(self, line: bytes) -> None:
        handle = os.open(self.path, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            self._refuse_another(os.fstat(handle))
            if self._newline_damaged and not self.torn:
                os.pwrite(handle, b"\n", self._offset - 1)
            os.ftruncate(handle, self._offset)
            os.lseek(handle, self._offset, os.SEEK_SET)
            written = os.write(handle, line)
            if written != len(line):
                os.ftruncate(handle, self._offset)
                raise OSError(errno.ENOSPC, "the write was cut short")
            os.fsync(handle)
            self.torn = self._newline_damaged = False
        finally:
            os.close(handle)


def _open_plainly(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _checked(line: bytes) -> dict[str, Any] | None:
    """Return the payload of a line, or None when its checksum does not hold."""
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    payload = orjson.loads(text) if text.startswith(b"{") else None
    return payload if isinstance(payload, dict) else None


def _payload(event: Event) -> dict[str, Any]:
    payload: dict[str, Any] = {"event": event.name}
    if event.checkpoint is not None:
        payload["checkpoint"] = event.checkpoint.to_dict()
    if event.head is not None:
        payload["head"] = event.head
    if event.pin is not None:
        payload["pin"] = event.pin
    if event.removals:
        payload["removals"] = event.removals
    if event.checkpoint_ids:
        payload["checkpoint_ids"] = event.checkpoint_ids
    return payload


def _event(payload: dict[str, Any]) -> Event:
    record, head, pin = (payload.get(name) for name in ("checkpoint", "head", "pin"))
    return Event(
        name=EventName(payload["event"]),
        checkpoint=Checkpoint.from_dict(record) if record else None,
        head=head_from(head) if head else None,
        pin=Pin(**_timed(pin, "pinned_at")) if pin else None,
        removals=tuple(Removal(**_timed(r, "removed_at")) for r in payload.get("removals", ())),
        checkpoint_ids=tuple(payload.get("checkpoint_ids", ())),
    )


def head_from(values: dict[str, Any]) -> Head:
    """Rebuild a head from its JSON."""
    directive = values.get("directive")
    if directive is not None:
        strategy = Strategy(directive["strategy"])
        directive = Directive(strategy=strategy, parameters=directive["parameters"])
    return Head(**{**_timed(values, "moved_at"), "directive": directive})


def _timed(values: dict[str, Any], name: str) -> dict[str, Any]:
    return {**values, name: datetime.fromisoformat(values[name])}
