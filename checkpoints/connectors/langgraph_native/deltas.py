"""Delta channels: the last value that was stored among a checkpoint's ancestors, and the writes
since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from checkpoints.connectors.langgraph_native.places import find, place_of, writes_of
from checkpoints.records import Checkpoint, JournalEntry
from checkpoints.stores.base import Store


@dataclass(slots=True)
class Delta:
    """What a delta channel is built from. ``stored`` is a value as it was serialised."""

    stored: Any = None
    is_complete: bool = False
    steps: list[list[JournalEntry]] = field(default_factory=list)

    @property
    def writes(self) -> list[JournalEntry]:
        """The writes since the stored value, oldest first."""
        return [write for step in reversed(self.steps) for write in step]

    def take(self, channel: str, writes: Iterable[JournalEntry], state: Mapping[str, Any]) -> None:
        """Take in the next older checkpoint."""
        self.steps.append([write for write in writes if write.data["channel"] == channel])
        if channel in state:
            self.stored, self.is_complete = state[channel], True


def deltas_of(
    store: Store, record: Checkpoint, channels: Iterable[str], *, most: int | None = None
) -> dict[str, Delta]:
    """Return what channels of a checkpoint are built from; no value is decoded.

    Looks at ``most`` ancestors, at all of them when it is None. Raises CorruptCheckpoint,
    StoreError.
    """
    found = {channel: Delta() for channel in channels}
    for ancestor in islice(_ancestors(store, record), most):
        left = [(channel, delta) for channel, delta in found.items() if not delta.is_complete]
        if not left:
            break
        writes = writes_of(store, ancestor.agent_id, ancestor.thread_id, place_of(ancestor))
        state = store.fields(ancestor)
        for channel, delta in left:
            delta.take(channel, writes, state)
    return found


def _ancestors(store: Store, record: Checkpoint) -> Iterator[Checkpoint]:
    """Yield the checkpoints before one in its namespace, newest first, as far as they are kept."""
    seen = {record.id}
    place = place_of(record)
    while place.parent is not None:
        name = (place.namespace, place.parent)
        found = find(store, record.agent_id, record.thread_id, name)
        if found is None or found.id in seen:
            return
        seen.add(found.id)
        yield found
        place = place_of(found)
