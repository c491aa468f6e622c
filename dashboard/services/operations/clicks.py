"""One click, one operation: whoever asks, however often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

import checkpoints
from dashboard import queue
from dashboard.models import Operation, OperationKind, OperationLog, Thread, User
from dashboard.services import audit
from dashboard.services.operations.errors import OperationRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """Who asked, why, and the key by which a second click is the same request."""

    user: User
    reason: str
    idempotency_key: str
    now: datetime


def asked_before(
    click: Click, target_id: str, *, thread: Thread, undo_of: Operation | None = None
) -> Operation | None:
    """Return the operation that the first of several equal clicks made.

    Raises OperationRefused when that click asked for something else.
    """
    operation = Operation.objects.filter(
        requested_by=click.user, idempotency_key=click.idempotency_key
    ).first()
    if operation is None:
        return None
    first = (operation.target_id, operation.thread_id, operation.undo_of_id)
    if first != (target_id, thread.pk, undo_of.pk if undo_of else None):
        raise OperationRefused(
            f"This confirmation was already used for operation {operation.pk}; "
            "nothing more was asked for. Open the preview again."
        )
    return operation


def require_reason(click: Click) -> None:
    """Raise OperationRefused when nobody has said why."""
    if not click.reason:
        raise OperationRefused("Say why: a reason is required. Nothing was asked for.")


def create(
    click: Click,
    *,
    thread: Thread,
    plan: checkpoints.RestorePlan,
    target_id: str,
    follow_live: bool = False,
    undo_of: Operation | None = None,
) -> Operation:
    """Create the operation and send its hint once that is committed.

    Raises OperationRefused when ``undo_of`` is being undone already.
    """
    try:
        with transaction.atomic():
            operation = Operation.objects.create(
                kind=OperationKind.RESTORE,
                source=thread.agent.source,
                thread=thread,
                target_id=target_id,
                previous_head_id=plan.expected_head or "",
                requested_by=click.user,
                reason=click.reason,
                plan=plan.to_dict(),
                plan_hash=plan.digest(),
                follow_live=follow_live,
                idempotency_key=click.idempotency_key,
                undo_of=undo_of,
                created_at=click.now,
                hinted_at=click.now,
            )
            _announce(operation, click)
    except IntegrityError:
        return _winner(click, target_id, thread=thread, undo_of=undo_of)
    return operation


def _announce(operation: Operation, click: Click) -> None:
    what = "Undo" if operation.undo_of_id else "Restore"
    message = f"{what} asked for by {click.user.get_username()}: {click.reason}"
    OperationLog.objects.create(operation=operation, at=click.now, message=message)
    audit.record(
        user=click.user,
        action="operation.requested",
        target=str(operation.pk),
        details={"target": operation.target_id, "reason": click.reason},
        now=click.now,
    )
    queue.enqueue_operation(operation.pk)


def _winner(
    click: Click, target_id: str, *, thread: Thread, undo_of: Operation | None
) -> Operation:
    """Return what the other of two simultaneous clicks made."""
    operation = asked_before(click, target_id, thread=thread, undo_of=undo_of)
    if operation is None:
        raise OperationRefused("An undo of this operation is already under way.")
    return operation
