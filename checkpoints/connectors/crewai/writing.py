"""What a restore or a fork writes: a checkpoint's own state, with a few fields set anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkpoints.connectors import marks
from checkpoints.connectors.crewai.bodies import MAX_BYTES, OURS, Body
from checkpoints.errors import CorruptCheckpoint, PlanRefused
from checkpoints.plans import Edit, ForkPlan
from checkpoints.records import Directive, RestorePlan
from checkpoints.stores.edits import edited, path_text

_OWN = frozenset({"parent_id", "branch", "crewai_version", OURS})
RESTAMPED = _OWN
"""The fields of a state that a restore writes anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOrder:
    """A restore to be carried out."""

    plan: RestorePlan
    written_id: str
    operation_id: str
    reason: str
    now: datetime
    directive: Directive | None

    def body(self, origin: Body) -> bytes:
        """Return the bytes to write. Raises CorruptCheckpoint, PlanRefused."""
        left = marks.marked(
            {},
            restored_from=self.plan.targets[0].checkpoint_id,
            operation_id=self.operation_id,
            reason=self.reason,
            directive=self.directive,
        )
        placed = _placed(self.plan.targets[0].checkpoint_id, self.plan.thread_id)
        return rewritten(origin, (), {**placed, OURS: left})


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkOrder:
    """A fork to be carried out."""

    plan: ForkPlan
    written_id: str
    operation_id: str
    reason: str
    now: datetime

    def body(self, origin: Body) -> bytes:
        """Return the bytes to write. Raises CorruptCheckpoint, PlanRefused."""
        left = marks.forked(
            {},
            checkpoint_id=self.plan.targets[0].checkpoint_id,
            thread_id=self.plan.thread_id,
            operation_id=self.operation_id,
            reason=self.reason,
        )
        placed = _placed(self.plan.targets[0].checkpoint_id, self.plan.new_thread_id)
        return rewritten(origin, self.plan.edits, {**placed, OURS: left})


def edited_fields(origin: Body, edits: Sequence[Edit]) -> dict[str, Any]:
    """Return the top-level fields that edits change, as they become. Raises PlanRefused."""
    if not edits:
        return {}
    for edit in edits:
        _require_editable(edit)
    state = edited(origin.decode(), edits)
    names = dict.fromkeys(str(edit.path[0]) for edit in edits)
    return {name: state[name] for name in names}


def require_written(origin: Body, edits: Sequence[Edit]) -> None:
    """Raise PlanRefused for edits that could not be written."""
    if edits:
        rewritten(origin, edits, {})


def _require_editable(edit: Edit) -> None:
    if not edit.path:
        return
    if edit.path[0] in _OWN:
        raise _refused(edit, "it says where the checkpoint belongs, and a fork gets its own")
    if edit.remove and len(edit.path) == 1:
        raise _refused(edit, "CrewAI may need the field; empty it instead")


def _refused(edit: Edit, why: str) -> PlanRefused:
    return PlanRefused(
        f"the edit at {path_text(edit.path)} cannot be made: {why}; nothing was written"
    )


def _placed(parent_id: str, branch: str) -> dict[str, Any]:
    return {"parent_id": parent_id, "branch": branch}


def rewritten(origin: Body, edits: Sequence[Edit], fields: Mapping[str, Any]) -> bytes:
    """Return a body with edits made and fields set, read once more before anybody else does.

    Raises PlanRefused.
    """
    try:
        data = origin.replaced({**edited_fields(origin, edits), **fields})
        Body(data=data, is_jsonb=origin.is_jsonb).decode()
    except (TypeError, ValueError, RecursionError) as error:
        raise PlanRefused(
            f"the new state cannot be kept as JSON: {error}; nothing was written"
        ) from error
    except CorruptCheckpoint as error:
        raise PlanRefused(f"the new state cannot be kept: {error}; nothing was written") from error
    if len(data) > MAX_BYTES:
        raise PlanRefused(f"the new state takes more than {MAX_BYTES:,} bytes; nothing was written")
    return data
