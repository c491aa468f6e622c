"""Which checkpoint of LangGraph a record of Holdfast stands for.

All namespaces of a LangGraph thread lie in one thread of Holdfast, whose head is the record that
was saved last or that an operator restored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID, uuid5

from checkpoints.connectors.langgraph_native import SAVED_AS
from checkpoints.errors import CorruptCheckpoint
from checkpoints.records import Checkpoint

_NAMES = UUID("0b9b2f4e-6a3c-5d0e-9c55-3f8f6a6f2b11")


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
        if not isinstance(values, Mapping) or "id" not in values:
            return None
        known = ("id", "namespace", "parent", "root", "is_mark")
        return cls(record_id=record.id, **{name: values[name] for name in known if name in values})


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


def another_id(agent_id: str, thread_id: str, namespace: str, checkpoint_id: str) -> str:
    """Return the id of a record whose LangGraph id another thread of the store has taken.

    The same for the same arguments, so that it is found again.
    """
    return str(uuid5(_NAMES, f"{agent_id}\0{thread_id}\0{namespace}\0{checkpoint_id}"))


def mark_id(record_id: str, status: str) -> str:
    """Return the id of the record that says how a checkpoint's step ended."""
    return str(uuid5(_NAMES, f"{record_id}\0{status}"))


class Lineage:
    """The checkpoints of a thread by the ids that LangGraph gave them."""

    def __init__(self, places: Iterable[Place]) -> None:
        """Take places in the order in which they were saved."""
        self._parents: dict[tuple[str, str], str | None] = {}
        self._newest: dict[str, list[Place]] = {}
        self._followed: set[tuple[str, str]] = set()
        for place in places:
            self._parents[place.namespace, place.id] = place.parent
            self._newest.setdefault(place.namespace, []).append(place)
            if place.parent:
                self._followed.add((place.namespace, place.parent))

    def is_followed(self, place: Place) -> bool:
        """Say whether another checkpoint came after this one in its namespace."""
        return (place.namespace, place.id) in self._followed

    def ancestors(self, namespace: str, checkpoint_id: str | None) -> list[str]:
        """Return a checkpoint's id and those of its ancestors, newest first."""
        found: dict[str, None] = {}
        while checkpoint_id is not None and checkpoint_id not in found:
            found[checkpoint_id] = None
            checkpoint_id = self._parents.get((namespace, checkpoint_id))
        return list(found)

    def newest(self, namespace: str, root: str) -> Place | None:
        """Return a subgraph's newest checkpoint that belongs to a root checkpoint's lineage."""
        lineage = set(self.ancestors("", root))
        for place in reversed(self._newest.get(namespace, [])):
            if place.root is None or place.root in lineage:
                return place
        return None
