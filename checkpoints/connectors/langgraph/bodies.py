"""What LangGraph keeps in a checkpoint's body and metadata, decoded without running anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph import uuid6
from checkpoints.connectors.langgraph.rows import ROOT, Blob, CheckpointRow
from checkpoints.errors import CorruptCheckpoint

_VERSION = re.compile(rb"(?:[\x80-\x8f]|\xde..|\xdf....)\xa1v(?P<version>[\x00-\x7f])", re.DOTALL)
"""The head of a map whose first key is ``v`` and its value a small number, in msgpack."""

SENDS_INSIDE: Final = 4
"""From this version of the format on, what was sent to the next steps lies in the checkpoint."""
SENDS: Final = "__pregel_tasks"
EMPTY: Final = "empty"
"""The type of a value that says that its channel holds none."""
UNREAD: Final = "unread"
"""What stands for the type of a value that is kept apart and was not read."""
UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The parts of a body that say where a run stood. Values are described, never built."""

    version: int
    id: str
    written_at: datetime | None
    values: Mapping[Any, Any]
    versions: Mapping[Any, Any]
    seen: Mapping[Any, Any]
    pending_sends: tuple[Any, ...]


def decode_body(row: CheckpointRow) -> Body:
    """Decode a row's body. Raises CorruptCheckpoint and says why it cannot be read."""
    content = _decode_content(row)
    if not isinstance(content, Mapping):
        raise _damaged(row, "the body is not a map")
    parts = {n: content.get(n, {}) for n in ("channel_values", "channel_versions", "versions_seen")}
    for name, part in parts.items():
        if not isinstance(part, Mapping):
            raise _damaged(row, f"{name} is not a map")
    sends = content.get("pending_sends")
    return Body(
        version=inert.step_number(content.get("v")) or 1,
        id=str(content.get("id", "")),
        written_at=_time(content.get("ts")),
        values=_values(row, parts["channel_values"]),
        versions=parts["channel_versions"],
        seen=parts["versions_seen"],
        pending_sends=tuple(sends) if isinstance(sends, list) else (),
    )


def _values(row: CheckpointRow, inline: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Return the values in a body with those that are kept apart from it."""
    if not row.blobs:
        return inline
    values = dict(inline)
    for channel, blob in row.blobs.items():
        if blob.type != EMPTY:
            values[channel] = _blob_value(row, channel, blob)
    return values


def _blob_value(row: CheckpointRow, channel: str, blob: Blob) -> Any:
    if blob.data is None:
        return inert.described(UNREAD, blob.size)
    try:
        if blob.type == "msgpack":
            return inert.unpack(blob.data)
        return inert.decode_typed(blob.type, blob.data)
    except CorruptCheckpoint as error:
        raise _damaged(row, f"the value of {channel} cannot be read: {error}") from error


def _decode_content(row: CheckpointRow) -> Any:
    reason = inert.why_unreadable(row.type)
    if reason:
        raise _damaged(row, reason)
    if row.body is None:
        raise _damaged(row, f"the body of {row.size:,} bytes is missing or too large to be shown")
    try:
        return inert.unpack(row.body) if row.type == "msgpack" else inert.decode_json(row.body)
    except CorruptCheckpoint as error:
        raise _damaged(row, str(error)) from error


def _damaged(row: CheckpointRow, reason: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(reason, checkpoint_id=row.key.checkpoint_id)


def decode_metadata(row: CheckpointRow) -> dict[str, Any]:
    """Decode a row's metadata; empty when there is none or it cannot be read."""
    try:
        return metadata_in(row.metadata)
    except CorruptCheckpoint:
        return {}


def metadata_in(data: bytes | None) -> dict[str, Any]:
    """Decode metadata; empty when there is none. Raises CorruptCheckpoint."""
    metadata = inert.decode_json(data) if data else {}
    return metadata if isinstance(metadata, dict) else {}


def root_in(metadata: Mapping[str, Any]) -> str | None:
    """Return the checkpoint of the thread that a subgraph's checkpoint was written under."""
    parents = metadata.get("parents")
    root = parents.get(ROOT) if isinstance(parents, dict) else None
    return root if isinstance(root, str) else None


def version_in(kind: str | None, beginning: bytes) -> int | None:
    """Return the version of a body's format from its first bytes, ``None`` where it is not there.

    LangGraph writes it first.
    """
    found = _VERSION.match(beginning) if kind == "msgpack" else None
    return found["version"][0] if found else None


def step_of(metadata: Mapping[str, Any]) -> int:
    """Return the step that LangGraph counted; -1 is the input of a thread's first run."""
    step = inert.step_number(metadata.get("step"))
    return -1 if step is None else step


def time_of_id(checkpoint_id: str) -> datetime | None:
    """Return the time in an id that LangGraph made."""
    ticks = uuid6.ticks_of(checkpoint_id)
    return None if ticks is None else uuid6.time_of(ticks)


def _time(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None
