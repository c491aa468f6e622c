"""Undoing a restore: another restore, of the head that it left."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import checkpoints
from dashboard import access
from dashboard.models import Operation, OperationState, User
from dashboard.services.operations import clicks
from dashboard.services.operations.clicks import Click
from dashboard.services.operations.errors import OperationRefused, PlanStale
from dashboard.services.operations.lines import stands_on
from dashboard.services.operations.opening import open_restorable, plan_restore

CAME_TO_NOTHING = (
    OperationState.FAILED,
    OperationState.REFUSED_STALE,
    OperationState.CANCELLED,
)


def request_undo(
    *, user: User, operation_id: UUID, reason: str, idempotency_key: str, now: datetime
) -> Operation:
    """Ask for the head that a restore left to be restored.

    Raises Operation.DoesNotExist, or OperationRefused.
    """
    access.require(user, "operate")
    click = Click(user=user, reason=reason.strip(), idempotency_key=idempotency_key, now=now)
    first = Operation.objects.select_related("source", "thread__agent").get(pk=operation_id)
    asked = clicks.asked_before(click, first.previous_head_id, thread=first.thread, undo_of=first)
    if asked is not None:
        return asked
    clicks.require_reason(click)
    _require_undoable(first)
    return clicks.create(
        click,
        thread=first.thread,
        plan=_undo_plan(first),
        target_id=first.previous_head_id,
        follow_live=True,
        undo_of=first,
    )


def _require_undoable(first: Operation) -> None:
    if first.state != OperationState.SUCCEEDED:
        raise OperationRefused(
            f"Only what succeeded can be undone; this is {first.get_state_display()}."
        )
    if not first.previous_head_id:
        raise OperationRefused("The thread had no head before, so there is none to go back to.")
    if first.undos.exclude(state__in=CAME_TO_NOTHING).exists():
        raise OperationRefused("An undo of this operation is already under way.")


def _undo_plan(first: Operation) -> checkpoints.RestorePlan:
    plan = checkpoints.RestorePlan.from_dict(first.plan)
    try:
        with open_restorable(first.source) as store:
            _require_still_followed(store, plan, first)
            return plan_restore(
                store,
                thread_id=plan.thread_id,
                namespace=plan.targets[0].namespace,
                checkpoint_id=first.previous_head_id,
            )
    except checkpoints.CheckpointError as error:
        raise OperationRefused(f"{error}. Nothing was asked for.") from error


def _require_still_followed(
    store: checkpoints.RestorableStore, plan: checkpoints.RestorePlan, first: Operation
) -> None:
    """Raise PlanStale when the head no longer comes from what is to be undone."""
    restored_id = first.result["restored_id"]
    head = store.head(plan.agent_id, plan.thread_id)
    if head is None or not stands_on(store, plan, head.checkpoint_id, restored_id):
        actual = head.checkpoint_id if head else None
        raise PlanStale(
            f"The head no longer follows from this restore: it was {restored_id} "
            f"and is {actual or 'empty'} now. There is nothing left to undo.",
            expected=restored_id,
            actual=actual,
        )
