"""Changes of a workflow's state that is about to be forked.

The framework unpickles what a checkpoint marks as pickled, so nothing that an operator types may
become such a mark, and what is pickled can only be carried along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from checkpoints.connectors.documents.decoding import PICKLED, TYPE
from checkpoints.errors import PlanRefused
from checkpoints.plans import Edit
from checkpoints.stores.edits import edited, path_text

_RESERVED = frozenset({PICKLED, TYPE})
_STATE = "state"


def edited_document(document: dict[str, Any], edits: Sequence[Edit]) -> dict[str, Any]:
    """Return a checkpoint with changes made in its state, in their order. Raises PlanRefused."""
    changed = document
    for edit in edits:
        _require_plain(changed, edit)
        changed = {**changed, _STATE: edited({_STATE: changed.get(_STATE)}, (edit,))[_STATE]}
    return changed


def _require_plain(document: Mapping[str, Any], edit: Edit) -> None:
    if len(edit.path) < 2 or edit.path[0] != _STATE:
        raise _refused(
            edit,
            "only what is in the workflow's state can be changed; messages and requests hold "
            "objects that only the framework can build",
        )
    if any(part in _RESERVED for part in edit.path) or _is_reserved(edit.value):
        raise _refused(edit, "the framework would unpickle what is called so")
    value: Any = document
    for part in edit.path:
        value = _part(value, part)
        if isinstance(value, dict) and PICKLED in value:
            raise _refused(edit, "it holds an object that only the framework can build")


def _part(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    fits = isinstance(value, list) and type(part) is int and 0 <= part < len(value)
    return value[part] if fits else None


def _is_reserved(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(k in _RESERVED or _is_reserved(item) for k, item in value.items())
    return isinstance(value, (list, tuple)) and any(_is_reserved(item) for item in value)


def _refused(edit: Edit, why: str) -> PlanRefused:
    return PlanRefused(
        f"the edit at {path_text(edit.path)} cannot be made: {why}; nothing was written"
    )
