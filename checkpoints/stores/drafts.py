"""From a draft to a record and the head that follows it."""

from __future__ import annotations

import dataclasses

import orjson

from checkpoints.bodies.body import Body
from checkpoints.errors import PlanRefused, UnsupportedState
from checkpoints.records import Checkpoint, Draft, Head
from checkpoints.stores.heads import check_head


def finished(draft: Draft, body: Body) -> Checkpoint:
    """Return the record of a draft whose body is packed."""
    return measured(draft, size=body.size, stored_size=len(body.data), sha256=body.sha256)


def measured(draft: Draft, *, size: int, stored_size: int | None, sha256: str) -> Checkpoint:
    """Return the record of a draft, with what was measured.

    Raises UnsupportedState when its names, metrics or metadata are not JSON.
    """
    try:
        orjson.dumps((draft.id, draft.agent_id, draft.thread_id, draft.metrics, draft.metadata))
    except TypeError as error:
        raise UnsupportedState(
            f"names, metrics and metadata must be JSON: {error}; nothing was saved",
            path="metadata",
        ) from error
    values = {f.name: getattr(draft, f.name) for f in dataclasses.fields(draft)}
    return Checkpoint(**values, size=size, stored_size=stored_size, sha256=sha256)


def next_head(current: Head | None, record: Checkpoint, *, expected: str | None) -> Head:
    """Return the head after a save. Raises HeadMoved when it is not where the caller saw it."""
    check_head(current, expected)
    return Head(
        agent_id=record.agent_id,
        thread_id=record.thread_id,
        checkpoint_id=record.id,
        version=current.version + 1 if current else 1,
        moved_at=record.created_at,
    )


def first_or_conflict(stored: Checkpoint, again: Checkpoint) -> Checkpoint:
    """Return the stored record of a repeated save; refuse another content under the same id."""
    if stored.sha256 != again.sha256 or stored.thread_id != again.thread_id:
        raise PlanRefused(
            f"{stored.id} is already saved with another content; nothing was overwritten"
        )
    return stored
