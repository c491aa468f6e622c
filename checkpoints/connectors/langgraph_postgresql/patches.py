"""Copies of rows made within the database: only what differs travels, no value is copied twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from checkpoints.connectors.langgraph import bodies
from checkpoints.connectors.langgraph.copying import metadata_of
from checkpoints.connectors.langgraph.rows import CheckpointRow
from checkpoints.connectors.langgraph_postgresql.database import Session
from checkpoints.connectors.langgraph_postgresql.edits import Edited
from checkpoints.connectors.langgraph_postgresql.rows import Rows, values_of

_CHANNELS = """ || jsonb_build_object(
    'channel_values', ((checkpoint -> 'channel_values') - %s::text[]) || %s::jsonb,
    'channel_versions', (checkpoint -> 'channel_versions') || %s::jsonb)"""
_COPY = """
INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type,
    checkpoint, metadata)
SELECT %s, checkpoint_ns, %s, parent_checkpoint_id, type,
    checkpoint || %s::jsonb{channels}, (metadata - %s::text[]) || %s::jsonb
FROM checkpoints WHERE thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s
"""


def require_copyable(rows: Rows, row: CheckpointRow) -> None:
    """Raise CorruptCheckpoint for a row that no copy can be made of."""
    bodies.decode_body(rows.filled(row))
    metadata_of(row)


def insert_copy(
    session: Session,
    row: CheckpointRow,
    *,
    thread_id: str,
    identifier: str,
    now: datetime,
    metadata: Mapping[str, Any],
    edited: Edited | None = None,
) -> int:
    """Insert a copy of a row under a new id and return how many rows that were.

    ``metadata`` is all of the copy's; of it only what differs is written, so that what else
    stands there keeps its exact form.
    """
    removed, changed = _differences(json.loads(row.metadata or b"{}"), metadata)
    channels = _CHANNELS if edited else ""
    given = (
        *(thread_id, identifier, encoded({"id": identifier, "ts": now.isoformat()})),
        *((edited.removed, encoded(edited.inline), encoded(edited.versions)) if edited else ()),
        *(removed, encoded(changed)),
    )
    return session.execute(_COPY.format(channels=channels), (*given, *values_of(row.key)))


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    changed = {n: v for n, v in after.items() if n not in before or before[n] != v}
    return [name for name in before if name not in after], changed


def encoded(values: Mapping[str, Any]) -> str:
    """Encode values as JSON that JSONB takes: it holds no NUL and no half of a pair."""
    text = json.dumps(values, ensure_ascii=False).encode("utf-8", "replace").decode()
    return text.replace("\\u0000", "\\ufffd")
