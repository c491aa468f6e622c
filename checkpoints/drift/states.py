"""States that no longer look like the ones before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from checkpoints.drift.reports import Sign

MIN_STATES = 3
"""States before the last one without which a missing or changed field says nothing."""


def state_signs(states: Sequence[Mapping[str, Any]]) -> Iterator[Sign]:
    """Yield a sign for each field of the last state that was emptied, lost or changed its type.

    ``states`` come oldest first.
    """
    if len(states) < 2:
        return
    *before, last = states
    for name, value in before[-1].items():
        if name in last and _filled(value) and _emptied(last[name]):
            yield Sign(kind="emptied", evidence=f"{name} was filled and is empty now")
    if len(before) >= MIN_STATES:
        yield from _schema_signs(before, last)


def _schema_signs(before: Sequence[Mapping[str, Any]], last: Mapping[str, Any]) -> Iterator[Sign]:
    steady = set(before[0]).intersection(*before[1:])
    for name in sorted(steady, key=str):
        types = {_shape(state[name]) for state in before}
        if name not in last:
            yield Sign(kind="schema", evidence=f"{name} is missing, it was always there")
        elif len(types) == 1 and _shape(last[name]) not in types | {"nothing"}:
            evidence = f"{name} was always {types.pop()} and is {_shape(last[name])} now"
            yield Sign(kind="schema", evidence=evidence)


def _filled(value: Any) -> bool:
    return isinstance(value, (Mapping, list, tuple, set, str)) and len(value) > 0


def _emptied(value: Any) -> bool:
    return value is None or (isinstance(value, (Mapping, list, tuple, set, str)) and not value)


def _shape(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, (list, tuple)) else f"a {type(value).__name__}"
