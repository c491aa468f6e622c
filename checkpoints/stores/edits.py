"""Changing values within a state, by paths of keys and positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from checkpoints.errors import PlanRefused
from checkpoints.plans import Edit

Path = Sequence[str | int]


def edited(state: Mapping[str, Any], edits: Sequence[Edit]) -> dict[str, Any]:
    """Return a state with edits made in their order; the given one stays as it is.

    A key that is not there yet is added, and so is the position behind a list's last one. Raises
    PlanRefused naming the path where an edit makes no sense.
    """
    changed: Any = dict(state)
    for edit in edits:
        if not edit.path:
            raise _refused((), "an edit names a field of the state, not the whole of it")
        changed = _changed(changed, edit, 0)
    return dict(changed)


def path_text(path: Path) -> str:
    """Return a path as it is written in errors: ``$['plan'][0]``."""
    return "$" + "".join(f"[{part!r}]" for part in path)


def _changed(value: Any, edit: Edit, depth: int) -> Any:
    """Return a value with the edit made in it; only what lies on the path is copied."""
    if isinstance(value, Mapping):
        return _in_mapping(value, edit, depth)
    if isinstance(value, (list, tuple)):
        return type(value)(_in_list(list(value), edit, depth))
    raise _refused(edit.path[:depth], f"a {type(value).__name__} has no parts to edit")


def _in_mapping(value: Mapping[Any, Any], edit: Edit, depth: int) -> dict[Any, Any]:
    key, is_last = edit.path[depth], depth == len(edit.path) - 1
    if key not in value and (edit.remove or not is_last):
        raise _refused(edit.path[: depth + 1], "there is nothing at this path")
    changed = dict(value)
    if not is_last:
        changed[key] = _changed(value[key], edit, depth + 1)
    elif edit.remove:
        del changed[key]
    else:
        changed[key] = edit.value
    return changed


def _in_list(value: list[Any], edit: Edit, depth: int) -> list[Any]:
    position, is_last = edit.path[depth], depth == len(edit.path) - 1
    end = len(value) if is_last and not edit.remove else len(value) - 1
    if type(position) is not int or not 0 <= position <= end:
        raise _refused(edit.path[: depth + 1], f"the list there has {len(value)} items")
    if not is_last:
        value[position] = _changed(value[position], edit, depth + 1)
    elif edit.remove:
        del value[position]
    else:
        value[position : position + 1] = [edit.value]
    return value


def _refused(path: Path, why: str) -> PlanRefused:
    return PlanRefused(f"the edit at {path_text(path)} cannot be made: {why}; nothing was written")
