"""Records to decide over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from checkpoints import Checkpoint, Kind, RetentionPolicy
from checkpoints.retention import PrunePlan, plan_prune
from checkpoints.testing import NOON


def record(
    number: int,
    kind: Kind = Kind.ROUTINE,
    *,
    ago: timedelta = timedelta(0),
    size: int | None = None,
) -> Checkpoint:
    return Checkpoint(
        id=f"c{number}",
        agent_id="a",
        thread_id="t",
        step=number,
        created_at=NOON - ago,
        kind=kind,
        stored_size=size,
    )


def plan(records: list[Checkpoint], policy: RetentionPolicy, **values: Any) -> PrunePlan:
    return plan_prune(records, policy, **{"now": NOON, "exempt": {}, **values})


def kept(plan: PrunePlan) -> dict[str, str]:
    return {decision.checkpoint_id: decision.reason for decision in plan.keep}


def removed(plan: PrunePlan) -> dict[str, str]:
    return {decision.checkpoint_id: decision.reason for decision in plan.remove}
