"""One checkpoint as one file: its record and its state, in JSON that people can read.

A ``json`` document is one indented object. A ``jsonl`` document has the record in its first line
and the state in its second, and is compressed. Which of them a file is shows by its own bytes.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
import zstandard

from checkpoints.bodies.readable import from_json, to_json
from checkpoints.bodies.states import MAX_STATE, encode_state
from checkpoints.errors import CheckpointError, CorruptCheckpoint
from checkpoints.records import Checkpoint, State

MAX_DOCUMENT = 2 * MAX_STATE
"""Bytes of a document that are read at most; indented JSON is longer than the state it holds."""
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_GZIP_WINDOW = 31
_GZIP_LEVEL, _ZSTD_LEVEL = 6, 3
_HEAD = {"record", "record_sha256"}


class FileFormat(StrEnum):
    """How a document is written, and what its file's name ends with."""

    JSON = "json"
    JSONL_GZ = "jsonl.gz"
    JSONL_ZST = "jsonl.zst"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a file holds. ``record`` is None when it is not the one that was saved."""

    record: Checkpoint | None
    state: Any

    def decoded(self) -> dict[str, Any]:
        """Return the state. Raises CorruptCheckpoint."""
        state = from_json(self.state)
        if not isinstance(state, dict):
            raise CorruptCheckpoint("its state is no mapping")
        return state

    def checked(self, sha256: str | None) -> dict[str, Any]:
        """Return the state, held against its digest. Raises CorruptCheckpoint."""
        state = self.decoded()
        try:
            found = encode_state(state).sha256
        except CheckpointError as error:
            raise CorruptCheckpoint(f"its state cannot be one: {error}") from error
        if found != sha256:
            raise CorruptCheckpoint("its state was altered: its digest does not match")
        return state


def pack_document(record: Checkpoint, state: State, form: FileFormat) -> bytes:
    """Return the file of a checkpoint: the same bytes whenever it is asked for."""
    values = record.to_dict()
    head = {"record": values, "record_sha256": _digest(values)}
    if form is FileFormat.JSON:
        return orjson.dumps({**head, "state": to_json(state)}, option=orjson.OPT_INDENT_2)
    lines = b"%s\n%s\n" % (orjson.dumps(head), orjson.dumps(to_json(state)))
    if form is FileFormat.JSONL_ZST:
        return zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True).compress(lines)
    packer = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW)
    return packer.compress(lines) + packer.flush()


def unpack_document(data: bytes) -> Document:
    """Return what a file holds, of whichever format. Raises CorruptCheckpoint."""
    try:
        values = _parsed(_unpacked(data))
        if values.keys() - _HEAD != {"state"}:
            raise CorruptCheckpoint("it holds something else than a record and a state")
        return Document(record=_record(values, len(data)), state=values["state"])
    except (ValueError, TypeError, AttributeError, zlib.error, zstandard.ZstdError) as error:
        raise CorruptCheckpoint(f"it is not the file that was saved: {error}") from error


def _unpacked(data: bytes) -> bytes:
    if data.startswith(_ZSTD):
        size = zstandard.frame_content_size(data)
        if not 0 <= size <= MAX_DOCUMENT:
            raise CorruptCheckpoint("it claims a size that no state has")
        return zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
    if not data.startswith(_GZIP):
        return data
    unpacker = zlib.decompressobj(wbits=_GZIP_WINDOW)
    text = unpacker.decompress(data, MAX_DOCUMENT)
    if not unpacker.eof or unpacker.unused_data:
        raise CorruptCheckpoint("it is cut short, too large or followed by something else")
    return text


def _parsed(text: bytes) -> dict[str, Any]:
    """Return the one object, or the two lines as one."""
    head, _, tail = text.partition(b"\n")
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        values = {**orjson.loads(head), "state": orjson.loads(tail)}
    if not isinstance(values, Mapping):
        raise CorruptCheckpoint("it is no record and state")
    return dict(values)


def _record(values: Mapping[str, Any], stored_size: int) -> Checkpoint | None:
    """Return the record if it is whole; in files of the first version nothing proves it."""
    record = values.get("record")
    digest = values.get("record_sha256")
    if not isinstance(record, dict) or digest not in (None, _digest(record)):
        return None
    try:
        return Checkpoint.from_dict({**record, "stored_size": stored_size})
    except (ValueError, LookupError, TypeError):
        return None


def _digest(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(record)).hexdigest()
