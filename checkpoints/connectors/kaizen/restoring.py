"""Writing a restore: a copy of an earlier state as the agent's newest file."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from checkpoints.connectors import marks
from checkpoints.connectors.documents.publishing import (
    discard,
    locked,
    look_of,
    publish,
    temporary_name,
)
from checkpoints.connectors.kaizen import threads
from checkpoints.connectors.kaizen.bodies import Line
from checkpoints.connectors.kaizen.catalog import Catalog
from checkpoints.connectors.kaizen.names import LOADED_INSTEAD, NEVER_LOADED, Layout
from checkpoints.connectors.kaizen.states import Saved
from checkpoints.errors import CorruptCheckpoint, HeadMoved, PlanRefused
from checkpoints.records import Directive, RestorePlan, RestoreTarget

_GZIP_LEVEL = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A restore to be carried out."""

    plan: RestorePlan
    written_id: str
    operation_id: str
    reason: str
    now: datetime
    directive: Directive | None


def restore(catalog: Catalog, order: Order) -> str:
    """Carry out a restore, or find that it was done already; return the id of the copy."""
    where = _find(catalog, order.plan.expected_head or "")
    with locked(catalog.folder, where.entry.subfolder if where else "") as directory:
        lineage = _lineage(catalog, order)
        done = next((saved for saved in lineage if _is_of(saved, order)), None)
        if done:
            discard(directory, temporary_name(done.entry.name))
            return done.record.id
        head = _required_head(lineage, order)
        _origin, line = required_line(catalog, order.plan.targets[0])
        name, state = file_name(head, order.written_id, order.now), _copied(line, order)
        content = encoded(catalog, state, like=head)
        publish(directory, name, content, look_of(directory, head.entry.name))
        return order.written_id


def _is_of(saved: Saved, order: Order) -> bool:
    return saved.record.metadata.get(marks.OPERATION) == order.operation_id


def _find(catalog: Catalog, checkpoint_id: str) -> Saved | None:
    return next((s for s in catalog.saved() if s.record.id == checkpoint_id), None)


def _lineage(catalog: Catalog, order: Order) -> list[Saved]:
    agent = order.plan.agent_id
    return [saved for saved in catalog.saved() if saved.record.agent_id == agent]


def _required_head(lineage: list[Saved], order: Order) -> Saved:
    plan = order.plan
    head = threads.head_of(lineage)
    actual = head.record.id if head else None
    if head is None or actual != plan.expected_head:
        raise HeadMoved(
            f"the head of {plan.agent_id} is {actual}, not {plan.expected_head}: the agent saved "
            "since the plan was made; nothing was changed",
            expected=plan.expected_head,
            actual=actual,
        )
    if head.record.created_at >= order.now:
        raise PlanRefused(
            f"the clock is wrong: {head.entry.place} is dated {head.record.created_at}, which is "
            "not before now; nothing was changed"
        )
    return head


def required_line(catalog: Catalog, wanted: RestoreTarget) -> tuple[Saved, Line]:
    """Return what a plan copies. Raises CorruptCheckpoint when it is not what the plan saw."""
    saved = _find(catalog, wanted.checkpoint_id)
    line = catalog.line(saved) if saved and not saved.record.damage else None
    if saved is None or line is None or line.sha256 != wanted.sha256:
        what = "is gone" if saved is None else "is not what it was when the plan was made"
        raise CorruptCheckpoint(
            f"the checkpoint {wanted.checkpoint_id} {what}; nothing was changed",
            checkpoint_id=wanted.checkpoint_id,
        )
    return saved, line


def _copied(line: Line, order: Order) -> dict[str, Any]:
    """Return the state to write. What is added goes into ``metadata``: Kaizen loads no other."""
    line.decode()
    state: dict[str, Any] = json.loads(line.text)
    return state | {
        "checkpoint_id": order.written_id,
        "timestamp": order.now.astimezone(UTC).isoformat(),
        "parent_checkpoint_id": order.plan.targets[0].checkpoint_id,
        "metadata": _metadata(state.get("metadata"), order),
    }


def _metadata(given: Any, order: Order) -> dict[str, Any]:
    return marks.marked(
        given if isinstance(given, dict) else {},
        restored_from=order.plan.targets[0].checkpoint_id,
        operation_id=order.operation_id,
        reason=order.reason,
        directive=order.directive,
    )


def encoded(catalog: Catalog, state: dict[str, Any], *, like: Saved) -> bytes:
    """Return a state as the bytes of a file of the same form as another, under the same key."""
    content = (json.dumps(state) + "\n").encode()
    if like.name.is_encrypted:
        content = catalog.opened(like).seal(content)
    return gzip.compress(content, _GZIP_LEVEL) if like.name.is_gzipped else content


def file_name(like: Saved, written_id: str, now: datetime) -> str:
    """Name a file as the agent names its own, or as Kaizen will find it."""
    suffix = LOADED_INSTEAD if like.name.suffix == NEVER_LOADED else like.name.suffix
    if like.name.layout is Layout.MANY:
        return f"{now.astimezone(UTC):%Y%m%dT%H%M%S%f}{suffix}"
    return f"{written_id}{suffix}"
