"""Reading every row of LangGraph's tables and naming what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from checkpoints.bodies.limits import MAX_BYTES
from checkpoints.connectors import marks
from checkpoints.connectors.langgraph import bodies, checks
from checkpoints.connectors.langgraph.bodies import Body
from checkpoints.connectors.langgraph.deltas import COUNTERS
from checkpoints.connectors.langgraph.lineages import Lineages
from checkpoints.connectors.langgraph.rows import CheckpointRow, Key
from checkpoints.connectors.langgraph_postgresql.rows import Rows, versions_in
from checkpoints.errors import CorruptCheckpoint
from checkpoints.records import Finding

_OF_LANGGRAPH = ("__", "branch:", "join:")
_ENCRYPTED = """
SELECT EXISTS (SELECT 1 FROM checkpoint_blobs WHERE thread_id = %s AND strpos(type, '+') > 0)
"""
_IN_ORDER = "thread_id = %s ORDER BY checkpoint_ns, checkpoint_id"
_ORPHANS = """
SELECT DISTINCT thread_id, checkpoint_ns, checkpoint_id FROM checkpoint_writes w
WHERE thread_id = %s AND NOT EXISTS (SELECT 1 FROM checkpoints c WHERE c.thread_id = w.thread_id
    AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id)
"""


def verify_thread(rows: Rows, thread_id: str, now: datetime) -> Iterator[Finding]:
    """Yield what is wrong with one thread; one checkpoint at a time is held in memory.

    ``rows`` are light ones: of each checkpoint all values are read, and let go again.
    """
    lineages = Lineages(lambda key: _whole(rows, rows.checkpoint(key)))
    [(is_encrypted,)] = rows.session.few(_ENCRYPTED, (thread_id,))
    for light in rows.checkpoints(_IN_ORDER, (thread_id,)):
        if light.size > MAX_BYTES:
            yield checks.finding("too_large", f"it has {light.size:,} bytes", light.key)
        row = _whole(rows, light) or light
        body, found = checks.read(row)
        yield from found
        yield from checks.of_time(row.key, now)
        yield from lineages.findings(row, body)
        yield from _missing(rows, row, body)
        yield from _encryption(row, is_encrypted=is_encrypted)
        yield from _writes(rows, row.key)
    for names in rows.session.rows(_ORPHANS, (thread_id,)):
        key = Key(*names)
        message = f"writes remain of the checkpoint {key.checkpoint_id}, which is gone"
        yield checks.finding("orphaned_writes", message, key)


def _whole(rows: Rows, row: CheckpointRow | None) -> CheckpointRow | None:
    """Return a row with all its values, or without them where they are too large."""
    try:
        return rows.filled(row) if row else None
    except CorruptCheckpoint:
        return row


def _missing(rows: Rows, row: CheckpointRow, body: Body | None) -> Iterator[Finding]:
    """Yield the channels that tasks wrote for this checkpoint and that have no value in it.

    A channel may rightly be empty; but what was written to it in the step before is there, unless
    it is a delta channel, whose values are stored from time to time only.
    """
    if body is None or not row.parent_id:
        return
    written = rows.writes(Key(row.key.thread_id, row.key.namespace, row.parent_id))
    for channel in sorted({write.channel for write in written} & _without_value(row, body)):
        message = f"the value of {channel} of version {body.versions[channel]} is gone"
        yield checks.finding("missing_blob", message, row.key)


def _without_value(row: CheckpointRow, body: Body) -> set[str]:
    """Return the channels that got a new version at a checkpoint of a run and have no value."""
    metadata = bodies.decode_metadata(row)
    counters = metadata.get(COUNTERS)
    counted = set(counters) if isinstance(counters, dict) else set()
    if marks.OPERATION in metadata:
        return set()
    newest = max(map(str, body.versions.values()), default="")
    updated = {name for name, version in body.versions.items() if str(version) == newest}
    return {
        name
        for name in updated - body.values.keys() - counted
        if not name.startswith(_OF_LANGGRAPH)
    }


def _encryption(row: CheckpointRow, *, is_encrypted: bool) -> Iterator[Finding]:
    """Yield what is encrypted, and what lies open beside it."""
    if not is_encrypted:
        return
    sealed = sorted(c for c, blob in row.blobs.items() if checks.is_encrypted(blob.type))
    if sealed:
        message = f"{', '.join(sealed)}: encrypted; only the agent's key can open it"
        yield checks.finding("encrypted", message, row.key)
    versions = versions_in(row.body)
    newest = max(versions.values(), default="")
    plain = (c for c, b in row.blobs.items() if b.version == newest and checks.is_plain(b.type))
    for channel in sorted(plain):
        yield checks.plaintext(row.key, f"the value of {channel} is")


def _writes(rows: Rows, key: Key) -> Iterator[Finding]:
    for write in rows.writes(key):
        yield from checks.of_write(write, rows.write_value(write))
