"""A checkpoint of DreamOS, as a record of Holdfast."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from checkpoints.connectors import marks
from checkpoints.connectors.documents import Entry, Saved, Unreadable, digest
from checkpoints.connectors.documents.values import (
    count_of,
    map_of,
    modified_at,
    numbers_of,
    text_of,
    time_of,
    utc_of,
)
from checkpoints.connectors.dreamos.names import ROUTINE, SUFFIX, FileName, parse_stem
from checkpoints.connectors.inert import scalars, step_number
from checkpoints.records import Checkpoint, Kind, Status

THREAD: Final = "main"
PARTS: Final = ("current_task", "mailbox", "operational_context", "memory")
"""The parts of a state, without any of which DreamOS gives a restore up midway."""

_APART = timedelta(seconds=5)
"""A name and the time in its file may differ by this much: they are taken one after the other."""
_STATUSES: Mapping[str, Status] = {
    **dict.fromkeys(("completed", "complete", "done"), Status.COMPLETED),
    **dict.fromkeys(("failed", "error"), Status.FAILED),
    **dict.fromkeys(("blocked", "waiting", "paused"), Status.WAITING),
    **dict.fromkeys(
        ("assigned", "claimed", "active", "running", "started", "working", "in_progress"),
        Status.RUNNING,
    ),
}


def saved_of(entry: Entry, content: bytes, document: Mapping[str, Any]) -> Saved:
    """Make the record of a checkpoint. Raises Unreadable for what is none."""
    agent_id = text_of(document.get("agent_id"))
    if agent_id is None or not isinstance(document.get("state"), dict):
        raise Unreadable("unloadable", "it lacks agent_id or state, so DreamOS cannot restore it")
    stem = entry.name.removesuffix(SUFFIX)
    name = parse_stem(stem, agent_id)
    stated_at = time_of(document.get("timestamp"))
    written_at = utc_of(stated_at)
    return Saved(
        record=_record(entry, content, document, name, written_at),
        entry=entry,
        facts={
            "type": _type(document, name),
            "memory": _memory_size(document["state"]),
            "mismatches": tuple(_mismatches(document, agent_id, name, written_at)),
            "is_foreign": name is None or name.agent_id != agent_id,
            "is_naive": stated_at is not None and stated_at.tzinfo is None,
            "named_at": name.second if name else None,
            marks.DIRECTIVE: map_of(document.get("metadata")).get(marks.DIRECTIVE),
        },
    )


def _record(
    entry: Entry,
    content: bytes,
    document: Mapping[str, Any],
    name: FileName | None,
    written_at: datetime | None,
) -> Checkpoint:
    state = document["state"]
    task = map_of(state.get("current_task"))
    return Checkpoint(
        id=entry.name.removesuffix(SUFFIX),
        agent_id=document["agent_id"],
        thread_id=THREAD,
        step=step_number(_cycle(state)) or 0,
        created_at=written_at or (name.second if name else modified_at(entry)),
        step_name=text_of(task.get("id")),
        kind=_kind(_type(document, name)),
        status=_STATUSES.get(str(task.get("status")).lower(), Status.UNKNOWN),
        size=len(content),
        stored_size=len(content),
        sha256=digest(content),
        metrics=_metrics(state),
        metadata=_metadata(entry, document, name),
        damage=_damage(document, name),
    )


def _type(document: Mapping[str, Any], name: FileName | None) -> str:
    return text_of(document.get("checkpoint_type")) or (name.type if name else ROUTINE)


def _kind(type_name: str) -> Kind:
    return Kind(type_name) if type_name in tuple(Kind) else Kind.ROUTINE


def _metrics(state: Mapping[str, Any]) -> dict[str, float]:
    task, mailbox = map_of(state.get("current_task")), map_of(state.get("mailbox"))
    context = map_of(state.get("operational_context"))
    return numbers_of(
        {
            "progress_percentage": task.get("progress_percentage"),
            "pending_count": mailbox.get("pending_count"),
            "cycle_count": _cycle(state),
            "memory_items": _memory_size(state),
            "decisions": count_of(context.get("decisions")),
        }
    )


def _cycle(state: Mapping[str, Any]) -> Any:
    """Return how many cycles the agent had run, where its state says so in one way or another."""
    for holder in (state, map_of(state.get("operational_context"))):
        if step_number(holder.get("cycle_count")) is not None:
            return holder["cycle_count"]
    session = map_of(state.get("memory")).get("session")
    notes = (map_of(note) for note in session) if isinstance(session, list) else ()
    cycles = [cycle for note in notes if (cycle := step_number(note.get("cycle"))) is not None]
    return max(cycles, default=None)


def _memory_size(state: Mapping[str, Any]) -> int:
    memory = state.get("memory")
    if isinstance(memory, dict):
        return sum(count_of(held) or _is_something(held) for held in memory.values())
    return count_of(memory)


def _is_something(value: Any) -> bool:
    return bool(value) and not isinstance(value, (list, dict))


def _metadata(entry: Entry, document: Mapping[str, Any], name: FileName | None) -> dict[str, Any]:
    state = document["state"]
    task, mailbox = map_of(state.get("current_task")), map_of(state.get("mailbox"))
    own = {
        "checkpoint_type": _type(document, name),
        "version": document.get("version"),
        "task_status": task.get("status"),
        "last_processed_id": mailbox.get("last_processed_id"),
    }
    shown = {key: value for key, value in own.items() if text_of(value)}
    return {**shown, **scalars(map_of(document.get("metadata"))), "file": entry.place}


def _mismatches(
    document: Mapping[str, Any], agent_id: str, name: FileName | None, written_at: datetime | None
) -> list[str]:
    """Return in what a file's name and its content differ."""
    found: list[str] = []
    if name is None:
        return found
    if name.agent_id != agent_id:
        found.append(f"its name says {name.agent_id}, but it is {agent_id}'s")
    if name.type != _type(document, name):
        found.append(f"its name says {name.type}, but it is of the type {_type(document, name)}")
    if written_at and abs(written_at - name.second) > _APART:
        found.append(f"its name says {name.second}, but it says {written_at}")
    return found


def _damage(document: Mapping[str, Any], name: FileName | None) -> str | None:
    agent_id, state = document["agent_id"], document["state"]
    if name is None or name.agent_id != agent_id:
        named = name.agent_id if name else "no agent"
        return f"its name says {named}, but it is {agent_id}'s: DreamOS refuses to restore it"
    missing = [part for part in PARTS if part not in state]
    if missing:
        return f"its state lacks {', '.join(missing)}: DreamOS gives its restore up midway"
    if not isinstance(state["mailbox"], dict):
        return "its mailbox is not a map: DreamOS gives its restore up midway"
    return None
