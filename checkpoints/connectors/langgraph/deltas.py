"""Channels that LangGraph keeps as a snapshot and the writes since.

What the channel holds is made by the graph's own reducer, which is code: so the snapshot and the
writes are shown as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph import bodies
from checkpoints.connectors.langgraph.rows import CheckpointRow, Key, LangGraphRows
from checkpoints.errors import CorruptCheckpoint

_TYPE = "langgraph.channels.DeltaChannel"
COUNTERS = "counters_since_delta_snapshot"


def channels(rows: LangGraphRows, thread_id: str, namespace: str) -> frozenset[str]:
    """Return the channels that were ever delta channels in a thread or a subgraph of it.

    Raises CorruptCheckpoint when one of the checkpoints that count them cannot be read.
    """
    counted = rows.counting_deltas(thread_id, namespace)
    counters = (_counters(key, data) for key, data in counted)
    return frozenset(name for found in counters if isinstance(found, dict) for name in found)


def _counters(key: Key, data: bytes) -> Any:
    try:
        return bodies.metadata_in(data).get(COUNTERS)
    except CorruptCheckpoint as error:
        raise CorruptCheckpoint(
            f"it cannot be told which channels of {key.checkpoint_id} are delta channels: {error}",
            checkpoint_id=key.checkpoint_id,
        ) from error


def delta_values(
    rows: LangGraphRows, row: CheckpointRow, stored: Mapping[Any, Any]
) -> dict[str, Any]:
    """Describe the delta channels whose value is not stored in this checkpoint."""
    counters = bodies.decode_metadata(row).get(COUNTERS)
    names = [name for name in counters if name not in stored] if isinstance(counters, dict) else []
    if not names:
        return {}
    deltas = {name: _Delta() for name in names}
    for ancestor in _ancestors(rows, row):
        open_deltas = [(name, delta) for name, delta in deltas.items() if not delta.is_complete]
        if not open_deltas:
            break
        values = bodies.decode_body(ancestor).values
        for name, delta in open_deltas:
            written = list(_written(rows, ancestor, name))
            delta.add(written, is_stored=name in values, value=values.get(name))
    return {name: delta.described() for name, delta in deltas.items()}


@dataclass
class _Delta:
    """What is known of a channel on the way back to the nearest value that was stored."""

    snapshot: Any = None
    is_complete: bool = False
    steps: list[list[Any]] = field(default_factory=list)

    def add(self, written: list[Any], *, is_stored: bool, value: Any) -> None:
        self.steps.append(written)
        if is_stored:
            self.snapshot, self.is_complete = inert.presentable(value), True

    def described(self) -> dict[str, Any]:
        writes = [value for step in reversed(self.steps) for value in step]
        return inert.described(_TYPE, {"snapshot": self.snapshot, "writes": writes})


def _ancestors(rows: LangGraphRows, row: CheckpointRow) -> Iterator[CheckpointRow]:
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


def _written(rows: LangGraphRows, row: CheckpointRow, channel: str) -> Iterator[Any]:
    for write in rows.writes(row.key):
        if write.channel == channel:
            yield inert.decode_typed(write.type, rows.write_value(write))
