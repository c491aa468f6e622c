"""States that LangGraph's saver left in a store of Holdfast's own, as people can read them.

The saver keeps each channel as its serializer made it; only the graph's own code could rebuild
some of the values. Here they are described, and nothing is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from checkpoints.connectors import inert
from checkpoints.errors import CorruptCheckpoint
from checkpoints.records import Checkpoint
from checkpoints.stores.base import ReadableStore

ENVELOPE: Final = "__langgraph__"
"""The field of a state that holds everything but the channels' values."""
SAVED_AS: Final = "langgraph_saver"
"""The key of a record's metadata under which the saver says what the checkpoint is."""


def load_readable(store: ReadableStore, record: Checkpoint) -> dict[str, Any]:
    """Return a checkpoint's state for people: as it is, or described where the saver wrote it.

    Raises what ``store.load`` raises.
    """
    return readable(record, store.load(record))


def readable(record: Checkpoint, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a loaded state for people; one that LangGraph's saver did not write as it is."""
    if SAVED_AS not in record.metadata or ENVELOPE not in state:
        return dict(state)
    channels = {name: _shown(value) for name, value in state.items() if name != ENVELOPE}
    return {**channels, ENVELOPE: _shown(state[ENVELOPE])}


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
