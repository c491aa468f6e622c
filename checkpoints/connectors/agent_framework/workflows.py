"""A checkpoint of Microsoft Agent Framework, as a record of Holdfast.

Its values are JSON where they can be; all others are pickles in it, which are never loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from checkpoints.connectors import marks
from checkpoints.connectors.documents import Entry, Saved, Unreadable, digest
from checkpoints.connectors.documents.values import (
    count_of,
    map_of,
    modified_at,
    text_of,
    time_of,
    utc_of,
)
from checkpoints.connectors.inert import scalars, step_number
from checkpoints.records import Checkpoint, Status

SUFFIX = ".json"
REQUIRED = ("workflow_name", "graph_signature_hash")
FIELDS = frozenset(
    {
        *REQUIRED,
        "checkpoint_id",
        "previous_checkpoint_id",
        "timestamp",
        "messages",
        "state",
        "pending_request_info_events",
        "iteration_count",
        "metadata",
        "version",
    }
)
SHOWN = ("state", "messages", "pending_request_info_events", "iteration_count")
"""The fields that are the workflow's state; the others say which checkpoint it is."""


def saved_of(entry: Entry, content: bytes, document: Mapping[str, Any], *, agent_id: str) -> Saved:
    """Make the record of a checkpoint. Raises Unreadable for what is none."""
    missing = [name for name in REQUIRED if text_of(document.get(name)) is None]
    if missing:
        raise Unreadable(
            "unloadable",
            f"the file lacks {' and '.join(missing)}, so the framework does not list it",
        )
    written_at = time_of(document.get("timestamp"))
    return Saved(
        record=_record(entry, content, document, agent_id, written_at),
        entry=entry,
        facts={
            "stated_id": text_of(document.get("checkpoint_id")),
            "graph": document["graph_signature_hash"],
            "requests": count_of(document.get("pending_request_info_events")),
            "is_naive": written_at is not None and written_at.tzinfo is None,
            "is_timed": written_at is not None,
            marks.DIRECTIVE: map_of(document.get("metadata")).get(marks.DIRECTIVE),
        },
    )


def _record(
    entry: Entry,
    content: bytes,
    document: Mapping[str, Any],
    agent_id: str,
    written_at: datetime | None,
) -> Checkpoint:
    return Checkpoint(
        id=entry.name.removesuffix(SUFFIX),
        agent_id=agent_id,
        thread_id=document["workflow_name"],
        step=step_number(document.get("iteration_count")) or 0,
        created_at=utc_of(written_at) or modified_at(entry),
        parent_id=text_of(document.get("previous_checkpoint_id")),
        status=_status(document),
        size=len(content),
        stored_size=len(content),
        sha256=digest(content),
        metrics=_metrics(document),
        metadata=_metadata(entry, document),
        written_by=tuple(sorted(map_of(document.get("messages")))),
        damage=_damage(entry, document, written_at),
    )


def _status(document: Mapping[str, Any]) -> Status:
    """A workflow whose messages are all delivered, and that asks nothing, has come to rest."""
    if count_of(document.get("pending_request_info_events")):
        return Status.WAITING
    return Status.RUNNING if count_of(document.get("messages")) else Status.COMPLETED


def _metrics(document: Mapping[str, Any]) -> dict[str, float]:
    messages = map_of(document.get("messages"))
    return {
        "messages": float(sum(count_of(held) for held in messages.values())),
        "pending_requests": float(count_of(document.get("pending_request_info_events"))),
    }


def _metadata(entry: Entry, document: Mapping[str, Any]) -> dict[str, Any]:
    given = scalars(map_of(document.get("metadata")))
    named = {
        name: document[name]
        for name in ("graph_signature_hash", "version")
        if text_of(document.get(name))
    }
    return {**named, **given, "file": entry.place}


def _damage(entry: Entry, document: Mapping[str, Any], written_at: datetime | None) -> str | None:
    unknown = sorted(document.keys() - FIELDS)
    if unknown:
        return f"the framework cannot load a checkpoint with the unknown field {unknown[0]}"
    if written_at is None or utc_of(written_at) is None:
        return "its timestamp is not a time, with which the framework finds no latest checkpoint"
    stem, stated = entry.name.removesuffix(SUFFIX), document.get("checkpoint_id")
    if stated != stem:
        return f"its file is named {stem}, but it says {stated}: the framework cannot resume it"
    if not isinstance(document.get("state", {}), dict):
        return "its state is not a map, which the framework needs"
    return None
