"""Changes of a state that is about to be forked, as far as Kaizen could still load it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from checkpoints.connectors.inert import decode_json
from checkpoints.connectors.kaizen.bodies import MAX_BYTES
from checkpoints.errors import CorruptCheckpoint, PlanRefused
from checkpoints.plans import Edit
from checkpoints.stores.edits import edited, path_text

_GIVEN = frozenset({"checkpoint_id", "agent_id", "timestamp", "parent_checkpoint_id"})
_STATUSES = ("running", "completed", "failed", "interrupted")
_KINDS: Mapping[str, tuple[type, ...]] = {
    "model": (str,),
    "updated_at": (str, type(None)),
    "step_number": (int,),
    "conversation_history": (list,),
    "memory_contents": (dict,),
    "pending_actions": (list,),
    "completed_actions": (list,),
    "budget_spent_usd": (int, float),
    "approval_history": (list,),
    "tool_usage_counts": (dict,),
    "tool_results_cache": (dict,),
    "active_specialists": (list,),
    "specialist_invocations": (list,),
    "workflow_run_id": (str, type(None)),
    "workflow_state": (dict,),
    "control_protocol_state": (dict,),
    "registered_hooks": (list,),
    "hook_event_history": (list,),
    "status": (str,),
    "metadata": (dict,),
}


def edited_state(state: Mapping[str, Any], edits: Sequence[Edit]) -> dict[str, Any]:
    """Return a state with changes made in their order. Raises PlanRefused."""
    for edit in edits:
        _require_editable(state, edit)
    changed = edited(state, edits)
    for edit in edits:
        _require_kind(changed, edit)
    return changed


def require_writable(state: Mapping[str, Any]) -> None:
    """Raise PlanRefused for a state that Kaizen's JSON cannot hold or that cannot be read again."""
    try:
        content = json.dumps(state, allow_nan=False).encode()
        decode_json(content)
    except (TypeError, ValueError, RecursionError, CorruptCheckpoint) as error:
        raise PlanRefused(
            f"the edited state cannot be kept as JSON: {error}; nothing was written"
        ) from error
    if len(content) > MAX_BYTES:
        raise PlanRefused(
            f"the edited state takes more than {MAX_BYTES:,} bytes; nothing was written"
        )


def _require_editable(state: Mapping[str, Any], edit: Edit) -> None:
    field = edit.path[0] if edit.path else None
    if field is not None and field not in state:
        raise _refused(
            edit, "this agent's states have no such field, and Kaizen would not load one with it"
        )
    if field in _GIVEN:
        raise _refused(edit, f"a fork gets a {field} of its own")
    if edit.remove and len(edit.path) == 1:
        raise _refused(edit, "Kaizen needs the field; empty it instead")


def _require_kind(state: Mapping[str, Any], edit: Edit) -> None:
    field, value = str(edit.path[0]), state[str(edit.path[0])]
    if field == "status" and value not in _STATUSES:
        raise _refused(edit, f"Kaizen's status is one of: {', '.join(_STATUSES)}")
    kinds = _KINDS.get(field)
    if kinds and (not isinstance(value, kinds) or isinstance(value, bool)):
        raise _refused(edit, f"Kaizen's {field} is a {_words(kinds)}")


def _words(kinds: tuple[type, ...]) -> str:
    names = {str: "text", int: "number", float: "number", list: "list", dict: "map"}
    return " or ".join(dict.fromkeys(names.get(kind, "null") for kind in kinds))


def _refused(edit: Edit, why: str) -> PlanRefused:
    return PlanRefused(
        f"the edit at {path_text(edit.path)} cannot be made: {why}; nothing was written"
    )
