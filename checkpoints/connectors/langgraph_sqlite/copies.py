"""A checkpoint's body and metadata, changed where a copy differs and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph import bodies
from checkpoints.connectors.langgraph.copying import metadata_of
from checkpoints.connectors.langgraph.editing import edited
from checkpoints.connectors.langgraph.rows import CheckpointRow
from checkpoints.plans import Edit


def body(
    row: CheckpointRow,
    identifier: str,
    now: datetime,
    *,
    edits: Sequence[Edit] = (),
    deltas: Collection[str] = (),
) -> bytes:
    """Return a row's body with another id and time, and with edits made.

    Raises CorruptCheckpoint, PlanRefused when an edit cannot be made.
    """
    bodies.decode_body(row)
    stored, values = row.body or b"", {"id": identifier, "ts": now.isoformat()}
    is_json = row.type == "json"
    content = json.loads(stored) if is_json else inert.unpack_for_rewriting(stored)
    content = {**(edited(content, edits, deltas) if edits else content), **values}
    copy = json.dumps(content).encode() if is_json else inert.repack(content)
    if edits:
        bodies.decode_body(replace(row, body=copy))
    return copy


def require_copyable(row: CheckpointRow) -> None:
    """Raise CorruptCheckpoint for a row that no copy can be made of."""
    body(row, row.key.checkpoint_id, bodies.UNKNOWN_TIME)
    metadata_of(row)


def metadata(values: Mapping[str, Any]) -> bytes:
    """Encode metadata as LangGraph does."""
    return json.dumps(values, ensure_ascii=False).encode("utf-8", "replace")
