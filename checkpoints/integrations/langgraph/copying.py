"""Copying whole threads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import datetime
from typing import TYPE_CHECKING

from checkpoints.connectors.langgraph_native.places import Place, another_id, mark_id
from checkpoints.identifiers import new_id
from checkpoints.integrations.langgraph.graph_store import Standing
from checkpoints.records import Checkpoint, Draft, JournalEntry

if TYPE_CHECKING:
    from checkpoints.integrations.langgraph.saving import Threads

_DRAFTED = tuple(field.name for field in fields(Draft))


def copy_thread(threads: Threads, source: str, target: str, now: datetime) -> None:
    """Copy a thread's checkpoints, writes and head behind what the target holds already.

    LangGraph's ids stay, the records get ids of their own. Done again after it was cut short, it
    goes on where it stopped. A source that is not there is no error.
    """
    if source == target:
        raise ValueError(f"thread {source!r} cannot be copied onto itself; nothing was copied")
    standing = threads.graph.standing(source)
    copied: dict[str, str] = {}
    for place, record in _oldest_first(threads, source):
        entries = threads.journal.entries_of(source, place) if not place.is_mark else []
        copied[record.id] = _copy(threads, record, place, target, copied, entries, now)
    if standing is not None:
        _move_head(threads, target, copied[standing.record_id], standing, now)


def _oldest_first(threads: Threads, thread_id: str) -> Iterator[tuple[Place, Checkpoint]]:
    for record in reversed(threads.graph.history(thread_id)):
        place = Place.of(record)
        if place is not None:
            yield place, record


def _copy(
    threads: Threads,
    record: Checkpoint,
    place: Place,
    target: str,
    copied: dict[str, str],
    entries: list[JournalEntry],
    now: datetime,
) -> str:
    """Copy one checkpoint, its writes first, and return the id of the record that it became."""
    graph = threads.graph
    own_id = another_id(graph.agent_id, target, place.namespace, place.id)
    if place.is_mark:
        own_id = mark_id(own_id, record.status)
    here = replace(place, record_id=own_id)
    threads.journal.keep([threads.journal.copied(entry, target, here, now) for entry in entries])
    values = {name: getattr(record, name) for name in _DRAFTED}
    follows = copied.get(record.parent_id) if record.parent_id else None
    changed = {"id": own_id, "thread_id": target, "parent_id": follows}
    draft = Draft(**{**values, **changed})
    return graph.save(target, here, graph.store.load(record), lambda _: draft).record_id


def _move_head(
    threads: Threads, target: str, record_id: str, source: Standing, now: datetime
) -> None:
    """Let the copy go on from where its source does, restored if that one is."""
    head = threads.graph.standing(target)
    if head is None or (head.record_id == record_id and source.operation_id is None):
        return
    threads.graph.store.set_head(
        threads.graph.store.get(record_id, thread_id=target),
        expected=head.record_id,
        now=now,
        operation_id=new_id() if source.operation_id else None,
        reason=f"as in {source.place.id}",
    )
