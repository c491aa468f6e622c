"""The lines of a journal: ``crc32 in hex, space, JSON, newline``."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from checkpoints.bodies.readable import from_json, to_json
from checkpoints.errors import PermanentStoreError
from checkpoints.records import (
    Checkpoint,
    Directive,
    Head,
    JournalEntry,
    Pin,
    Removal,
    Strategy,
)
from checkpoints.stores.entry_bytes import EntryName, PackedEntry, pack_entry, unpack_entry
from checkpoints.stores.events import Event, EventName, ThreadKey

FORMAT = 2
OLDEST = 1
_PLAIN = ("head", "pin", "removals", "checkpoint_ids", "check", "place", "headless", "ended")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the first line says.

    ``generation`` grows by one each time the journal is written anew; ``position`` is the last
    that was given to an event before that.
    """

    store_id: str
    format: int = FORMAT
    generation: int = 0
    position: int = 0

    def payload(self) -> dict[str, Any]:
        """Return the header as the JSON of its line."""
        return {
            "format": self.format,
            "store_id": self.store_id,
            "generation": self.generation,
            "position": self.position,
        }


def header_from(payload: dict[str, Any]) -> Header:
    """Return the header of a line. Raises PermanentStoreError for a newer format."""
    if payload["format"] not in range(OLDEST, FORMAT + 1):
        raise PermanentStoreError(
            f"the journal has format {payload['format']}, this version of Holdfast reads "
            f"format {FORMAT}; nothing was changed, a newer version can open it"
        )
    return Header(
        store_id=payload["store_id"],
        format=payload["format"],
        generation=payload.get("generation", 0),
        position=payload.get("position", 0),
    )


def line_of(payload: dict[str, Any]) -> bytes:
    """Return the line of a payload."""
    text = orjson.dumps(payload)
    return b"%08x %s\n" % (zlib.crc32(text), text)


def checked(line: bytes) -> dict[str, Any] | None:
    """Return the payload of a line, or None when its checksum does not hold."""
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    payload = orjson.loads(text) if text.startswith(b"{") else None
    return payload if isinstance(payload, dict) else None


def payload_of(event: Event) -> dict[str, Any]:
    """Return an event as the JSON of its line."""
    payload: dict[str, Any] = {"event": event.name, "position": event.position}
    if event.checkpoint is not None:
        payload["checkpoint"] = event.checkpoint.to_dict()
    if event.entries:
        payload["entries"] = [_payload_of_entry(entry) for entry in event.entries]
    if event.forgotten:
        payload["forgotten"] = [list(name) for name in event.forgotten]
    for name in _PLAIN:
        value = getattr(event, name)
        if value:
            payload[name] = value
    return payload


def event_of(payload: dict[str, Any], *, position: int) -> Event:
    """Return the event of a line; ``position`` is its own where the line names none.

    Raises ValueError, LookupError, TypeError, AttributeError or CheckpointError for anything else.
    """
    record, head, pin = (payload.get(name) for name in ("checkpoint", "head", "pin"))
    place, headless, ended = (payload.get(name) for name in ("place", "headless", "ended"))
    return Event(
        name=EventName(payload["event"]),
        position=int(payload.get("position", position)),
        checkpoint=Checkpoint.from_dict(record) if record else None,
        head=head_from(head) if head else None,
        pin=Pin(**_timed(pin, "pinned_at")) if pin else None,
        removals=tuple(Removal(**_timed(r, "removed_at")) for r in payload.get("removals", ())),
        checkpoint_ids=tuple(payload.get("checkpoint_ids", ())),
        check=payload.get("check"),
        place=(int(place[0]), int(place[1])) if place else None,
        headless=_thread_key(headless) if headless else None,
        ended=_thread_key(ended) if ended else None,
        entries=tuple(_entry_of(values) for values in payload.get("entries", ())),
        forgotten=tuple(EntryName(*names) for names in payload.get("forgotten", ())),
    )


def _payload_of_entry(entry: PackedEntry) -> dict[str, Any]:
    """Return an entry as JSON that people can read."""
    told = unpack_entry(entry.name, entry.body)
    return {
        **entry.name._asdict(),
        "recorded_at": told.recorded_at,
        "checkpoint_id": told.checkpoint_id,
        "data": to_json(told.data),
    }


def _entry_of(values: dict[str, Any]) -> PackedEntry:
    """Rebuild an entry from its JSON. Raises CorruptCheckpoint, UnsupportedState."""
    timed = _timed(values, "recorded_at")
    return pack_entry(JournalEntry(**{**timed, "data": from_json(timed["data"])}))


def _thread_key(names: list[str]) -> ThreadKey:
    agent_id, thread_id = names
    return str(agent_id), str(thread_id)


def head_from(values: dict[str, Any]) -> Head:
    """Rebuild a head from its JSON."""
    directive = values.get("directive")
    if directive is not None:
        strategy = Strategy(directive["strategy"])
        directive = Directive(strategy=strategy, parameters=directive["parameters"])
    return Head(**{**_timed(values, "moved_at"), "directive": directive})


def _timed(values: dict[str, Any], name: str) -> dict[str, Any]:
    return {**values, name: datetime.fromisoformat(values[name])}
