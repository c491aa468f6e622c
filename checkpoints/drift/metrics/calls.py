"""Tool calls that are new in a state, with short texts of what went in and came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from checkpoints.drift.episodes import ToolCall
from checkpoints.drift.metrics.messages import CONVERSATIONS, opened
from checkpoints.drift.sketches import sketch
from checkpoints.tool_uses import ToolUse, tool_uses

MOST_CALLS: Final = 500
"""New calls of one state that are told, the latest of them."""
_GROWING_LISTS = (*CONVERSATIONS, "completed_actions")
_LOOKED_BACK = 16
"""Messages at the old end that may hold a call whose answer is new."""


def tool_calls(state: Mapping[str, Any], since: Mapping[str, Any] | None = None) -> list[ToolCall]:
    """Return the calls of a state that the one before it did not have, in their order.

    A call counts once it has its result, if its state tells results at all. ``since`` None
    means that nothing came before.
    """
    new, before = _without_what_was(state, since or {})
    known = {use.key for use in tool_uses(before) if use.has_result}
    uses = [use for use in tool_uses(new) if use.has_result and use.key not in known]
    return [_call(use) for use in uses[-MOST_CALLS:]]


def _without_what_was(
    state: Mapping[str, Any], since: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return both states; of lists that only grew, from a little before where they did.

    What waits for a result at the old end is answered behind it, so its message stays in.
    """
    new, before = dict(state), dict(since)
    for name in _GROWING_LISTS:
        now, then = opened(state.get(name)), opened(since.get(name))
        if _only_grew(now, then):
            kept = max(0, len(then) - _LOOKED_BACK) if name in CONVERSATIONS else len(then)
            new[name], before[name] = now[kept:], then[kept:]
    return new, before


def _only_grew(now: Any, then: Any) -> bool:
    if not isinstance(now, Sequence) or not isinstance(then, Sequence) or isinstance(now, str):
        return False
    return 0 < len(then) <= len(now) and bool(now[len(then) - 1] == then[-1])


def _call(use: ToolUse) -> ToolCall:
    return ToolCall(
        tool=use.name,
        arguments=str(sketch(use.arguments)),
        result="" if use.result is None else str(sketch(use.result)),
    )
