"""What follows from the end of an operation."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from dashboard import queue
from dashboard.models import Operation, OperationState
from dashboard.services import audit
from dashboard.services.operations import claims
from dashboard.services.operations.claims import Claim
from dashboard.services.operations.work import Ending


def end(claim: Claim, ending: Ending, now: datetime) -> None:
    """Write the ending, all that follows from it, and let the thread's next operation start.

    Raises FenceLost, and then none of it is written.
    """
    operation = claim.operation
    with transaction.atomic():
        claims.finish(
            claim, state=ending.state, message=ending.message, result=ending.result, now=now
        )
        if ending.state is OperationState.SUCCEEDED and operation.undo_of_id is not None:
            Operation.objects.filter(pk=operation.undo_of_id).update(state=OperationState.UNDONE)
        audit.record(
            user=operation.requested_by,
            actor=claim.worker,
            action=f"operation.{ending.state.value}",
            target=str(operation.pk),
            details={"message": ending.message, "attempts": operation.attempts},
            now=now,
        )
        _start_next(operation)


def _start_next(operation: Operation) -> None:
    waiting = Operation.objects.filter(
        thread_id=operation.thread_id, state=OperationState.QUEUED
    ).order_by("created_at")
    following = waiting.first()
    if following is not None:
        queue.enqueue_operation(following.pk)
