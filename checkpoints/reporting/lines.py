"""Entries as the lines of a spool's segment: a CRC-32 in hexadecimal, a space, JSON."""

from __future__ import annotations

import zlib
from typing import Any

import orjson

from checkpoints.reporting.items import Entry, Item, Lane

MAX_LINE_BYTES = 200_000
"""Above it a checkpoint goes without its metadata, and anything else not at all."""


class Unsendable(ValueError):
    """An item that JSON cannot carry, or that is too large."""


def encoded(entry: Entry) -> bytes:
    """Return an entry as a line. Raises Unsendable."""
    try:
        return _line(entry, entry.item)
    except Unsendable as error:
        if entry.lane is not Lane.CHECKPOINTS:
            raise
        return _line(entry, _without_metadata(entry.item, str(error)))


def decoded(lane: Lane, line: bytes) -> Entry | None:
    """Return the entry of a line without its newline, or None for what is none.

    The checksum finds what was torn or damaged; it does not say who wrote the line.
    """
    checksum, _, text = line.partition(b" ")
    if checksum != _checksum(text):
        return None
    match _values(text):
        case {"source": str(url), "item": {"id": str(), "type": str()} as item}:
            return Entry(lane=lane, source_url=url, item=item)
        case _:
            return None


def _values(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def _line(entry: Entry, item: Item) -> bytes:
    try:
        text = orjson.dumps({"source": entry.source_url, "item": item})
    except TypeError as error:
        raise Unsendable(f"JSON cannot carry it: {error}") from error
    if len(text) > MAX_LINE_BYTES:
        raise Unsendable(f"{len(text):,} bytes are too many to be reported")
    return _checksum(text) + b" " + text + b"\n"


def _checksum(text: bytes) -> bytes:
    return b"%08x" % zlib.crc32(text)


def _without_metadata(item: Item, reason: str) -> Item:
    note = f"{reason}; the store has it"
    return {**item, "checkpoint": {**item["checkpoint"], "metadata": {"not reported": note}}}
