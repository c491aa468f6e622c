"""The tools that an agent called, as states of many frameworks tell of them.

Known are messages of LangChain (also described ones, whose classes nobody imports), of OpenAI's
chat and response interfaces and of Anthropic's, and Kaizen's lists of actions. Nothing is guessed
from names alone. States are what others wrote: the work is bounded.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

MOST_VALUES: Final = 200_000
"""Values of a state that are looked at; what lies behind them is not."""
_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use", "tool_call", "function_call"})
_RESULTS = {
    "tool_result": "tool_use_id",
    "web_search_tool_result": "tool_use_id",
    "mcp_tool_result": "tool_use_id",
    "function_call_output": "call_id",
}
_NAMES = ("name", "tool", "tool_name", "action")
_ARGUMENTS = ("args", "arguments", "input", "parameters", "tool_args", "tool_input")
_OUTCOMES = ("result", "output", "observation", "ok", "success", "error")
_DESCRIBED = frozenset({"__type__", "value"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """One call. ``key`` tells it from the others of its state, and finds it in a later one.

    ``result`` is what came back, as far as the state tells it beside the call's id.
    """

    key: tuple[str, ...]
    name: str
    arguments: Any
    call_id: str | None
    has_result: bool
    result: Any = field(default=None, compare=False)


@dataclass(slots=True)
class _Found:
    """What a walk through a state has met. Of a call that is told twice the first counts."""

    calls: dict[tuple[str, ...], tuple[str, Any, str | None]] = field(default_factory=dict)
    answered: dict[str, Any] = field(default_factory=dict)
    answered_names: Counter[str] = field(default_factory=Counter)
    results: dict[tuple[str, ...], Any] = field(default_factory=dict)
    times: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, name: object, arguments: Any, call_id: object, *results: Any) -> None:
        """Add a call, and its result where it is known to be done."""
        if not isinstance(name, str) or not name:
            return
        known = call_id if isinstance(call_id, str) and call_id else None
        key = ("id", known) if known else self._numbered(name, arguments)
        self.calls.setdefault(key, (name, arguments, known))
        for result in results:
            self.results[key] = result

    def _numbered(self, name: str, arguments: Any) -> tuple[str, ...]:
        text = canonical(arguments)
        self.times[name, text] += 1
        return ("same", name, text, str(self.times[name, text]))


def tool_uses(state: Any) -> list[ToolUse]:
    """Return the tool calls that a state tells of, in its order, each once."""
    found = _Found()
    for value in _walk(state):
        _look_at(value, found)
    if isinstance(state, Mapping):
        _look_at_actions(state.get("completed_actions"), found)
    return [_use(key, call, found) for key, call in found.calls.items()]


def tool_counts(state: Any) -> dict[str, int]:
    """Return how often tools were used by a state's own count (Kaizen's ``tool_usage_counts``)."""
    counts = state.get("tool_usage_counts") if isinstance(state, Mapping) else None
    if not isinstance(counts, Mapping):
        return {}
    return {
        name: count
        for name, count in counts.items()
        if isinstance(name, str) and type(count) is int and count > 0
    }


def canonical(value: Any) -> str:
    """Return a text that is the same for the same value."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, sort_keys=True, default=repr)
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def _use(key: tuple[str, ...], call: tuple[str, Any, str | None], found: _Found) -> ToolUse:
    name, arguments, call_id = call
    answered = key in found.results or call_id in found.answered
    if not answered and call_id is None and found.answered_names[name] > 0:
        found.answered_names[name] -= 1
        answered = True
    return ToolUse(
        key=key,
        name=name,
        arguments=arguments,
        call_id=call_id,
        has_result=answered,
        result=found.results.get(key, found.answered.get(call_id or "")),
    )


def _walk(state: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the mappings of a state in its order, with what is described taken out of it."""
    waiting: list[Any] = [state]
    for _ in range(MOST_VALUES):
        if not waiting:
            return
        value = waiting.pop()
        if isinstance(value, Mapping):
            if value.keys() == _DESCRIBED:
                waiting.append(value["value"])
                continue
            yield value
            waiting.extend(reversed([v for k, v in value.items() if k not in _LOOKED_INTO]))
        elif isinstance(value, (list, tuple)):
            waiting.extend(reversed(value))


_LOOKED_INTO = frozenset({"tool_calls", "function_call", "completed_actions"})


def _look_at(value: Mapping[str, Any], found: _Found) -> None:
    for call in _listed(value.get("tool_calls")):
        _add_call(call, found)
    legacy = value.get("function_call")
    if isinstance(legacy, Mapping):
        found.add(legacy.get("name"), _arguments(legacy), None)
    kind = value.get("type")
    if kind in _CALLS and isinstance(kind, str):
        found.add(value.get("name"), _arguments(value), value.get("call_id") or value.get("id"))
    _look_for_result(value, kind, found)


def _look_for_result(value: Mapping[str, Any], kind: object, found: _Found) -> None:
    answered = value.get(_RESULTS[kind]) if isinstance(kind, str) and kind in _RESULTS else None
    for call_id in (answered, value.get("tool_call_id")):
        if isinstance(call_id, str):
            found.answered[call_id] = value.get("content", value.get("output"))
    if value.get("role") == "function" and isinstance(value.get("name"), str):
        found.answered_names[value["name"]] += 1


def _add_call(call: Mapping[str, Any], found: _Found) -> None:
    function = call.get("function")
    inner = function if isinstance(function, Mapping) else call
    found.add(inner.get("name"), _arguments(inner), call.get("id"))


def _look_at_actions(actions: Any, found: _Found) -> None:
    """Look at what Kaizen's agents have done; what they plan is not a call yet."""
    for action in _listed(actions):
        name = next((action[n] for n in _NAMES if isinstance(action.get(n), str)), None)
        result = next((action[n] for n in _OUTCOMES if n in action), None)
        found.add(name, _arguments(action), action.get("id"), result)


def _listed(value: Any) -> Iterator[Mapping[str, Any]]:
    items: Sequence[Any] = value if isinstance(value, (list, tuple)) else ()
    for item in items:
        inner = item["value"] if isinstance(item, Mapping) and item.keys() == _DESCRIBED else item
        if isinstance(inner, Mapping):
            yield inner


def _arguments(call: Mapping[str, Any]) -> Any:
    """Return a call's arguments; those that are written as JSON are read."""
    value: Any = next((call[name] for name in _ARGUMENTS if name in call), {})
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
