"""Channels, decoded without running anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph_native.places import SAVED_AS, Place, find, writes_of
from checkpoints.errors import CorruptCheckpoint
from checkpoints.records import Checkpoint
from checkpoints.stores.base import ReadableStore, Store

ENVELOPE: Final = "__langgraph__"
"""The field of a state that holds everything but the channels' values."""
COUNTERS: Final = "counters_since_delta_snapshot"
"""The key of a checkpoint's metadata that names its delta channels."""
DELTA: Final = "langgraph.channels.DeltaChannel"


def load_readable(store: ReadableStore, record: Checkpoint) -> dict[str, Any]:
    """Return a checkpoint's state for people.

    What LangGraph's saver wrote comes as its channels, described; a delta channel as the last
    value that was stored and the writes since. Anything else comes as it is. Raises what
    ``store.load`` raises.
    """
    state = store.load(record)
    place = Place.of(record)
    if place is None or ENVELOPE not in state:
        return state
    channels = {name: _shown(value) for name, value in state.items() if name != ENVELOPE}
    return {**channels, **_deltas(store, record, place, channels)}


def _deltas(
    store: ReadableStore, record: Checkpoint, place: Place, stored: Mapping[str, Any]
) -> dict[str, Any]:
    """Describe the delta channels whose value is not stored in a checkpoint."""
    counters = record.metadata.get(COUNTERS)
    names = [name for name in counters if name not in stored] if counters else []
    if not names or not isinstance(store, Store):
        return {}
    steps: dict[str, list[list[Any]]] = {name: [] for name in names}
    snapshots: dict[str, Any] = {}
    for ancestor in _ancestors(store, record, place):
        left = [name for name in names if name not in snapshots]
        if not left:
            break
        writes = writes_of(store, record.agent_id, record.thread_id, ancestor[0])
        fields = store.fields(ancestor[1])
        for name in left:
            written = [w.data["value"] for w in writes if w.data["channel"] == name]
            steps[name].append([_shown(value) for value in written])
            if name in fields:
                snapshots[name] = _shown(fields[name])
    return {
        name: inert.described(
            DELTA,
            {
                "snapshot": snapshots.get(name),
                "writes": [write for step in reversed(steps[name]) for write in step],
            },
        )
        for name in names
    }


def _ancestors(
    store: Store, record: Checkpoint, place: Place
) -> Iterator[tuple[Place, Checkpoint]]:
    seen = {place.id}
    while place.parent and place.parent not in seen:
        seen.add(place.parent)
        name = (place.namespace, place.parent)
        found = find(store, record.agent_id, record.thread_id, name)
        parent = Place.of(found) if found else None
        if found is None or parent is None:
            return
        place = parent
        yield place, found


def _shown(typed: Any) -> Any:
    """Describe one serialised value; damage within it is named in its place."""
    match typed:
        case [str(name), bytes(data)]:
            try:
                return inert.decode_typed(name, data)
            except CorruptCheckpoint as error:
                return inert.described("unreadable", str(error))
        case _:
            return typed


__all__ = ["COUNTERS", "ENVELOPE", "SAVED_AS", "load_readable"]
