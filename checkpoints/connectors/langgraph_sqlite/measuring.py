"""What the channels of a thread take up in a file, without building any of their values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph.rows import CheckpointRow
from checkpoints.connectors.langgraph.sizes import Authors, Part, Tally
from checkpoints.connectors.langgraph.steps import Steps
from checkpoints.connectors.langgraph_sqlite.rows import Rows
from checkpoints.connectors.sqlite_files import space
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.errors import CorruptCheckpoint
from checkpoints.measures import FieldSize, Space

_THREAD = "thread_id = ? ORDER BY checkpoint_ns, checkpoint_id"
_ORPHANED = (
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM checkpoints c WHERE c.thread_id = w.thread_id"
    " AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id) THEN 0"
    " ELSE ifnull(length(value), 0) + length(channel) + length(task_id) + length(thread_id)"
    " + length(checkpoint_ns) + length(checkpoint_id) END FROM writes w"
)


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
    tally, steps, authors = Tally(), Steps(rows), Authors()
    for row in rows.checkpoints(_THREAD, (thread_id,)):
        tally.add(_parts(row, steps, authors))
    return tally.sizes()


def _parts(row: CheckpointRow, steps: Steps, authors: Authors) -> Iterator[tuple[Part, int, int]]:
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
