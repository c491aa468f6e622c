"""A LangGraph checkpoint as a state of Holdfast, and back.

Each channel is a field ``[type, bytes]`` as the graph's serializer made it, so that a store keeps
of a growing channel only what is new, and counts what each channel takes. All that is no channel's
value lies in the field ``__langgraph__``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from langgraph.checkpoint.base import Checkpoint as GraphCheckpoint

from checkpoints.connectors.langgraph_native.reading import ENVELOPE
from checkpoints.errors import CorruptCheckpoint, UnsupportedState

VALUES: Final = "channel_values"

Typed = list[Any]
"""A serialised value: the serializer's name of its type, and the bytes."""


def state_of(
    checkpoint: GraphCheckpoint, serde: Any, unchanged: Mapping[str, Typed]
) -> dict[str, Any]:
    """Return the state of a checkpoint; ``unchanged`` channels are not serialised again.

    Raises what the serializer raises, UnsupportedState for a channel with our own field's name.
    """
    values = checkpoint[VALUES]
    if ENVELOPE in values:
        raise UnsupportedState(
            f"a channel must not be called {ENVELOPE}; nothing was saved", path=f"$[{ENVELOPE!r}]"
        )
    rest = {name: value for name, value in checkpoint.items() if name != VALUES}
    channels = {
        name: unchanged.get(name) or serialised(serde, value) for name, value in values.items()
    }
    return {ENVELOPE: serialised(serde, rest), **channels}


def checkpoint_in(state: Mapping[str, Any], serde: Any) -> GraphCheckpoint:
    """Return the checkpoint of a state. Raises CorruptCheckpoint, and what the serializer raises.

    The types of its values are those that the serializer rebuilds.
    """
    values = {name: rebuilt(serde, value) for name, value in state.items() if name != ENVELOPE}
    return {**envelope_in(state, serde), VALUES: values}


def envelope_in(state: Mapping[str, Any], serde: Any) -> dict[str, Any]:
    """Return what a checkpoint holds besides its channels' values. Raises CorruptCheckpoint."""
    if ENVELOPE not in state:
        raise CorruptCheckpoint(f"it was not saved by LangGraph: {ENVELOPE} is missing")
    found: dict[str, Any] = rebuilt(serde, state[ENVELOPE])
    return found


def channels_in(state: Mapping[str, Any]) -> set[str]:
    """Return the names of the channels that have a value, without decoding any."""
    return set(state) - {ENVELOPE}


def serialised(serde: Any, value: Any) -> Typed:
    """Return a value as its serializer's type and bytes. Raises what the serializer raises."""
    name, data = serde.dumps_typed(value)
    return [name, bytes(data)]


def rebuilt(serde: Any, typed: Typed) -> Any:
    """Return the value of :func:`serialised`."""
    name, data = typed
    return serde.loads_typed((name, data))
