"""Changing one's mind about an operation: cancel and retry."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from dashboard import access, queue
from dashboard.models import Operation, OperationLog, OperationState, ThreadLock, User
from dashboard.services import audit
from dashboard.services.operations.errors import OperationRefused

RETRIABLE = (OperationState.FAILED, OperationState.NEEDS_ATTENTION)


def cancel(*, user: User, operation_id: UUID, now: datetime) -> Operation:
    """Cancel what waits; ask what runs to stop before its first step.

    Raises Operation.DoesNotExist, or OperationRefused when it has already ended.
    """
    access.require(user, "operate")
    with transaction.atomic():
        operation = Operation.objects.get(pk=operation_id)
        if _cancel_unbegun(operation, now):
            message = "Cancelled before it began."
        elif _ask_to_stop(operation):
            message = "Asked to stop before its first step."
        else:
            raise OperationRefused(f"It has ended: {operation.get_state_display()}.")
        _note(operation, user, "operation.cancel", message, now)
    operation.refresh_from_db()
    return operation


def retry(*, user: User, operation_id: UUID, now: datetime) -> Operation:
    """Let a failed operation go on from where it came to.

    Raises Operation.DoesNotExist, or OperationRefused when it has not failed.
    """
    access.require(user, "operate")
    try:
        with transaction.atomic():
            operation = Operation.objects.get(pk=operation_id)
            _requeue(operation, now)
            _note(operation, user, "operation.retry", "Asked for again.", now)
            queue.enqueue_operation(operation.pk)
    except IntegrityError:
        raise OperationRefused("Another undo of the same operation is under way.") from None
    operation.refresh_from_db()
    return operation


def _cancel_unbegun(operation: Operation, now: datetime) -> bool:
    """Cancel an operation that has no journal yet, and so cannot have touched its store."""
    row = Operation.objects.filter(pk=operation.pk, state=OperationState.QUEUED)
    if operation.steps.exists() or not row.update(
        state=OperationState.CANCELLED,
        finished_at=now,
        message="Cancelled before it began. Nothing was changed.",
    ):
        return False
    ThreadLock.objects.filter(operation=operation).delete()
    return True


def _ask_to_stop(operation: Operation) -> bool:
    unfinished = (OperationState.QUEUED, OperationState.RUNNING)
    row = Operation.objects.filter(pk=operation.pk, state__in=unfinished)
    return bool(row.update(cancel_requested=True))


def _requeue(operation: Operation, now: datetime) -> None:
    if not Operation.objects.filter(pk=operation.pk, state__in=RETRIABLE).update(
        state=OperationState.QUEUED,
        attempts=0,
        cancel_requested=False,
        finished_at=None,
        message="",
        hinted_at=now,
    ):
        raise OperationRefused(
            f"Only what failed can be retried; this is {operation.get_state_display()}."
        )


def _note(operation: Operation, user: User, action: str, message: str, now: datetime) -> None:
    OperationLog.objects.create(
        operation=operation, at=now, message=f"{user.get_username()}: {message}"
    )
    audit.record(user=user, action=action, target=str(operation.pk), details={}, now=now)
