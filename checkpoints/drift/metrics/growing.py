"""Which metrics add up within a thread, and so begin anew in another."""

from __future__ import annotations

from typing import Final

_GROWING: Final = frozenset(
    {
        "completed_actions",
        "conversation_length",
        "decisions",
        "memory_items",
        "pending_actions",
        "plan_done",
        "progress",
        "spent_usd",
        "state_size",
        "stored_size",
    }
)
_PREFIXES = ("total_", "cumulative_")
_SUFFIXES = ("_count", "_length", "_size", "_so_far", "_spent", "_total", "_used")


def grows(metric: str) -> bool:
    """Return whether a metric's name says that it is about a thread's past as a whole.

    Sizes, lengths and sums so far are; the tokens or the cost of one step are not. Only how such
    a number changes within its thread can be compared with another thread.
    """
    return metric in _GROWING or metric.startswith(_PREFIXES) or metric.endswith(_SUFFIXES)
