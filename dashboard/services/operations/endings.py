"""What follows from the end of an operation."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F, Q

from dashboard import queue
from dashboard.models import Operation, OperationState
from dashboard.services import audit
from dashboard.services.operations import claims
from dashboard.services.operations.claims import Claim
from dashboard.services.operations.work import Ending
from dashboard.services.telling import tell_operation

STARTED_AT_ONCE = 3


def end(claim: Claim, ending: Ending, now: datetime) -> None:
    """Write the ending, all that follows from it, and let the thread's next operation start.

    Raises FenceLost, and then none of it is written.
    """
    operation = claim.operation
    with transaction.atomic():
        claims.finish(
            claim, state=ending.state, message=ending.message, result=ending.result, now=now
        )
        settle_undone(operation, ending.state)
        tell_operation(operation, ending.state, now)
        audit.record(
            user=operation.requested_by,
            actor=claim.worker,
            action=f"operation.{ending.state.value}",
            target=str(operation.pk),
            details={
                "kind": operation.kind,
                "about": operation.about,
                "message": ending.message,
                "attempts": operation.attempts,
                **_receipt(ending),
            },
            project=operation.source.project,
            now=now,
        )
        _start_next(operation)


def _receipt(ending: Ending) -> dict[str, str]:
    """Return the digest of an erasure's receipt: the log keeps it longer than the source."""
    receipt = ending.result.get("receipt")
    return {"receipt_sha256": receipt["sha256"]} if receipt else {}


def settle_undone(undo: Operation, ended_as: str) -> None:
    """Let what an undo was to take back be undone, or be again as it was."""
    if undo.undo_of_id is None or ended_as == OperationState.NEEDS_ATTENTION:
        return
    first = Operation.objects.filter(pk=undo.undo_of_id, state=OperationState.UNDOING)
    if ended_as == OperationState.SUCCEEDED:
        first.update(state=OperationState.UNDONE)
    else:
        first.update(state=F("state_before_undo"))


def _start_next(operation: Operation) -> None:
    """Send the hints of what may have waited for this one's threads."""
    waiting = Operation.objects.filter(source=operation.source_id, state=OperationState.QUEUED)
    if operation.thread_id is not None:
        waiting = waiting.filter(Q(thread=operation.thread_id) | Q(thread=None))
    for following in waiting.order_by("created_at").only("pk")[:STARTED_AT_ONCE]:
        queue.enqueue_operation(following.pk)
