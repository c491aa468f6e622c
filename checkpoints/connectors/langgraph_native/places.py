"""Which checkpoint of LangGraph a record of Holdfast stands for.

All namespaces of a LangGraph thread lie in one thread of Holdfast, whose head is the record that
was saved last or that an operator restored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from checkpoints.errors import CheckpointNotFound, CorruptCheckpoint
from checkpoints.records import Checkpoint, JournalEntry
from checkpoints.stores.base import Store
from checkpoints.stores.graphs import SAVED_AS, WRITE, another_id, mark_id

__all__ = [
    "SAVED_AS",
    "WRITE",
    "Name",
    "Place",
    "another_id",
    "find",
    "mark_id",
    "place_of",
    "places_of",
    "readable_record",
    "write_prefix",
    "writes_of",
]

Name = tuple[str, str]
"""A namespace and LangGraph's id of a checkpoint in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A record among the checkpoints of its LangGraph thread.

    ``id`` and ``parent`` are LangGraph's ids; ``root`` is that of the root checkpoint under which
    a subgraph ran, None where it is not known. ``is_mark`` tells a record which only says how the
    checkpoint's step ended.
    """

    record_id: str
    id: str
    namespace: str = ""
    parent: str | None = None
    root: str | None = None
    is_mark: bool = False

    @property
    def name(self) -> Name:
        """What LangGraph calls the checkpoint within its thread."""
        return self.namespace, self.id

    def as_metadata(self, **more: Any) -> dict[str, Any]:
        """Return what the record's metadata keeps of it, beside ``more``."""
        values = {
            "id": self.id,
            "namespace": self.namespace,
            "parent": self.parent,
            "root": self.root,
            "is_mark": self.is_mark,
            **more,
        }
        return {name: value for name, value in values.items() if value}

    @classmethod
    def of(cls, record: Checkpoint) -> Self | None:
        """Return a record's place, None where LangGraph's saver did not write it."""
        values = record.metadata.get(SAVED_AS)
        if not isinstance(values, Mapping) or not isinstance(values.get("id"), str):
            return None
        texts = {name: values.get(name) for name in ("id", "namespace", "parent", "root")}
        known = {name: text for name, text in texts.items() if isinstance(text, str)}
        return cls(record_id=record.id, is_mark=values.get("is_mark") is True, **known)


def place_of(record: Checkpoint) -> Place:
    """Return the place of a record that was found by it."""
    place = Place.of(record)
    if place is None:
        raise CorruptCheckpoint(f"{record.id}: LangGraph did not save it", checkpoint_id=record.id)
    return place


def places_of(records: Iterable[Checkpoint]) -> list[tuple[Place, Checkpoint]]:
    """Return the checkpoints of LangGraph among records, without marks, in the same order."""
    found = ((Place.of(record), record) for record in records)
    return [(place, record) for place, record in found if place and not place.is_mark]


def find(store: Store, agent_id: str, thread_id: str, name: Name) -> Checkpoint | None:
    """Return the record of a checkpoint of LangGraph, None where there is none.

    Raises CorruptCheckpoint for one that cannot be read.
    """
    namespace, checkpoint_id = name
    other = another_id(agent_id, thread_id, namespace, checkpoint_id)
    for record_id in (checkpoint_id, other):
        record = readable_record(store, agent_id, thread_id, record_id)
        place = Place.of(record) if record else None
        if place and not place.is_mark and place.name == name:
            return record
    return None


def readable_record(
    store: Store, agent_id: str, thread_id: str, record_id: str
) -> Checkpoint | None:
    """Return a record of an agent's thread. Raises CorruptCheckpoint for one that is damaged."""
    try:
        record = store.get(record_id, thread_id=thread_id)
    except CheckpointNotFound:
        return None
    if record.damage:
        raise CorruptCheckpoint(f"{record.id}: {record.damage}", checkpoint_id=record.id)
    return record if record.agent_id == agent_id else None


def writes_of(store: Store, agent_id: str, thread_id: str, place: Place) -> list[JournalEntry]:
    """Return what tasks wrote at a checkpoint, in the order in which LangGraph applies it.

    Raises CorruptCheckpoint.
    """
    found = store.entries(agent_id, thread_id, kind=WRITE, prefix=write_prefix(place))
    for entry in found:
        _require_write(entry)
    own = [entry for entry in found if entry.data["namespace"] == place.namespace]
    return sorted(own, key=_order)


def _require_write(entry: JournalEntry) -> None:
    """Raise CorruptCheckpoint for an entry that the saver cannot have recorded."""
    match entry.data:
        case {
            "namespace": str(),
            "task_id": str(),
            "task_path": str(),
            "index": int(),
            "channel": str(),
            "value": [str(), bytes()],
        }:
            return
        case _:
            raise CorruptCheckpoint(
                f"the entry {entry.key!r} is no write of LangGraph's",
                checkpoint_id=entry.checkpoint_id,
            )


def write_prefix(place: Place) -> str:
    """Return what the keys of a checkpoint's writes begin with."""
    return f"{place.id}/{place.namespace}/"


def _order(entry: JournalEntry) -> tuple[str, str, int]:
    data = entry.data
    return data["task_path"], data["task_id"], data["index"]
