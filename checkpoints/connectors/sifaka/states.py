"""Sifaka's ChainCheckpoint, as a record of Holdfast."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from checkpoints.connectors.documents import Entry, digest
from checkpoints.connectors.inert import scalars, step_number
from checkpoints.records import Checkpoint, Status

FIELDS: Final = (
    "checkpoint_id",
    "chain_id",
    "timestamp",
    "current_step",
    "iteration",
    "thought",
    "recovery_point",
)
"""What Sifaka cannot load a checkpoint without."""
_COMPLETE: Final = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Makes records. ``zone`` is what times without one are read in."""

    agent: str
    zone: tzinfo

    def record(self, state: Mapping[str, Any], part: bytes, entry: Entry) -> Checkpoint:
        """Make the record of a checkpoint; its place in the chain is not known yet."""
        step_name = _text(state.get("current_step"))
        return Checkpoint(
            id=_text(state.get("checkpoint_id")) or "",
            agent_id=self.agent,
            thread_id=_text(state.get("chain_id")) or "",
            step=0,
            created_at=self.time_of(state.get("timestamp")) or _modified_at(entry),
            step_name=step_name,
            iteration=step_number(state.get("iteration")),
            status=Status.COMPLETED if step_name == _COMPLETE else Status.RUNNING,
            size=len(part),
            stored_size=len(part),
            sha256=digest(part),
            metrics=dict(_metrics(state.get("performance_data"))),
            metadata=dict(_metadata(state, entry)),
        )

    def time_of(self, value: Any) -> datetime | None:
        """Return a time in UTC; ``None`` for what is no time."""
        try:
            told = datetime.fromisoformat(value)
            aware = told if told.tzinfo else told.replace(tzinfo=self.zone)
            return aware.astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            return None


def lacking(state: Mapping[str, Any]) -> list[str]:
    """Return the fields without which Sifaka cannot load a checkpoint."""
    return [name for name in FIELDS if name not in state]


def _modified_at(entry: Entry) -> datetime:
    return datetime.fromtimestamp(entry.stamp.modified_ns / 1e9, UTC)


def _metrics(data: Any) -> Iterator[tuple[str, float]]:
    for name, value in data.items() if isinstance(data, dict) else ():
        if type(value) in (int, float) and abs(value) < 2**53 and math.isfinite(value):
            yield str(name), value


def _metadata(state: Mapping[str, Any], entry: Entry) -> Iterator[tuple[str, Any]]:
    given = state.get("metadata")
    yield from scalars(given if isinstance(given, dict) else {}).items()
    if _text(state.get("recovery_point")):
        yield "recovery_point", state["recovery_point"]
    for name in ("completed_validators", "completed_critics"):
        done = state.get(name)
        if isinstance(done, list) and done:
            yield name, ", ".join(str(item) for item in done if isinstance(item, str))
    yield "file", entry.place


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
