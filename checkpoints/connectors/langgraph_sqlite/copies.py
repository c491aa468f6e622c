"""A checkpoint's body and metadata, changed where a copy differs and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from checkpoints.bodies.limits import check_json
from checkpoints.connectors import inert
from checkpoints.connectors.langgraph_sqlite import bodies
from checkpoints.connectors.langgraph_sqlite.rows import CheckpointRow
from checkpoints.errors import CorruptCheckpoint


def body(row: CheckpointRow, identifier: str, now: datetime) -> bytes:
    """Return a row's body with another id and time. Raises CorruptCheckpoint."""
    bodies.decode_body(row)
    content, values = row.body or b"", {"id": identifier, "ts": now.isoformat()}
    if row.type == "json":
        return json.dumps({**json.loads(content), **values}).encode()
    return inert.repack({**inert.unpack_for_rewriting(content), **values})


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
