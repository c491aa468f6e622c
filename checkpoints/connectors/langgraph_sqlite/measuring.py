"""What the channels of a thread take up in a file, without building any of their values."""

from __future__ import annotations

import json
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph import bodies, progress
from checkpoints.connectors.langgraph.rows import CheckpointRow, Key, WriteRow
from checkpoints.connectors.langgraph.sizes import Authors, Nodes, Part, Tally
from checkpoints.connectors.langgraph_sqlite import space
from checkpoints.connectors.langgraph_sqlite.database import Database
from checkpoints.connectors.langgraph_sqlite.rows import Rows
from checkpoints.errors import CorruptCheckpoint
from checkpoints.measures import FieldSize, Space

_THREAD = "thread_id = ? ORDER BY checkpoint_ns, checkpoint_id"
_ORPHANED = (
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM checkpoints c WHERE c.thread_id = w.thread_id"
    " AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id) THEN 0"
    " ELSE ifnull(length(value), 0) + length(channel) + length(task_id) + length(thread_id)"
    " + length(checkpoint_ns) + length(checkpoint_id) END FROM writes w"
)
_STEPS_KEPT: Final = 256


def space_of(database: Database) -> Space:
    """Return what a file takes, with its log; ``orphaned`` are the texts and data in rows."""
    return Space(
        stored=space.taken(database.path),
        free=space.free(database),
        orphaned=sum(size for (size,) in database.rows(_ORPHANED)),
    )


def field_sizes(rows: Rows, thread_id: str) -> list[FieldSize]:
    """Return what each channel takes in all checkpoints of a thread and in their writes.

    One row at a time is held in memory.
    """
    tally, steps, authors = Tally(), _Steps(rows), Authors()
    for row in rows.checkpoints(_THREAD, (thread_id,)):
        tally.add(_parts(row, steps, authors))
    return tally.sizes()


def _parts(row: CheckpointRow, steps: _Steps, authors: Authors) -> Iterator[tuple[Part, int, int]]:
    before = steps.before(row)
    for channel, version, size in _values(row):
        part = Part(channel, authors.of(row.key.namespace, channel, version, before))
        yield part, size, size
    for write, node in steps.taken(row):
        yield Part(write.channel, node), write.size, write.size


def _values(row: CheckpointRow) -> Iterator[tuple[str, Any, int]]:
    """Yield the channels of a checkpoint with their versions and sizes; none if unreadable."""
    try:
        content = _content(row)
        values = _map_in(content, "channel_values")
        sizes = {channel: _size(row, value) for channel, value in values.items()}
    except (CorruptCheckpoint, TypeError, ValueError):
        return
    versions = _map_in(content, "channel_versions")
    for channel, size in sizes.items():
        yield str(channel), versions.get(channel), size


def _content(row: CheckpointRow) -> Any:
    reason = inert.why_unreadable(row.type)
    if reason or row.body is None:
        raise CorruptCheckpoint(reason or "no body", checkpoint_id=row.key.checkpoint_id)
    is_json = row.type == "json"
    return inert.decode_json(row.body) if is_json else inert.unpack_as_it_is(row.body)


def _size(row: CheckpointRow, value: Any) -> int:
    return len(json.dumps(value) if row.type == "json" else inert.repack(value))


def _map_in(content: Any, name: str) -> Mapping[Any, Any]:
    found = content.get(name) if isinstance(content, Mapping) else None
    return found if isinstance(found, Mapping) else {}


@dataclass(slots=True)
class _Steps:
    """Tells who wrote to which channel in the steps that followed the newest checkpoints."""

    rows: Rows
    _known: OrderedDict[Key, Nodes] = field(default_factory=OrderedDict)

    def taken(self, row: CheckpointRow) -> list[tuple[WriteRow, str | None]]:
        """Return what was written after a checkpoint, each with its node; remember that."""
        writes = self.rows.writes(row.key)
        sends = _sends(row) if progress.are_pushed(writes) else ()
        found = [(write, progress.node_of(write, sends)) for write in writes]
        self._known[row.key] = _by_channel(found)
        if len(self._known) > _STEPS_KEPT:
            self._known.popitem(last=False)
        return found

    def before(self, row: CheckpointRow) -> Nodes:
        """Return who wrote to which channel in the step that led to a checkpoint."""
        key = Key(row.key.thread_id, row.key.namespace, row.parent_id or "")
        known = self._known.get(key)
        if known is not None or not row.parent_id:
            return known or {}
        parent = self.rows.checkpoint(key)
        return _by_channel(self.taken(parent)) if parent else {}


def _sends(row: CheckpointRow) -> Sequence[str]:
    try:
        return progress.send_targets(bodies.decode_body(row))
    except CorruptCheckpoint:
        return ()


def _by_channel(found: Sequence[tuple[WriteRow, str | None]]) -> Nodes:
    nodes: dict[str, list[str]] = defaultdict(list)
    for write, node in found:
        if node:
            nodes[write.channel].append(node)
    return {channel: tuple(names) for channel, names in nodes.items()}
