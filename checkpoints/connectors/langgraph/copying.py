"""Orders to copy checkpoints, and what is looked at again before they are carried out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkpoints.bodies.limits import check_json
from checkpoints.connectors.langgraph import bodies
from checkpoints.connectors.langgraph.records import sha256_of
from checkpoints.connectors.langgraph.rows import ROOT, CheckpointRow, Key, LangGraphRows
from checkpoints.errors import CorruptCheckpoint, HeadMoved, PlanRefused
from checkpoints.plans import ForkPlan
from checkpoints.records import Directive, RestorePlan, RestoreTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A restore to be carried out."""

    plan: RestorePlan
    written_ids: tuple[str, ...]
    operation_id: str
    reason: str
    now: datetime
    directive: Directive | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkOrder:
    """A fork to be carried out."""

    plan: ForkPlan
    written_ids: tuple[str, ...]
    operation_id: str
    reason: str
    now: datetime


def metadata_of(row: CheckpointRow) -> dict[str, Any]:
    """Return what the metadata of a row's copy begins with. Raises CorruptCheckpoint."""
    text = row.metadata or b"{}"
    try:
        check_json(text)
        values = json.loads(text)
        step = bodies.step_of(values)
    except (ValueError, AttributeError, RecursionError) as error:
        raise CorruptCheckpoint(
            f"the metadata of {row.key.checkpoint_id} is not a JSON object",
            checkpoint_id=row.key.checkpoint_id,
        ) from error
    return {**values, "source": "fork", "step": step + 1}


def required(rows: LangGraphRows, thread_id: str, target: RestoreTarget) -> CheckpointRow:
    """Return the row that a plan names. Raises CorruptCheckpoint when it is not what it was."""
    row = rows.checkpoint(Key(thread_id, target.namespace, target.checkpoint_id))
    if row is None or sha256_of(row) != target.sha256:
        what = "is gone" if row is None else "is not what it was when the plan was made"
        raise CorruptCheckpoint(
            f"the checkpoint {target.checkpoint_id} {what}; nothing was changed",
            checkpoint_id=target.checkpoint_id,
        )
    return row


def require_head(rows: LangGraphRows, plan: RestorePlan) -> None:
    """Raise HeadMoved when a thread's head is not the plan's."""
    head = rows.head(plan.thread_id)
    actual = head.key.checkpoint_id if head else None
    same = actual == plan.expected_head
    if head and same and plan.expected_head_sha256 not in (None, sha256_of(head)):
        raise HeadMoved(
            f"the head {actual} was written anew since the plan was made; nothing was changed",
            expected=plan.expected_head,
            actual=actual,
        )
    if not same:
        raise HeadMoved(
            f"the head of {plan.thread_id} is {actual}, not {plan.expected_head}: a run wrote "
            "since the plan was made; nothing was changed",
            expected=plan.expected_head,
            actual=actual,
        )


def require_newest(newest: str, plan: RestorePlan, namespace: str, identifier: str) -> None:
    """Raise HeadMoved when a new id would not be the newest of its namespace."""
    if newest >= identifier:
        raise HeadMoved(
            f"{namespace or plan.thread_id} got the checkpoint {newest} since the ids of this "
            "restore were chosen; nothing was changed",
            expected=plan.expected_head,
            actual=newest,
        )


def require_root(row: CheckpointRow) -> None:
    """Raise PlanRefused for a checkpoint of a subgraph, at which no thread can begin."""
    if row.key.namespace != ROOT:
        raise PlanRefused(
            f"{row.key.checkpoint_id} belongs to the subgraph {row.key.namespace!r}; fork at the "
            "checkpoint of the thread that it ran under"
        )
