"""A checkpoint's body and metadata, changed where a copy differs and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from checkpoints.bodies.limits import check_json
from checkpoints.connectors import inert
from checkpoints.connectors.langgraph import bodies
from checkpoints.connectors.langgraph.editing import edited
from checkpoints.connectors.langgraph.rows import CheckpointRow
from checkpoints.errors import CorruptCheckpoint
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


def metadata_of(row: CheckpointRow) -> dict[str, Any]:
    """Return what the metadata of a row's copy begins with. Raises CorruptCheckpoint."""
    text = row.metadata or b"{}"
    try:
        check_json(text)
        values = json.loads(text)
        step = bodies.step_of(values)
    except (ValueError, AttributeError, RecursionError) as error:
        raise CorruptCheckpoint(
            f"the metadata of {row.key.checkpoint_id} is not a JSON object",
            checkpoint_id=row.key.checkpoint_id,
        ) from error
    return {**values, "source": "fork", "step": step + 1}


def metadata(values: Mapping[str, Any]) -> bytes:
    """Encode metadata as LangGraph does."""
    return json.dumps(values, ensure_ascii=False).encode("utf-8", "replace")
