"""Channels, decoded without running anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from checkpoints.connectors import inert
from checkpoints.connectors.langgraph_native.deltas import Delta, deltas_of
from checkpoints.connectors.langgraph_native.places import Place
from checkpoints.errors import CorruptCheckpoint
from checkpoints.records import Checkpoint
from checkpoints.stores.base import ReadableStore, Store

ENVELOPE: Final = "__langgraph__"
"""The field of a state that holds everything but the channels' values."""
COUNTERS: Final = "counters_since_delta_snapshot"
"""The key of a checkpoint's metadata that names its delta channels."""
MOST_CHANNELS: Final = 1_000
"""Delta channels that are described; a graph has a few."""
MOST_ANCESTORS: Final = 10_000
"""Checkpoints that are looked through for a stored value; LangGraph stores one each 5,000 steps
at the latest (LANGGRAPH_DELTA_MAX_SUPERSTEPS_SINCE_SNAPSHOT)."""
DELTA: Final = "langgraph.channels.DeltaChannel"


def load_readable(store: ReadableStore, record: Checkpoint) -> dict[str, Any]:
    """Return a checkpoint's state for people.

    What LangGraph's saver wrote comes as its channels, described; a delta channel as the last
    value that was stored and the writes since. Anything else comes as it is. Raises what
    ``store.load`` raises.
    """
    state = store.load(record)
    if Place.of(record) is None or ENVELOPE not in state:
        return state
    channels = {name: _shown(value) for name, value in state.items() if name != ENVELOPE}
    return {**channels, **_deltas(store, record, channels)}


def _deltas(store: ReadableStore, record: Checkpoint, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the delta channels whose value is not stored in a checkpoint."""
    counters = record.metadata.get(COUNTERS)
    named = counters if isinstance(counters, Mapping) else {}
    names = [name for name in named if name not in stored]
    if not names or not isinstance(store, Store):
        return {}
    found = deltas_of(store, record, names[:MOST_CHANNELS], most=MOST_ANCESTORS)
    return {name: _described(delta) for name, delta in found.items()}


def _described(delta: Delta) -> dict[str, Any]:
    if len(delta.steps) == MOST_ANCESTORS and not delta.is_complete:
        return inert.described(
            "unreadable", f"no value was stored in the last {MOST_ANCESTORS:,} checkpoints"
        )
    writes = [_shown(write.data["value"]) for write in delta.writes]
    return inert.described(DELTA, {"snapshot": _shown(delta.stored), "writes": writes})


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
