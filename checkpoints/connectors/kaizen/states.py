"""Kaizen's AgentState, as a record of Holdfast."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from checkpoints.connectors.documents.folder import Entry
from checkpoints.connectors.inert import scalars, step_number
from checkpoints.connectors.kaizen.bodies import Line
from checkpoints.connectors.kaizen.names import FileName, Layout
from checkpoints.records import Checkpoint, Status

THREAD = "main"
GENERIC_AGENT = "autonomous_agent"
"""The agent id that Kaizen's own agents all save under."""

FIELDS = frozenset(
    {
        "checkpoint_id",
        "agent_id",
        "model",
        "timestamp",
        "updated_at",
        "step_number",
        "conversation_history",
        "memory_contents",
        "pending_actions",
        "completed_actions",
        "budget_spent_usd",
        "approval_history",
        "tool_usage_counts",
        "tool_results_cache",
        "active_specialists",
        "specialist_invocations",
        "workflow_run_id",
        "workflow_state",
        "control_protocol_state",
        "registered_hooks",
        "hook_event_history",
        "parent_checkpoint_id",
        "status",
        "metadata",
    }
)
REMEMBERED = ("conversation_history", "memory_contents", "completed_actions", "approval_history")
"""The fields that only grow while an agent works."""
REQUIRED = ("checkpoint_id", "agent_id", "timestamp", "step_number", "status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a state was found."""

    entry: Entry
    name: FileName
    line: Line | None
    agent_fallback: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A record with what the store needs to find and restore it; the state is not kept."""

    record: Checkpoint
    entry: Entry
    name: FileName
    line: int
    raw_agent: str
    naive_time: bool = False
    extra_fields: frozenset[str] = frozenset()
    is_locked: bool = False
    items: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_alone(self) -> bool:
        """Whether the file holds this checkpoint only."""
        return self.name.layout is Layout.ONE


def saved_of(source: Source, state: Mapping[str, Any]) -> Saved:
    """Make the record of a state."""
    raw_agent = _text(state.get("agent_id")) or GENERIC_AGENT
    written_at = _time(state.get("timestamp"))
    return Saved(
        record=_record(source, state, written_at),
        entry=source.entry,
        name=source.name,
        line=source.line.number if source.line else 1,
        raw_agent=raw_agent,
        naive_time=written_at is not None and written_at.tzinfo is None,
        extra_fields=frozenset(map(str, state)) - FIELDS,
        items={n: len(v) for n in REMEMBERED if isinstance(v := state.get(n), (list, dict))},
    )


def _record(source: Source, state: Mapping[str, Any], written_at: datetime | None) -> Checkpoint:
    line = source.line
    return Checkpoint(
        id=_identifier(source, state),
        agent_id=_agent(source, state),
        thread_id=THREAD,
        step=step_number(state.get("step_number", state.get("cycle"))) or 0,
        created_at=_utc(written_at) or modified_at(source.entry),
        parent_id=_text(state.get("parent_checkpoint_id")),
        run_id=_text(state.get("workflow_run_id")),
        status=_status(state.get("status")),
        size=len(line.text) if line else None,
        stored_size=line.stored_size if line else source.entry.stamp.size,
        sha256=line.sha256 if line else None,
        metrics=_metrics(state),
        metadata=_metadata(source, state),
        damage=_damage(source, state, written_at),
    )


def locked_away(source: Source, sha256: str) -> Saved:
    """Make the record of an encrypted file: its name is all that can be known of it."""
    record = Checkpoint(
        id=source.name.stem,
        agent_id=source.agent_fallback,
        thread_id=THREAD,
        step=0,
        created_at=modified_at(source.entry),
        stored_size=source.entry.stamp.size,
        metadata={"file": source.entry.place},
        sha256=sha256,
        damage="encrypted: no key at hand opens it",
    )
    return Saved(
        record=record,
        entry=source.entry,
        name=source.name,
        line=1,
        raw_agent=GENERIC_AGENT,
        is_locked=True,
    )


def modified_at(entry: Entry) -> datetime:
    """Return when a file was last written."""
    return datetime.fromtimestamp(entry.stamp.modified_ns / 1e9, UTC)


def _identifier(source: Source, state: Mapping[str, Any]) -> str:
    """In the flat layout Kaizen loads by file name, so that is the id; elsewhere the state says."""
    stated = _text(state.get("checkpoint_id"))
    if source.name.layout is not Layout.MANY or stated is None:
        number = source.line.number if source.line else 1
        suffix = f"#{number}" if source.name.layout is Layout.MANY else ""
        return f"{source.name.stem}{suffix}"
    return stated


def _agent(source: Source, state: Mapping[str, Any]) -> str:
    stated = _text(state.get("agent_id"))
    return source.agent_fallback if stated in (None, GENERIC_AGENT) else str(stated)


def _metadata(source: Source, state: Mapping[str, Any]) -> dict[str, Any]:
    given = state.get("metadata")
    kept = scalars(given) if isinstance(given, Mapping) else {}
    named = {n: state[n] for n in ("agent_id", "model") if _text(state.get(n))}
    return {**named, **kept, "file": source.entry.place}


def _damage(source: Source, state: Mapping[str, Any], written_at: datetime | None) -> str | None:
    if source.name.layout is Layout.CYCLE:
        return None
    missing = [name for name in REQUIRED if state.get(name) is None]
    if missing:
        return f"the state lacks {', '.join(missing)}, so Kaizen does not list it"
    if written_at is None:
        return f"its timestamp {state['timestamp']!r} is not a time, so Kaizen does not list it"
    stated = state["checkpoint_id"]
    if source.name.layout is Layout.ONE and stated != source.name.stem:
        return f"its file is named {source.name.stem}, but it says {stated}: Kaizen cannot find it"
    return None


def _time(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        return None


def _status(value: Any) -> Status:
    known = (Status.RUNNING, Status.COMPLETED, Status.FAILED, Status.INTERRUPTED)
    return Status(value) if value in known else Status.UNKNOWN


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _metrics(state: Mapping[str, Any]) -> dict[str, float]:
    budget = state.get("budget_spent_usd")
    return (
        {"budget_spent_usd": budget} if isinstance(budget, float) and math.isfinite(budget) else {}
    )
