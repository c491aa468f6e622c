"""The form of a state without what it holds: keys and kinds of values. Pure.

A detector of changed forms finds the same in it as in the state, and nothing of the state's
contents is kept in the index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dashboard.unkept import written_out

MOST_NODES: Final = 400
MOST_KEYS: Final = 100
_DEPTH: Final = 5
_ENDS: Final = 4
"""Elements kept of each end of a list."""
_LONGEST_KEY: Final = 128


def skeleton(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state with every text as ``x``, every number as 0; empty things stay empty."""
    left = [MOST_NODES]
    return {key: _bare(value, 1, left) for key, value in _items(state)}


def _bare(value: Any, depth: int, left: list[int]) -> Any:
    left[0] -= 1
    if isinstance(value, Mapping):
        if depth >= _DEPTH or left[0] <= 0:
            return {}
        return {key: _bare(one, depth + 1, left) for key, one in _items(value)}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_bare(one, depth + 1, left) for one in _ends(list(value), left)]
    return _scalar(value)


def _items(value: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    some = list(value.items())[:MOST_KEYS]
    return [(written_out(str(key)[:_LONGEST_KEY]), one) for key, one in some]


def _ends(value: Sequence[Any], left: list[int]) -> Sequence[Any]:
    if left[0] <= 0:
        return value[:1]
    return value if len(value) <= 2 * _ENDS else [*value[:_ENDS], *value[-_ENDS:]]


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value and False
    if isinstance(value, (int, float)):
        return 0
    return "x" if value else ""
