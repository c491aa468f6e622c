"""Asking for a restore."""

from __future__ import annotations

from datetime import datetime

import checkpoints
from dashboard import access
from dashboard.models import Operation, User
from dashboard.services.operations import clicks
from dashboard.services.operations.clicks import Click
from dashboard.services.operations.errors import OperationRefused
from dashboard.services.operations.previews import find_checkpoint, plan_of
from dashboard.services.operations.seen_plans import SeenPlan


def request_restore(
    *,
    user: User,
    checkpoint_pk: int,
    plan_token: str,
    reason: str,
    idempotency_key: str,
    now: datetime,
) -> Operation:
    """Ask for the restore that the preview with this token showed.

    Raises Checkpoint.DoesNotExist, PlanExpired, PlanStale with both heads, or OperationRefused.
    """
    access.require(user, "operate")
    click = Click(user=user, reason=reason.strip(), idempotency_key=idempotency_key, now=now)
    row = find_checkpoint(checkpoint_pk)
    if (asked := clicks.asked_before(click, row.checkpoint_id)) is not None:
        return asked
    clicks.require_reason(click)
    seen = SeenPlan.from_token(plan_token)
    try:
        plan = plan_of(row)
    except checkpoints.CheckpointError as error:
        raise OperationRefused(f"{error}. Nothing was asked for.") from error
    seen.confirm(plan, now)
    return clicks.create(click, thread=row.thread, plan=plan, target_id=row.checkpoint_id)
