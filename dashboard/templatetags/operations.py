"""How operations are named in lists and on their pages."""

from __future__ import annotations

from typing import Any

from django import template

register = template.Library()

_TITLES = {
    "edit_fork": "Edited fork of",
    "verify": "Verification of",
    "erase": "Erasure in",
}
_VERBS = {
    "edit_fork": "Fork with these edits",
    "fork": "Begin the new thread",
    "prune": "Move to the trash:",
    "verify": "Read it through",
    "erase": "Erase for good:",
    "sweep": "Delete for good:",
}
_UNDONE = {"restore": "a restore", "prune": "a prune", "undo": "an undo"}


@register.filter
def title_of(operation: Any) -> str:
    """Return what an operation is and what it acts on: ``Prune of crawler-7``."""
    if operation.kind == "undo":
        first = operation.undo_of.kind if operation.undo_of else ""
        return f"Undo of {_UNDONE.get(first, 'an operation')} of {operation.about}"
    what = _TITLES.get(operation.kind) or f"{operation.get_kind_display()} of"
    return f"{what} {operation.about}"


@register.filter
def verb_of(operation: Any) -> str:
    """Return what the button does that confirms an operation."""
    return _VERBS.get(operation.kind) or str(operation.get_kind_display())


@register.filter
def scope_words(scope: str) -> str:
    """Return whose checkpoints an erasure is about, as its row names them, in plain words."""
    return scope.replace("_id ", " ")


@register.filter
def outcome_words(state: str) -> str:
    """Return the first words of the sentence that says how an operation ended or stands."""
    return _OUTCOMES.get(state, "")


_OUTCOMES = {
    "superseded": "Overwritten by a live run.",
    "partial": "Done in part.",
    "undone": "Undone.",
    "refused_stale": "Refused; nothing was touched.",
    "failed": "Failed.",
    "needs_attention": "Needs attention.",
    "cancelled": "Cancelled.",
}
