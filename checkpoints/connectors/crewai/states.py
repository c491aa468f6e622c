"""What CrewAI says of a run in its checkpoints, as records of Holdfast."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from checkpoints.connectors import marks
from checkpoints.connectors.crewai.bodies import OURS
from checkpoints.connectors.crewai.names import time_of
from checkpoints.connectors.inert import scalars
from checkpoints.records import Checkpoint, Head, Status

UNKNOWN_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ENDED: Final = {
    "crew_kickoff_completed": Status.COMPLETED,
    "flow_finished": Status.COMPLETED,
    "agent_execution_completed": Status.RUNNING,
    "crew_kickoff_failed": Status.FAILED,
    "flow_failed": Status.FAILED,
    "task_failed": Status.FAILED,
    "method_execution_failed": Status.FAILED,
    "flow_paused": Status.WAITING,
    "method_execution_paused": Status.WAITING,
    "human_feedback_requested": Status.WAITING,
    "flow_input_requested": Status.WAITING,
    "SIGTERM": Status.INTERRUPTED,
    "SIGINT": Status.INTERRUPTED,
    "SIGHUP": Status.INTERRUPTED,
}
_GENERIC: Final = frozenset({"crew", "Crew", "flow", "Flow", "agent"})
"""Names that CrewAI gives by itself."""
_RANKS: Final = {"flow": 0, "crew": 1, "agent": 2}
_LONGEST: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Where a checkpoint lies: what its row or its file's name says of it."""

    id: str
    branch: str
    parent_id: str | None
    size: int
    sha256: str | None
    fallback_time: datetime = UNKNOWN_TIME


def record_of(stored: Stored, agent_id: str, outline: Mapping[str, Any]) -> Checkpoint:
    """Make the record of a checkpoint from what its body says."""
    entity = main_entity(outline)
    tasks = _tasks(entity)
    done = [task for task in tasks if task.get("output") is not None]
    methods = entity.get("checkpoint_completed_methods")
    count = len(done) + (len(methods) if isinstance(methods, list) else 0)
    waiting = [task for task in tasks if task.get("output") is None]
    return Checkpoint(
        id=stored.id,
        agent_id=agent_id,
        thread_id=stored.branch,
        step=count,
        created_at=time_of(stored.id) or stored.fallback_time,
        parent_id=stored.parent_id,
        run_id=_text(entity.get("checkpoint_kickoff_event_id")),
        step_name=_name_of(done[-1]) if done else _text(outline.get("trigger")),
        status=_status(outline, done, waiting),
        size=stored.size,
        stored_size=stored.size,
        sha256=stored.sha256,
        metrics=dict(_metrics(entity)),
        metadata=dict(_metadata(outline, entity)),
        next_steps=tuple(_name_of(task) for task in waiting[:1]),
    )


def damaged_record(stored: Stored, agent_id: str, damage: str) -> Checkpoint:
    """Make the record of a checkpoint whose body cannot be read."""
    return Checkpoint(
        id=stored.id,
        agent_id=agent_id,
        thread_id=stored.branch,
        step=0,
        created_at=time_of(stored.id) or stored.fallback_time,
        parent_id=stored.parent_id,
        size=stored.size,
        stored_size=stored.size,
        sha256=stored.sha256,
        damage=damage,
    )


def agent_name(outline: Mapping[str, Any]) -> str | None:
    """Return the name of the flow, crew or agent that a state is of; ``None`` when it has none."""
    entity = main_entity(outline)
    name = _text(entity.get("name")) or _text(entity.get("role"))
    return None if name in _GENERIC else name


def main_entity(outline: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the flow that runs, else the first crew, else the first agent."""
    entities = outline.get("entities")
    found = [e for e in entities if isinstance(e, dict)] if isinstance(entities, list) else []
    return min(found, key=_rank, default={})


def head_of(record: Checkpoint, outline: Mapping[str, Any], count: int) -> Head:
    """Describe what a branch goes on from, with what a restore left in it."""
    left = outline.get(OURS)
    found: Mapping[str, Any] = left if isinstance(left, dict) else {}
    return Head(
        agent_id=record.agent_id,
        thread_id=record.thread_id,
        checkpoint_id=record.id,
        version=count,
        moved_at=record.created_at,
        operation_id=marks.text_in(found, marks.OPERATION),
        reason=marks.text_in(found, marks.REASON),
        directive=marks.directive_in(found),
    )


def steps_done(outline: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the tasks that a state has behind it, then of the methods, by name."""
    entity = main_entity(outline)
    tasks = (_name_of(task) for task in _tasks(entity) if task.get("output") is not None)
    methods = entity.get("checkpoint_completed_methods")
    return (*tasks, *sorted(str(name) for name in (methods if isinstance(methods, list) else ())))


def marks_in(outline: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an operation left in a state."""
    left = outline.get(OURS)
    return dict(left) if isinstance(left, dict) else {}


def _rank(entity: Mapping[str, Any]) -> int:
    return _RANKS.get(str(entity.get("entity_type")), len(_RANKS))


def _tasks(entity: Mapping[str, Any]) -> list[dict[str, Any]]:
    tasks = entity.get("tasks")
    return [task for task in tasks if isinstance(task, dict)] if isinstance(tasks, list) else []


def _name_of(task: Mapping[str, Any]) -> str:
    text = _text(task.get("name")) or _text(task.get("description")) or "task"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _status(outline: Mapping[str, Any], done: list[Any], waiting: list[Any]) -> Status:
    told = _ENDED.get(str(outline.get("trigger")))
    if told:
        return told
    return Status.COMPLETED if done and not waiting else Status.RUNNING


def _metrics(entity: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for place in ("token_usage", "usage_metrics"):
        usage = entity.get(place)
        for name, value in usage.items() if isinstance(usage, dict) else ():
            if type(value) in (int, float) and abs(value) < 2**53 and math.isfinite(value):
                yield str(name), value


def _metadata(outline: Mapping[str, Any], entity: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    inputs = entity.get("checkpoint_inputs")
    yield from scalars(inputs if isinstance(inputs, dict) else {}).items()
    for name in ("crewai_version", "trigger"):
        if _text(outline.get(name)):
            yield name, outline[name]
    for name in ("entity_type", "id", "name"):
        if _text(entity.get(name)):
            yield f"entity_{name.removeprefix('entity_')}", entity[name]
    yield from scalars(marks_in(outline)).items()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
