"""Numbers out of a state, whatever framework it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from checkpoints.drift.metrics.counting import MOST_FIELDS, counted
from checkpoints.drift.metrics.finite import number
from checkpoints.drift.metrics.messages import (
    MOST_MESSAGES,
    conversation,
    mappings,
    opened,
    tokens,
)

MOST_METRICS: Final = 24
"""Numbers of a state that are taken; those that every framework has come first."""
_NAME_LENGTH = 64
_LISTS = {
    "memory_items": ("memory", "memory_contents", "memories"),
    "pending_actions": ("pending_actions",),
    "completed_actions": ("completed_actions",),
    "plan_items": ("plan", "steps", "todos"),
    "errors_total": ("errors",),
}
_BUDGETS = ("budget", "spending")
_NO_MEASURE = frozenset({"id", "seed", "timestamp", "version", "schema_version", "created", "port"})
_NO_MEASURE_ENDS = ("_at", "_id", "_seed", "_timestamp", "_version", "_ts", "_ms_epoch")
_OURS = frozenset({"current_task", "mailbox", "step_number"})
_DONE = frozenset({"completed", "done", "finished", "skipped", "success"})


def state_metrics(state: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers that a state tells of its agent, by name; finite ones only.

    ``conversation_length`` counts messages, ``tokens_total`` and ``tool_calls_total`` add up what
    they say, ``memory_items``, ``plan_items``, ``pending_actions``, ``completed_actions`` and
    ``errors_total`` count entries, ``plan_done`` and ``progress`` are shares of 100, ``spent_usd``
    is in US dollars. What stands as a number at the state's top keeps its own name.
    """
    found: dict[str, float] = {}
    for source in (_conversation, _lists, _progress, _spending, _dreamos, _top_level):
        for name, value in source(state):
            found.setdefault(name, value)
            if len(found) == MOST_METRICS:
                return found
    return found


def _conversation(state: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    messages = conversation(state)
    if messages is None:
        return
    yield "conversation_length", float(len(messages))
    if len(messages) > MOST_MESSAGES:
        return
    taken, calls = 0.0, 0
    for message in mappings(messages):
        taken += tokens(message)
        called = message.get("tool_calls")
        calls += len(called) if isinstance(called, (list, tuple)) else 0
    if taken:
        yield "tokens_total", taken
    if calls:
        yield "tool_calls_total", float(calls)


def _lists(state: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for metric, names in _LISTS.items():
        for name in names:
            count = counted(state.get(name))
            if count is not None:
                yield metric, float(count)
                break
    counts = state.get("tool_usage_counts")
    if isinstance(counts, Mapping):
        used = [number(value) for value in list(counts.values())[:MOST_FIELDS]]
        yield "tool_calls_total", sum(value for value in used if value is not None)


def _progress(state: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    plan = opened(state.get("plan"))
    if isinstance(plan, (list, tuple)) and plan:
        told = [item for item in map(opened, plan[:MOST_FIELDS]) if isinstance(item, Mapping)]
        known = [item for item in told if "status" in item or "done" in item]
        if known:
            yield "plan_done", 100.0 * sum(map(_is_done, known)) / len(known)
    task = state.get("current_task")
    share = number(task.get("progress_percentage")) if isinstance(task, Mapping) else None
    if share is not None:
        yield "progress", share


def _is_done(item: Mapping[str, Any]) -> bool:
    return item.get("done") is True or str(item.get("status")).lower() in _DONE


def _spending(state: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name in _BUDGETS:
        budget = opened(state.get(name))
        inner = budget if isinstance(budget, Mapping) else {}
        spent = number(inner.get("spent_usd", inner.get("spent")))
        if spent is not None:
            yield "spent_usd", spent
    spent = number(state.get("budget_spent_usd"))
    if spent is not None:
        yield "spent_usd", spent


def _dreamos(state: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    mailbox = state.get("mailbox")
    waiting = number(mailbox.get("pending_count")) if isinstance(mailbox, Mapping) else None
    if waiting is not None:
        yield "mailbox", waiting
    context = state.get("operational_context")
    decisions = context.get("decisions") if isinstance(context, Mapping) else None
    if isinstance(decisions, (list, tuple)):
        yield "decisions", float(len(decisions))


def _top_level(state: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in list(state.items())[:MOST_FIELDS]:
        told = number(value)
        if told is not None and _is_measure(name):
            yield name, told


def _is_measure(name: Any) -> bool:
    if not isinstance(name, str) or len(name) > _NAME_LENGTH or name in _OURS:
        return False
    if name.startswith(("_", "branch:")):
        return False
    lower = name.lower()
    known_elsewhere = lower == "budget_spent_usd"
    return not (known_elsewhere or lower in _NO_MEASURE or lower.endswith(_NO_MEASURE_ENDS))
