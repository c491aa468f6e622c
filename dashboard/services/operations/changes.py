"""Changing one's mind about an operation: cancel and retry."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from dashboard import access, queue
from dashboard.models import Operation, OperationState, ThreadLock, User
from dashboard.models.operations import OPEN_STATES
from dashboard.services.notifications import settle
from dashboard.services.operations import clicks
from dashboard.services.operations.confirming import askers, find_operation, note, require_rights
from dashboard.services.operations.endings import settle_undone
from dashboard.services.operations.errors import OperationRefused, SecondPersonNeeded, WrongState

UNBEGUN = (OperationState.DRAFT, OperationState.PENDING_APPROVAL, OperationState.QUEUED)
RETRIABLE = (OperationState.FAILED, OperationState.NEEDS_ATTENTION)


def cancel(*, user: User, operation_id: UUID, now: datetime) -> Operation:
    """Cancel what waits; ask what runs to stop before its next step; close what was given up.

    Raises Operation.DoesNotExist, or OperationRefused when it has already ended.
    """
    operation = find_operation(user=user, operation_id=operation_id)
    access.require(user, "operate", operation.source.project)
    with transaction.atomic():
        if _cancel_unbegun(operation, now):
            message = "Cancelled before it began."
        elif _ask_to_stop(operation):
            message = "Asked to stop before its next step."
        elif _close(operation, user, now):
            message = "Closed. What its steps did stays as it is."
        else:
            raise WrongState(f"It has ended: {operation.get_state_display()}.")
        note(operation, user, "operation.cancel", message, now)
    operation.refresh_from_db()
    return operation


def retry(*, user: User, operation_id: UUID, now: datetime) -> Operation:
    """Let a failed operation go on from where it came to.

    Raises Operation.DoesNotExist, or OperationRefused when it has not failed, or needs a second
    person whom its project did not ask for before.
    """
    operation = find_operation(user=user, operation_id=operation_id)
    require_rights(user, operation.kind, operation.source.project, now)
    if why_not := why_not_retry(user, operation):
        raise SecondPersonNeeded(f"{why_not} Nothing was changed.")
    try:
        with transaction.atomic():
            _requeue(operation, user, now)
            note(operation, user, "operation.retry", "Asked for again.", now)
            queue.enqueue_operation(operation.pk)
    except IntegrityError:
        raise OperationRefused("Another undo of the same operation is under way.") from None
    operation.refresh_from_db()
    return operation


def why_not_retry(user: User, operation: Operation) -> str:
    """Return why this person cannot retry it: it was never approved and now has to be."""
    if not _lacks_approval(operation) or user.pk not in askers(operation):
        return ""
    return "Its project asks for a second person by now; let one retry it."


def _lacks_approval(operation: Operation) -> bool:
    needed = clicks.needs_approval(operation.kind, operation.source)
    return needed and operation.approved_by_id is None


def _cancel_unbegun(operation: Operation, now: datetime) -> bool:
    """Cancel an operation that has no journal yet, and so cannot have touched its store.

    Its row is locked first: nobody can claim it and write a journal between the two looks.
    """
    row = Operation.objects.filter(pk=operation.pk, state__in=UNBEGUN)
    row.select_for_update().values_list("pk").first()
    if operation.steps.exists() or not row.update(
        state=OperationState.CANCELLED,
        reason=operation.reason or "Never confirmed.",
        finished_at=now,
        message="Cancelled before it began. Nothing was changed.",
    ):
        return False
    ThreadLock.objects.filter(operation=operation).delete()
    settle_undone(operation, OperationState.CANCELLED)
    return True


def _close(operation: Operation, user: User, now: datetime) -> bool:
    """End what needs attention and will not be retried, so that nothing waits for it."""
    row = Operation.objects.filter(pk=operation.pk, state=OperationState.NEEDS_ATTENTION)
    if not row.update(
        state=OperationState.FAILED,
        finished_at=now,
        message=f"Closed by {user.get_username()}. What its steps did stays as it is. "
        f"{operation.message}",
        seen_by=user,
        seen_at=now,
    ):
        return False
    ThreadLock.objects.filter(operation=operation).delete()
    settle_undone(operation, OperationState.FAILED)
    return True


def _ask_to_stop(operation: Operation) -> bool:
    row = Operation.objects.filter(pk=operation.pk, state__in=OPEN_STATES)
    return bool(row.update(cancel_requested=True))


def _requeue(operation: Operation, user: User, now: datetime) -> None:
    """Let it wait again; a second person who retries what was never approved approves it."""
    approval: dict[str, Any] = {}
    if _lacks_approval(operation):
        approval = {"approval_required": True, "approved_by": user, "approved_at": now}
    if not Operation.objects.filter(pk=operation.pk, state__in=RETRIABLE).update(
        state=OperationState.QUEUED,
        attempts=0,
        cancel_requested=False,
        finished_at=None,
        message="",
        hinted_at=now,
        **approval,
    ):
        raise WrongState(
            f"Only what failed can be retried; this is {operation.get_state_display()}."
        )
    if operation.undo_of_id is not None:
        first = Operation.objects.filter(pk=operation.undo_of_id, state=F("state_before_undo"))
        first.update(state=OperationState.UNDOING)


def acknowledge(*, user: User, operation_id: UUID, now: datetime) -> Operation:
    """Note that somebody has seen what an operation came to, so that it calls nobody any more.

    Raises Operation.DoesNotExist, or OperationRefused for one that is not over.
    """
    operation = find_operation(user=user, operation_id=operation_id)
    access.require(user, "operate", operation.source.project)
    if operation.finished_at is None:
        raise WrongState("It is not over yet; there is nothing to acknowledge.")
    with transaction.atomic():
        unseen = Operation.objects.filter(pk=operation.pk, seen_at=None)
        if unseen.update(seen_at=now, seen_by=user):
            settle(f"operation-{operation.pk}", now=now)
            note(operation, user, "operation.acknowledged", "Seen.", now)
    operation.refresh_from_db()
    return operation
