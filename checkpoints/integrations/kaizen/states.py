"""Kaizen's AgentState as a checkpoint of Holdfast, and back.

A state is kept field by field, so that each can be seen, compared and traced by itself. What a
listing needs lies in the record's metadata under ``kaizen``: no state is read to list it.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kaizen.core.autonomy.state import AgentState, CheckpointMetadata

from checkpoints.bodies.encoding import decode, encode
from checkpoints.errors import UnsupportedState
from checkpoints.records import Checkpoint, Draft, Kind, Status

logger = logging.getLogger("checkpoints")

MARK = "kaizen"
NEWER_FIELDS = "fields_of_a_newer_kaizen"
"""Where ``AgentState.metadata`` holds fields that the Kaizen at hand does not know."""

_STATUSES = (Status.RUNNING, Status.COMPLETED, Status.FAILED, Status.INTERRUPTED)
_RECOVERED_FROM = (Status.FAILED, Status.INTERRUPTED)

Content = dict[str, Any]
"""An AgentState's fields by their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The thread that holds the checkpoints of an agent of Kaizen's."""

    agent_id: str
    thread_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A record of an AgentState, with what Kaizen calls it.

    ``revision`` counts the saves under one Kaizen id; the last one is what Kaizen sees.
    ``moment`` is its timestamp in UTC, a naive one being taken as UTC. ``beside`` is the
    checkpoint that stayed the head when this one was saved with an older timestamp.
    """

    record: Checkpoint
    kaizen_id: str
    revision: int
    moment: datetime
    beside: str | None
    metadata: CheckpointMetadata

    @property
    def place(self) -> Place:
        """Where it lies."""
        return Place(agent_id=self.record.agent_id, thread_id=self.record.thread_id)


def content_of(state: AgentState) -> Content:
    """Copy a state, so that its agent may go on changing it. Raises UnsupportedState."""
    values = {field.name: getattr(state, field.name) for field in dataclasses.fields(state)}
    copied: Content = decode(encode(values))
    return copied


def state_of(content: Mapping[str, Any]) -> AgentState:
    """Build the state that the Kaizen at hand knows.

    Fields that only a newer Kaizen knows go into its metadata and come back from there.
    """
    values = _with_newer_fields(content)
    names = {field.name for field in dataclasses.fields(AgentState)}
    unknown = {name: values.pop(name) for name in values.keys() - names}
    if isinstance(values.get("timestamp"), str):
        values["timestamp"] = datetime.fromisoformat(values["timestamp"])
    if unknown:
        logger.warning(
            "%s was saved by a newer Kaizen; kept in its metadata under %r: %s",
            values.get("checkpoint_id"),
            NEWER_FIELDS,
            ", ".join(sorted(unknown)),
        )
        values["metadata"] = {**values.get("metadata", {}), NEWER_FIELDS: unknown}
    return AgentState(**values)


def _with_newer_fields(content: Mapping[str, Any]) -> Content:
    values = dict(content)
    metadata = values.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get(NEWER_FIELDS), dict):
        kept = {name: value for name, value in metadata.items() if name != NEWER_FIELDS}
        values = {**metadata[NEWER_FIELDS], **values, "metadata": kept}
    return values


def moment_of(timestamp: Any) -> datetime:
    """Return a timestamp of Kaizen's in UTC. Raises UnsupportedState when it is none."""
    try:
        given = datetime.fromisoformat(timestamp) if isinstance(timestamp, str) else timestamp
        return given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        raise UnsupportedState(
            f"timestamp must be a time, not {timestamp!r}; nothing was saved", path="timestamp"
        ) from error


def draft_of(content: Content, place: Place, *, checkpoint_id: str, run_id: str) -> Draft:
    """Return the draft of a state, without parent and marks."""
    status = status_of(content["status"])
    run = content.get("workflow_run_id")
    return Draft(
        id=checkpoint_id,
        agent_id=place.agent_id,
        thread_id=place.thread_id,
        step=content["step_number"],
        created_at=moment_of(content["timestamp"]),
        run_id=run if isinstance(run, str) and run else run_id,
        kind=Kind.RECOVERY if status in _RECOVERED_FROM else Kind.ROUTINE,
        status=status,
        metrics=_metrics(content),
        metadata=_described(content),
    )


def marks_of(content: Content, *, revision: int, beside: str | None) -> dict[str, Any]:
    """Return what a listing needs of a state, as JSON types."""
    timestamp = content["timestamp"]
    return {
        "checkpoint_id": content["checkpoint_id"],
        "agent_id": content["agent_id"],
        "timestamp": timestamp if isinstance(timestamp, str) else timestamp.isoformat(),
        "step_number": content["step_number"],
        "status": content["status"],
        "parent_checkpoint_id": content["parent_checkpoint_id"],
        "revision": revision,
        "beside": beside,
    }


def saved_of(record: Checkpoint) -> Saved | None:
    """Return a record as Kaizen sees it, None for one that no HoldfastStorage saved."""
    marks = record.metadata.get(MARK)
    if not isinstance(marks, Mapping):
        return None
    timestamp = datetime.fromisoformat(marks["timestamp"])
    return Saved(
        record=record,
        kaizen_id=marks["checkpoint_id"],
        revision=marks["revision"],
        moment=moment_of(timestamp),
        beside=marks["beside"],
        metadata=CheckpointMetadata(
            checkpoint_id=marks["checkpoint_id"],
            agent_id=marks["agent_id"],
            timestamp=timestamp,
            step_number=marks["step_number"],
            status=marks["status"],
            size_bytes=record.stored_size or 0,
            parent_checkpoint_id=marks["parent_checkpoint_id"],
        ),
    )


def status_of(status: Any) -> Status:
    """Return the status of a run as Holdfast names it."""
    return Status(status) if status in _STATUSES else Status.UNKNOWN


def _metrics(content: Content) -> dict[str, float]:
    spent: Any = content.get("budget_spent_usd")
    if type(spent) not in (int, float) or not math.isfinite(spent):
        return {}
    return {"budget_spent_usd": spent}


def _described(content: Content) -> dict[str, Any]:
    model = content.get("model")
    return {"model": model} if isinstance(model, str) and model else {}
