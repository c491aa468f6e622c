"""Channels that LangGraph keeps as a snapshot and the writes since.

What the channel holds is made by the graph's own reducer, which is code: so the snapshot and the
writes are shown as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph_sqlite import bodies
from checkpoints.connectors.langgraph_sqlite.rows import CheckpointRow, Key, Rows

_TYPE = "langgraph.channels.DeltaChannel"
_COUNTERS = "counters_since_delta_snapshot"


def delta_values(rows: Rows, row: CheckpointRow, stored: Mapping[Any, Any]) -> dict[str, Any]:
    """Describe the delta channels whose value is not stored in this checkpoint."""
    counters = bodies.decode_metadata(row).get(_COUNTERS)
    names = [name for name in counters if name not in stored] if isinstance(counters, dict) else []
    if not names:
        return {}
    ancestors = list(_ancestors(rows, row))
    return {name: _describe(rows, name, ancestors) for name in names}


def _ancestors(rows: Rows, row: CheckpointRow) -> Iterator[CheckpointRow]:
    seen = {row.key}
    parent_id = row.parent_id
    while parent_id:
        key = Key(row.key.thread_id, row.key.namespace, parent_id)
        parent = rows.checkpoint(key)
        if parent is None or key in seen:
            return
        seen.add(key)
        yield parent
        parent_id = parent.parent_id


def _describe(rows: Rows, name: str, ancestors: list[CheckpointRow]) -> dict[str, Any]:
    """Collect the writes since the nearest ancestor that stores the channel's value."""
    snapshot: Any = None
    steps: list[list[Any]] = []
    for ancestor in ancestors:
        steps.append(list(_written(rows, ancestor, name)))
        values = bodies.decode_body(ancestor).values
        if name in values:
            snapshot = inert.presentable(values[name])
            break
    writes = [value for step in reversed(steps) for value in step]
    return inert.described(_TYPE, {"snapshot": snapshot, "writes": writes})


def _written(rows: Rows, row: CheckpointRow, channel: str) -> Iterator[Any]:
    for write in rows.writes(row.key):
        if write.channel == channel:
            yield inert.decode_typed(write.type, rows.write_value(write))
