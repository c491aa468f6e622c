"""What a record of Holdfast says of a LangGraph checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from langgraph.checkpoint.base import Checkpoint as GraphCheckpoint
from langgraph.checkpoint.base import CheckpointMetadata, get_checkpoint_metadata

from checkpoints.connectors.inert import step_number
from checkpoints.connectors.langgraph_native.places import SAVED_AS, Place, mark_id
from checkpoints.errors import UnsupportedState
from checkpoints.integrations.langgraph import progress
from checkpoints.records import Checkpoint, Draft, Kind, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Makes the drafts of one agent's thread."""

    agent_id: str
    thread_id: str

    def of(
        self,
        place: Place,
        checkpoint: GraphCheckpoint,
        metadata: Mapping[str, Any],
        *,
        nodes: Sequence[str],
        follows: str | None,
        now: datetime,
    ) -> Draft:
        """Return the draft of a checkpoint.

        ``nodes`` made it, ``follows`` is the record that it followed. Its time is LangGraph's,
        ``now`` where that cannot be read.
        """
        upcoming = progress.next_nodes(checkpoint)
        ended = not upcoming and not place.namespace
        step, run_id = step_number(metadata.get("step")), metadata.get("run_id")
        return Draft(
            id=place.record_id,
            agent_id=self.agent_id,
            thread_id=self.thread_id,
            step=-1 if step is None else step,
            step_name=progress.step_name(nodes, metadata.get("source"), place.namespace),
            created_at=_time(checkpoint.get("ts"), now),
            parent_id=follows,
            run_id=run_id if isinstance(run_id, str) else None,
            status=Status.COMPLETED if ended else Status.RUNNING,
            metadata={**metadata, SAVED_AS: place.as_metadata(next=list(upcoming))},
        )

    def mark(self, record: Checkpoint, place: Place, mark: Mark, *, follows: str) -> Draft:
        """Return the draft of a record that says how a checkpoint's step ended."""
        return Draft(
            id=mark_id(record.id, mark.status),
            agent_id=self.agent_id,
            thread_id=self.thread_id,
            step=record.step,
            step_name=mark.step_name or record.step_name,
            created_at=mark.at,
            parent_id=follows,
            run_id=record.run_id,
            kind=Kind.RECOVERY if mark.status is Status.FAILED else Kind.ROUTINE,
            status=mark.status,
            metadata={
                **graph_metadata(record),
                **mark.details,
                SAVED_AS: replace(place, is_mark=True).as_metadata(),
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How a checkpoint's step ended instead of in another checkpoint: waiting, or failed."""

    status: Status
    step_name: str | None
    at: datetime
    details: Mapping[str, Any]


def json_metadata(config: Any, metadata: CheckpointMetadata) -> dict[str, Any]:
    """Return a checkpoint's metadata and its config's as JSON types, as other savers keep them.

    Raises UnsupportedState for what JSON cannot carry.
    """
    values = get_checkpoint_metadata(config, metadata)
    try:
        text = json.dumps(values, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UnsupportedState(
            f"the metadata cannot be kept as JSON: {error}; nothing was saved", path="metadata"
        ) from error
    found: dict[str, Any] = json.loads(text.encode("utf-8", "ignore"))
    return found


def graph_metadata(record: Checkpoint) -> dict[str, Any]:
    """Return the metadata that LangGraph gave a checkpoint."""
    return {name: value for name, value in record.metadata.items() if name != SAVED_AS}


def _time(text: object, now: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return now
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
