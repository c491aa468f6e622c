"""What the channels of a thread take up in PostgreSQL, without fetching any of their values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph.rows import CheckpointRow
from checkpoints.connectors.langgraph.sizes import Authors, Part, Tally
from checkpoints.connectors.langgraph.steps import Steps
from checkpoints.connectors.langgraph_postgresql.database import Database, Session
from checkpoints.connectors.langgraph_postgresql.rows import Rows
from checkpoints.errors import CorruptCheckpoint, StoreError
from checkpoints.measures import FieldSize, Space

_THREAD = "thread_id = %s ORDER BY checkpoint_ns, checkpoint_id"
_STORED = (
    "SELECT sum(pg_total_relation_size(to_regclass(name)))::bigint"
    " FROM unnest(ARRAY['checkpoints', 'checkpoint_blobs', 'checkpoint_writes']) name"
)
_ORPHANED_WRITES = (
    "SELECT coalesce(sum(octet_length(w.blob)), 0)::bigint FROM checkpoint_writes w"
    " WHERE NOT EXISTS (SELECT 1 FROM checkpoints c WHERE c.thread_id = w.thread_id"
    " AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id)"
)
_ORPHANED_BLOBS = (
    "WITH referred AS MATERIALIZED (SELECT DISTINCT c.thread_id, c.checkpoint_ns, v.key, v.value"
    " FROM checkpoints c CROSS JOIN LATERAL jsonb_each_text("
    "CASE jsonb_typeof(c.checkpoint -> 'channel_versions') WHEN 'object'"
    " THEN c.checkpoint -> 'channel_versions' ELSE '{}' END) v)"
    " SELECT coalesce(sum(octet_length(b.blob)), 0)::bigint FROM checkpoint_blobs b"
    " WHERE NOT EXISTS (SELECT 1 FROM referred r WHERE r.thread_id = b.thread_id"
    " AND r.checkpoint_ns = b.checkpoint_ns AND r.key = b.channel AND r.value = b.version)"
)


def space_of(database: Database) -> Space:
    """Return what the tables take with their indexes. Raises StoreError.

    ``orphaned`` is not told where that takes longer than a statement may.
    """
    with database.snapshot() as session:
        [(stored,)] = session.few(_STORED)
    try:
        with database.snapshot() as session:
            orphaned = _sum(session, _ORPHANED_WRITES) + _sum(session, _ORPHANED_BLOBS)
    except StoreError:
        return Space(stored=stored)
    return Space(stored=stored, orphaned=orphaned)


def _sum(session: Session, sql: str) -> int:
    [(size,)] = session.few(sql)
    return int(size)


def field_sizes(rows: Rows, thread_id: str) -> list[FieldSize]:
    """Return what each channel takes in all checkpoints of a thread and in their writes.

    A value that several checkpoints share counts in the size of each, and is stored once.
    """
    tally, steps, authors, met = Tally(), Steps(rows), Authors(), set[tuple[str, str, str]]()
    for row in rows.checkpoints(_THREAD, (thread_id,)):
        tally.add(_parts(row, steps, authors, met))
    return tally.sizes()


def _parts(
    row: CheckpointRow, steps: Steps, authors: Authors, met: set[tuple[str, str, str]]
) -> Iterator[tuple[Part, int, int]]:
    before, namespace = steps.before(row), row.key.namespace
    for channel, version, size in _inline(row):
        yield Part(channel, authors.of(namespace, channel, version, before)), size, size
    for channel, blob in row.blobs.items():
        name = (namespace, channel, blob.version)
        part = Part(channel, authors.of(namespace, channel, blob.version, before))
        yield part, blob.size, 0 if name in met else blob.size
        met.add(name)
    for write, node in steps.taken(row):
        yield Part(write.channel, node), write.size, write.size


def _inline(row: CheckpointRow) -> Iterator[tuple[str, Any, int]]:
    """Yield the channels whose values lie in the body, with their versions and sizes."""
    try:
        content = inert.decode_json(row.body or b"null")
    except CorruptCheckpoint:
        return
    values, versions = (_map_in(content, n) for n in ("channel_values", "channel_versions"))
    for channel, value in values.items():
        if channel not in row.blobs:
            yield channel, versions.get(channel), len(json.dumps(value))


def _map_in(content: Any, name: str) -> Mapping[Any, Any]:
    found = content.get(name) if isinstance(content, Mapping) else None
    return found if isinstance(found, Mapping) else {}
