"""Delta channels: kept as writes since the last value that was stored, along the parents.

A checkpoint whose ancestors are deleted would silently lose what such a channel held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from langgraph.checkpoint.base import DeltaChannelHistory

from checkpoints.connectors.langgraph_native.deltas import Delta, deltas_of
from checkpoints.connectors.langgraph_native.places import Place
from checkpoints.connectors.langgraph_native.reading import COUNTERS
from checkpoints.integrations.langgraph.states import channels_in, envelope_in, rebuilt
from checkpoints.integrations.langgraph.writes import pending
from checkpoints.records import Checkpoint
from checkpoints.stores.base import Store

Placed = tuple[Place, Checkpoint]


class Chains:
    """What the delta channels of a thread's checkpoints are built from."""

    def __init__(self, store: Store, by_name: Mapping[tuple[str, str], Placed], serde: Any) -> None:
        """Take the thread's checkpoints by namespace and LangGraph's id."""
        self._store = store
        self._by_name = by_name
        self._serde = serde

    def needed_by(self, kept: Iterable[Placed]) -> set[str]:
        """Return the ids of the records that some checkpoints cannot do without.

        Raises CorruptCheckpoint where that cannot be told.
        """
        return {record.id for one in kept for record in self._ancestors_needed(*one)}

    def _ancestors_needed(self, place: Place, record: Checkpoint) -> Iterator[Checkpoint]:
        missing = self._not_stored_in(record)
        seen = {place.id}
        while missing and place.parent not in seen:
            found = self._by_name.get((place.namespace, place.parent or ""))
            if found is None:
                return
            place, record = found
            seen.add(place.id)
            yield record
            missing -= channels_in(self._store.fields(record))

    def _not_stored_in(self, record: Checkpoint) -> set[str]:
        """Return the delta channels that were written to and have no value in a checkpoint."""
        counters = record.metadata.get(COUNTERS)
        if not isinstance(counters, Mapping) or not counters:
            return set()
        state = self._store.fields(record)
        written = envelope_in(state, self._serde)["channel_versions"]
        return {name for name in counters if name in written} - channels_in(state)


def history(
    store: Store, record: Checkpoint, channels: Sequence[str], serde: Any
) -> dict[str, DeltaChannelHistory]:
    """Return, per channel, its last stored value among a checkpoint's ancestors, and the writes.

    Nothing else of those checkpoints is rebuilt.
    """
    found = deltas_of(store, record, channels)
    return {channel: _entry(delta, serde) for channel, delta in found.items()}


def _entry(delta: Delta, serde: Any) -> DeltaChannelHistory:
    entry: DeltaChannelHistory = {"writes": [pending(write, serde) for write in delta.writes]}
    if delta.is_complete:
        entry["seed"] = rebuilt(serde, delta.stored)
    return entry
