"""Between a checkpoint's record and its row. Pure."""

from __future__ import annotations

from datetime import datetime

import checkpoints
from dashboard.models import Checkpoint
from dashboard.services.ingest import cleaning

LEARNED = (
    "step_name",
    "status",
    "size",
    "stored_size",
    "sha256",
    "metrics",
    "metadata",
    "next_steps",
    "written_by",
    "damage",
)
"""Fields that a store may tell better later: writes that came after the checkpoint, damage."""


def to_row(record: checkpoints.Checkpoint, *, thread_pk: int, now: datetime) -> Checkpoint:
    """Return the row of a record that passed :func:`cleaning.check_record`.

    No checkpoint is younger than its arrival: one dated ahead would stay the newest for ever.
    """
    return Checkpoint(
        thread_id=thread_pk,
        checkpoint_id=record.id,
        namespace=record.namespace,
        parent_id=record.parent_id or "",
        run_id=record.run_id or "",
        step=record.step,
        step_name=cleaning.text(record.step_name),
        iteration=record.iteration,
        kind=record.kind,
        status=record.status,
        created_at=min(record.created_at, now),
        received_at=now,
        size=record.size,
        stored_size=record.stored_size,
        sha256=record.sha256 or "",
        metrics=cleaning.mapping(record.metrics),
        metadata=cleaning.mapping(record.metadata),
        next_steps=[cleaning.text(name) for name in record.next_steps],
        written_by=[cleaning.text(name) for name in record.written_by],
        damage=cleaning.text(record.damage),
    )


def same_content(row: Checkpoint, incoming: Checkpoint) -> bool:
    """Say whether two rows of one id hold the same state, as far as both digests are known."""
    return not row.sha256 or not incoming.sha256 or row.sha256 == incoming.sha256


def learn(row: Checkpoint, incoming: Checkpoint) -> bool:
    """Take over what ``incoming`` knows better; say whether anything changed."""
    news = [name for name in LEARNED if getattr(row, name) != getattr(incoming, name)]
    for name in news:
        setattr(row, name, getattr(incoming, name))
    return bool(news)
