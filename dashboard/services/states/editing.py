"""Values that are about to be edited: what is there now, and what the edited state would be."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import checkpoints
import checkpoints.diffs
from checkpoints.stores.edits import edited
from dashboard.models import User
from dashboard.selectors.checkpoints import find_checkpoint
from dashboard.services.states.loading import load_state
from dashboard.services.states.nodes import Path
from dashboard.services.states.pages import value_at
from dashboard.services.states.places import Places

LONGEST_VALUE = 100_000
"""Characters of JSON up to which a value can be edited in a form."""
TOO_LONG = "This value is too long to be edited here; edit a part of it, or use the command line."
_INTEGERS = range(-(2**63), 2**63)
_UNKEPT = re.compile(r"[\x00\ud800-\udfff]")
NOT_JSON = "JSON cannot hold this value as it is; what is typed here takes its place."


@dataclass(frozen=True, slots=True, kw_only=True)
class EditableValue:
    """The value at a path as JSON. ``note`` says why it is left empty."""

    path: Path
    text: str
    note: str = ""


def editable_value(*, user: User, checkpoint_pk: int, places: Places) -> EditableValue:
    """Return the value at ``places`` for a form. Raises what ``state_page`` raises."""
    row = find_checkpoint(user=user, checkpoint_pk=checkpoint_pk)
    path, value = value_at(load_state(row), places)
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=_indent(value))
    except (TypeError, ValueError, RecursionError):
        return EditableValue(path=path, text="", note=NOT_JSON)
    if len(text) > LONGEST_VALUE:
        return EditableValue(path=path, text="", note=TOO_LONG)
    return EditableValue(path=path, text=text)


def edited_changes(
    *, user: User, checkpoint_pk: int, edits: Sequence[checkpoints.Edit]
) -> tuple[checkpoints.diffs.Change, ...]:
    """Return what edits change in a state as it is shown; nothing is written.

    Raises CheckpointError, also where the edits make no sense in it.
    """
    row = find_checkpoint(user=user, checkpoint_pk=checkpoint_pk)
    before = load_state(row)
    return tuple(checkpoints.diffs.diff_states(before, edited(before, edits)))


def why_not_kept(value: Any) -> str:
    """Return why some store or database cannot keep a JSON value, empty when all can."""
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            pending += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            pending += one
        elif isinstance(one, str) and _UNKEPT.search(one):
            return "It holds a NUL or half of a surrogate pair, which databases do not keep."
        elif isinstance(one, int) and one not in _INTEGERS:
            return "It holds a whole number of more than 64 bits; write it as text."
    return ""


def _indent(value: Any) -> int | None:
    return 2 if isinstance(value, (dict, list)) else None
