"""Edits of a state whose values lie partly in the body and partly apart from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from checkpoints.bodies.limits import check_json
from checkpoints.connectors import inert
from checkpoints.connectors.langgraph import deltas
from checkpoints.connectors.langgraph.editing import edited
from checkpoints.connectors.langgraph.rows import Blob, CheckpointRow
from checkpoints.connectors.langgraph_postgresql.rows import Rows
from checkpoints.errors import CorruptCheckpoint, PlanRefused
from checkpoints.plans import Edit

_EMPTY: Final = frozenset({"empty", "null"})
_PRIMITIVES = (str, int, float, bool, type(None))
"""What LangGraph keeps in the body itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """What an edit leaves in a copy: values in the body, and those that lie apart from it.

    ``removed`` are the channels whose former value leaves the body, ``blobs`` holds versions and
    encoded values by channel.
    """

    removed: list[str]
    inline: dict[str, Any]
    versions: dict[str, Any]
    blobs: dict[str, tuple[str, bytes]]


def make_edits(rows: Rows, row: CheckpointRow, edits: Sequence[Edit]) -> Edited | None:
    """Carry edits out on what a row holds; ``None`` when there are none.

    Raises PlanRefused when one cannot be made.
    """
    if not edits:
        return None
    channels = list(dict.fromkeys(str(edit.path[0]) for edit in edits if edit.path))
    content = _content(rows, row, channels)
    names = deltas.channels(rows, row.key.thread_id, row.key.namespace)
    values = edited(content, edits, names)
    versions = {name: values["channel_versions"][name] for name in channels}
    new = {n: values["channel_values"][n] for n in channels if n in values["channel_values"]}
    inline = {name: value for name, value in new.items() if _fits_body(value)}
    apart = {name: value for name, value in new.items() if name not in inline}
    return Edited(
        removed=channels,
        inline=inline,
        versions=versions,
        blobs={name: (str(versions[name]), _packed(value)) for name, value in apart.items()},
    )


def _content(rows: Rows, row: CheckpointRow, channels: Sequence[str]) -> dict[str, Any]:
    """Return a body's content with the values of some channels, as it is edited."""
    check_json(row.body or b"")
    content: dict[str, Any] = json.loads(row.body or b"{}")
    values = dict(content["channel_values"])
    blobs = rows.filled(row).blobs
    for channel in channels:
        blob = blobs.get(channel)
        if blob is not None:
            values[channel] = _editable(channel, blob)
            if blob.type == "empty":
                del values[channel]
    return {**content, "channel_values": values}


def _editable(channel: str, blob: Blob) -> Any:
    if blob.type in _EMPTY:
        return None
    if blob.type != "msgpack" or blob.data is None:
        raise PlanRefused(
            f"{channel} cannot be edited: its value is stored as {blob.type}, which only the "
            "agent's code can read; nothing was written"
        )
    try:
        return inert.unpack_for_rewriting(blob.data)
    except CorruptCheckpoint as error:
        raise PlanRefused(f"{channel} cannot be edited: {error}; nothing was written") from error


def _fits_body(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" not in value
    return isinstance(value, _PRIMITIVES)


def _packed(value: Any) -> bytes:
    data = inert.repack(value)
    inert.unpack(data)
    return data
