"""Messages of a conversation, and the tokens that they say they took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from checkpoints.drift.metrics.finite import number

MOST_MESSAGES: Final = 20_000
"""A longer conversation is counted, but what its messages say is not added up."""
CONVERSATIONS: Final = ("messages", "conversation", "conversation_history", "chat_history")
_SAYING = frozenset({"content", "role", "type", "tool_calls", "parts"})
_DESCRIBED = {"__type__", "value"}


def opened(value: Any) -> Any:
    """Return what a described value of a LangGraph store holds; anything else as it is."""
    if isinstance(value, Mapping) and value.keys() == _DESCRIBED:
        return value["value"]
    return value


def conversation(state: Mapping[str, Any]) -> Sequence[Any] | None:
    """Return the messages of a state, found by their field's name; None where it has none."""
    for name in CONVERSATIONS:
        found = opened(state.get(name))
        if isinstance(found, (list, tuple)):
            return found
    return None


def mappings(messages: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    """Yield those messages that tell something beside their text."""
    for message in messages:
        inner = opened(message)
        if isinstance(inner, Mapping) and not _SAYING.isdisjoint(inner):
            yield inner


def tokens(message: Mapping[str, Any]) -> float:
    """Return the tokens that a message says it took, in and out; 0 where it says nothing.

    LangChain says it in ``usage_metadata``, its older models in
    ``response_metadata.token_usage``, the APIs of OpenAI and Anthropic in ``usage``.
    """
    metadata = message.get("response_metadata")
    older = metadata if isinstance(metadata, Mapping) else {}
    places = (message.get("usage_metadata"), older.get("token_usage"), older.get("usage"))
    for place in (*places, message.get("usage")):
        usage = opened(place)
        if isinstance(usage, Mapping) and (found := _total(usage)) is not None:
            return found
    return 0.0


def _total(usage: Mapping[str, Any]) -> float | None:
    total = number(usage.get("total_tokens"))
    if total is not None:
        return total
    parts = ("input_tokens", "output_tokens", "prompt_tokens", "completion_tokens")
    known = [found for name in parts if (found := number(usage.get(name))) is not None]
    return sum(known) if known else None
