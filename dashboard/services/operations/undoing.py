"""Undoing: a restore by restoring the head that it left, a prune by emptying its trash again."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

import checkpoints
from dashboard import access
from dashboard.models import Operation, OperationKind, OperationState, User
from dashboard.models.operations import NOT_WHOLLY_UNDONE
from dashboard.services.operations import clicks
from dashboard.services.operations.clicks import Click, Wish
from dashboard.services.operations.confirming import find_operation
from dashboard.services.operations.drafts import batches_plan
from dashboard.services.operations.errors import OperationRefused, PlanMismatch, PlanStale
from dashboard.services.operations.lines import stands_on
from dashboard.services.operations.opening import open_restorable, plan_restore
from dashboard.services.operations.plans import Plan

UNDOABLE = (OperationState.SUCCEEDED, OperationState.PARTIAL)
RESTORING = (OperationKind.RESTORE, OperationKind.UNDO)
NOT_UNDONE = {
    OperationKind.FORK: "A fork changes no thread that was there; erase the new one instead.",
    OperationKind.EDIT_FORK: "A fork changes no thread that was there; erase the new one instead.",
    OperationKind.VERIFY: "A verification changes nothing, so there is nothing to undo.",
    OperationKind.ERASE: "What was erased is gone for good; an erasure cannot be undone.",
    OperationKind.SWEEP: "What was swept is gone for good; a sweep cannot be undone.",
}


def request_undo(
    *,
    user: User,
    operation_id: UUID,
    reason: str,
    idempotency_key: str,
    now: datetime,
    plan_hash: str = "",
) -> Operation:
    """Ask for what an operation did to be taken back; by the plan with this hash, if one is given.

    Raises Operation.DoesNotExist, or OperationRefused.
    """
    first = find_operation(user=user, operation_id=operation_id)
    access.require(user, "operate", first.source.project)
    click = Click(user=user, reason=reason.strip(), idempotency_key=idempotency_key, now=now)
    wish = Wish(
        kind=OperationKind.UNDO,
        source=first.source,
        agent=first.agent,
        thread=first.thread,
        target_id=first.previous_head_id,
        undo_of=first,
    )
    if (asked := clicks.asked_before(click, wish)) is not None:
        return asked
    clicks.require_reason(click)
    return _ask(click, wish, first, plan_hash)


def preview_undo(*, user: User, operation_id: UUID) -> Plan:
    """Return what an undo would do to the store as it is now; nothing is kept of it.

    Raises Operation.DoesNotExist, or OperationRefused.
    """
    first = find_operation(user=user, operation_id=operation_id)
    access.require(user, "operate", first.source.project)
    return _plan(first)


def why_not_undo(first: Operation) -> str:
    """Return why an operation cannot be undone, as far as its row knows; empty when it can."""
    if first.kind in NOT_UNDONE:
        return NOT_UNDONE[OperationKind(first.kind)]
    if first.undos.exclude(state__in=NOT_WHOLLY_UNDONE).exists():
        return "An undo of this operation is already under way."
    if first.state not in UNDOABLE:
        return f"Only what succeeded can be undone; this is {first.get_state_display()}."
    if first.kind == OperationKind.UNDO and _undoes_prune(first):
        return "It brought back what was pruned; prune it again instead."
    if first.kind in RESTORING and not first.previous_head_id:
        return "The thread had no head before, so there is none to go back to."
    if first.kind == OperationKind.PRUNE and first.batches.filter(purged_at=None).count() == 0:
        return "What it pruned was swept since and is gone for good."
    return ""


def _undoes_prune(first: Operation) -> bool:
    return first.undo_of is not None and first.undo_of.kind == OperationKind.PRUNE


def _ask(click: Click, wish: Wish, first: Operation, plan_hash: str) -> Operation:
    plan = _plan(first)
    if plan_hash and plan.digest() != plan_hash:
        raise PlanMismatch(
            "What the undo would do is not what its preview showed; nothing was asked for. Make "
            "the preview again."
        )
    more = {}
    if isinstance(plan, checkpoints.RestorePlan):
        more["previous_head_id"] = plan.expected_head or ""
    with transaction.atomic():
        asked = clicks.create(click, wish, plan, follow_live=True, **more)
        Operation.objects.filter(pk=first.pk, state__in=UNDOABLE).update(
            state=OperationState.UNDOING, state_before_undo=first.state
        )
    return asked


def _plan(first: Operation) -> Plan:
    if why_not := why_not_undo(first):
        raise OperationRefused(why_not)
    if first.kind != OperationKind.PRUNE:
        return _undo_plan(first)
    left = first.batches.filter(purged_at=None, returned_at=None)
    return batches_plan(left.select_related("thread__agent").order_by("pk"))


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
