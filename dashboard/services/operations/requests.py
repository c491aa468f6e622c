"""Asking for a restore that was previewed."""

from __future__ import annotations

from datetime import datetime

import checkpoints
from dashboard import access
from dashboard.models import Checkpoint, Operation, OperationKind, Thread, User
from dashboard.services import audit
from dashboard.services.operations import clicks
from dashboard.services.operations.clicks import Click, Wish
from dashboard.services.operations.errors import OperationRefused
from dashboard.services.operations.lines import agent_has_gone_on
from dashboard.services.operations.opening import open_restorable
from dashboard.services.operations.previews import find_checkpoint, plan_of
from dashboard.services.operations.seen_plans import Seen, SeenPlan


def request_restore(
    *,
    user: User,
    checkpoint_pk: int,
    plan_token: str,
    reason: str,
    idempotency_key: str,
    now: datetime,
    follow_live: bool = False,
) -> Operation:
    """Ask for the restore that the preview with this token showed.

    With ``follow_live`` a head that has moved on along its own line is no obstacle: what a running
    agent saves until the worker acts becomes part of the branch. Raises Checkpoint.DoesNotExist,
    PlanExpired, PlanStale with both heads, or OperationRefused.
    """
    click = Click(user=user, reason=reason.strip(), idempotency_key=idempotency_key, now=now)
    row = find_checkpoint(checkpoint_pk)
    access.require(user, "operate", row.thread.agent.source.project)
    wish = restore_wish(row)
    if (asked := clicks.asked_before(click, wish)) is not None:
        return asked
    clicks.require_reason(click)
    seen = SeenPlan.from_token(plan_token, Seen(checkpoint_pk=row.pk, user_pk=user.pk))
    try:
        plan = _accepted_plan(row, seen, now=now, follow_live=follow_live)
    except checkpoints.CorruptCheckpoint as error:
        _note_refusal(click, row, error)
        raise OperationRefused(f"{error}. Nothing was asked for.") from error
    except checkpoints.CheckpointError as error:
        raise OperationRefused(f"{error}. Nothing was asked for.") from error
    return clicks.create(
        click, wish, plan, previous_head_id=plan.expected_head or "", follow_live=follow_live
    )


def draft_restore(
    *,
    user: User,
    checkpoint_pk: int,
    idempotency_key: str,
    now: datetime,
    follow_live: bool = False,
) -> Operation:
    """Keep a restore's plan as a draft, to be confirmed by its hash.

    Raises Checkpoint.DoesNotExist, or OperationRefused.
    """
    click = Click(user=user, reason="", idempotency_key=idempotency_key, now=now, draft=True)
    row = find_checkpoint(checkpoint_pk)
    access.require(user, "operate", row.thread.agent.source.project)
    wish = restore_wish(row)
    if (asked := clicks.asked_before(click, wish)) is not None:
        return asked
    try:
        with open_restorable(row.thread.agent.source) as store:
            plan = plan_of(row, store)
    except checkpoints.CheckpointError as error:
        raise OperationRefused(f"{error}. Nothing was asked for.") from error
    return clicks.create(
        click, wish, plan, previous_head_id=plan.expected_head or "", follow_live=follow_live
    )


def restore_wish(row: Checkpoint) -> Wish:
    """Return the wish to have a checkpoint restored."""
    return Wish(
        kind=OperationKind.RESTORE,
        source=row.thread.agent.source,
        thread=row.thread,
        agent=row.thread.agent,
        target_id=row.checkpoint_id,
    )


def _note_refusal(click: Click, row: Checkpoint, error: checkpoints.CorruptCheckpoint) -> None:
    """Keep in the audit log that somebody came upon altered content."""
    audit.record(
        user=click.user,
        action="operation.refused",
        target=row.checkpoint_id,
        details={"message": str(error), "reason": click.reason},
        project=row.thread.agent.source.project,
        now=click.now,
    )


def _accepted_plan(
    row: Checkpoint, seen: SeenPlan, *, now: datetime, follow_live: bool
) -> checkpoints.RestorePlan:
    """Return the live plan if it is the one that was seen, or leads on from it as was accepted."""
    seen.require_fresh(now)
    with open_restorable(row.thread.agent.source) as store:
        plan = plan_of(row, store)
        if not (follow_live and _leads_on(store, plan, seen, row.thread)):
            seen.confirm(plan, now)
    return plan


def _leads_on(
    store: checkpoints.RestorableStore,
    plan: checkpoints.RestorePlan,
    seen: SeenPlan,
    thread: Thread,
) -> bool:
    return seen.differs_in_head_alone(plan) and agent_has_gone_on(
        store, plan, thread=thread, seen_head=seen.expected_head, seen_at=seen.seen_at
    )
