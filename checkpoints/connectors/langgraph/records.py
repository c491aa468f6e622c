"""From LangGraph's rows to Holdfast's records."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph import bodies, progress
from checkpoints.connectors.langgraph.bodies import Body
from checkpoints.connectors.langgraph.rows import CheckpointRow, Key, LangGraphRows, WriteRow
from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint
from checkpoints.records import Checkpoint, Status

_AGENT_KEYS = (
    "agent_id",
    "agent_name",
    "lc_agent_name",
    "agent",
    "assistant_id",
    "graph_id",
    "graph_name",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A row with what surrounds it: all that its record is made of."""

    row: CheckpointRow
    metadata: Mapping[str, Any]
    body: Body | None
    damage: str | None
    writes: Sequence[WriteRow]
    parent: Body | None
    parent_writes: Sequence[WriteRow]


def gather(rows: LangGraphRows, row: CheckpointRow) -> Material:
    """Read what a record needs: the row's body, its tasks' writes and those of its parent."""
    body, damage = _try_decode(row)
    parent_writes = rows.writes(_parent_key(row)) if row.parent_id else []
    return Material(
        row=row,
        metadata=bodies.decode_metadata(row),
        body=body,
        damage=damage,
        writes=rows.writes(row.key),
        parent=None if progress.are_named(parent_writes) else _parent(rows, row),
        parent_writes=parent_writes,
    )


def _parent_key(row: CheckpointRow) -> Key:
    return Key(row.key.thread_id, row.key.namespace, row.parent_id or "")


def _parent(rows: LangGraphRows, row: CheckpointRow) -> Body | None:
    parent = rows.checkpoint(_parent_key(row)) if row.parent_id else None
    return _try_decode(parent)[0] if parent else None


def _try_decode(row: CheckpointRow) -> tuple[Body | None, str | None]:
    try:
        return bodies.decode_body(row), None
    except CorruptCheckpoint as error:
        return None, str(error)


def agent_of(metadata: Mapping[str, Any]) -> str | None:
    """Return the agent that a run's configuration names, if it names one."""
    names = (metadata.get(key) for key in _AGENT_KEYS)
    return next((name for name in names if isinstance(name, str) and name.strip()), None)


def record_of(material: Material, agent_id: str) -> Checkpoint:
    """Make the record of a row."""
    row, body, metadata = material.row, material.body, material.metadata
    steps = progress.next_steps(body) if body else ()
    writers = progress.written_by(body, material.parent, material.parent_writes)
    run_id = metadata.get("run_id")
    return Checkpoint(
        id=row.key.checkpoint_id,
        agent_id=agent_id,
        thread_id=row.key.thread_id,
        namespace=row.key.namespace,
        step=bodies.step_of(metadata),
        created_at=_created_at(row, body),
        parent_id=row.parent_id,
        run_id=run_id if isinstance(run_id, str) else None,
        step_name=_step_name(writers, metadata),
        status=progress.status_of(steps, material.writes) if body else Status.UNKNOWN,
        size=row.size,
        stored_size=_stored_size(material),
        sha256=sha256_of(row),
        metadata=inert.scalars(metadata),
        next_steps=steps,
        written_by=writers,
        damage=material.damage,
    )


def _stored_size(material: Material) -> int:
    row = material.row
    written = sum(write.size for write in material.writes)
    return row.size - row.shared_size + len(row.metadata or b"") + written


def sha256_of(row: CheckpointRow) -> str | None:
    """Return the hex digest of a row's stored body and of the values that are kept apart."""
    if row.body is None:
        return None
    digest = hashlib.sha256(row.body)
    for channel, blob in sorted(row.blobs.items()):
        digest.update(repr((channel, blob.version, blob.type, blob.sha256)).encode())
    return digest.hexdigest()


def row_of(rows: LangGraphRows, checkpoint: Checkpoint) -> CheckpointRow:
    """Return the row of a record. Raises CheckpointNotFound."""
    row = rows.checkpoint(Key(checkpoint.thread_id, checkpoint.namespace, checkpoint.id))
    if row is None:
        raise CheckpointNotFound(f"{rows.where} has no checkpoint {checkpoint.id} any more")
    return row


def unaltered(rows: LangGraphRows, checkpoint: Checkpoint) -> CheckpointRow:
    """Return the row of a record. Raises CorruptCheckpoint when it changed since."""
    row = row_of(rows, checkpoint)
    if checkpoint.sha256 not in (None, sha256_of(row)):
        raise CorruptCheckpoint(
            f"{checkpoint.id} is not what it was when it was listed: its body changed",
            checkpoint_id=checkpoint.id,
        )
    return row


def _created_at(row: CheckpointRow, body: Body | None) -> datetime:
    written_at = body.written_at if body else None
    return written_at or bodies.time_of_id(row.key.checkpoint_id) or bodies.UNKNOWN_TIME


def _step_name(writers: Sequence[str], metadata: Mapping[str, Any]) -> str | None:
    source = metadata.get("source")
    if source == "input":
        return "input"
    return ", ".join(writers) or (source if isinstance(source, str) else None)
