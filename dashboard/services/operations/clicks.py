"""One click, one operation: whoever asks, however often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from dashboard import queue
from dashboard.models import (
    Agent,
    Operation,
    OperationKind,
    OperationLog,
    OperationState,
    Source,
    Thread,
    User,
)
from dashboard.services import audit
from dashboard.services.operations.errors import KeyReused, OperationRefused, ReasonMissing
from dashboard.services.operations.plans import Plan

PLAN_LIFETIME = timedelta(minutes=15)
"""How long a draft can be confirmed."""
APPROVAL_LIFETIME = timedelta(hours=24)
"""How long a request waits for its second person; the worker checks the store anew in any case."""
NEEDS_NO_APPROVAL = (OperationKind.VERIFY, OperationKind.SWEEP)
NEEDS_ADMIN = (OperationKind.ERASE,)
DESTRUCTIVE = (OperationKind.PRUNE, OperationKind.ERASE, OperationKind.SWEEP)
"""What takes something out of a store: it asks for a login that is recent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """Who asked, why, and the key by which a second click is the same request.

    ``user`` is None for what a schedule or the sweep asks for. A ``draft`` needs no reason yet.
    """

    user: User | None
    reason: str
    idempotency_key: str
    now: datetime
    draft: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for. ``target_id`` says in a word what it is about, such as a checkpoint."""

    kind: OperationKind
    source: Source
    thread: Thread | None = None
    agent: Agent | None = None
    target_id: str = ""
    undo_of: Operation | None = None

    def is_that_of(self, operation: Operation) -> bool:
        """Return whether an operation was asked for by the same wish."""
        return (
            operation.kind,
            operation.source_id,
            operation.thread_id,
            operation.agent_id,
            operation.target_id,
            operation.undo_of_id,
        ) == (
            self.kind,
            self.source.pk,
            self.thread.pk if self.thread else None,
            self.agent.pk if self.agent else None,
            self.target_id,
            self.undo_of.pk if self.undo_of else None,
        )


def asked_before(click: Click, wish: Wish) -> Operation | None:
    """Return the operation that the first of several equal clicks made.

    Raises OperationRefused when that click asked for something else.
    """
    operation = Operation.objects.filter(
        requested_by=click.user, idempotency_key=click.idempotency_key
    ).first()
    if operation is None:
        return None
    if not wish.is_that_of(operation):
        raise KeyReused(
            f"This confirmation was already used for operation {operation.pk}; "
            "nothing more was asked for. Open the preview again."
        )
    return operation


def require_reason(click: Click) -> None:
    """Raise OperationRefused when nobody has said why."""
    if not click.reason:
        raise ReasonMissing("Say why: a reason is required. Nothing was asked for.")


def create(click: Click, wish: Wish, plan: Plan, **more: Any) -> Operation:
    """Create the operation, and send its hint once that is committed and nobody need approve.

    ``more`` are further fields of the row. Raises OperationRefused when what it undoes is being
    undone already.
    """
    try:
        with transaction.atomic():
            operation = Operation.objects.create(
                kind=wish.kind,
                state=_first_state(click, wish),
                source=wish.source,
                agent=wish.agent,
                thread=wish.thread,
                target_id=wish.target_id,
                requested_by=click.user,
                reason=click.reason,
                plan=plan.to_dict(),
                plan_hash=plan.digest(),
                idempotency_key=click.idempotency_key,
                approval_required=needs_approval(wish.kind, wish.source),
                undo_of=wish.undo_of,
                created_at=click.now,
                expires_at=_expires_at(click, wish),
                hinted_at=click.now,
                **more,
            )
            if not click.draft:
                announce(operation, click)
    except IntegrityError:
        return _winner(click, wish)
    return operation


def needs_approval(kind: str, source: Source) -> bool:
    """Return whether a second person must approve this kind of operation on a source."""
    return kind not in NEEDS_NO_APPROVAL and source.project.requires_approval


def announce(operation: Operation, click: Click) -> None:
    """Log and audit a request, and send its hint unless it waits for approval."""
    what = operation.get_kind_display()
    message = f"{what} asked for by {operation.asked_by}: {click.reason}"
    OperationLog.objects.create(operation=operation, at=click.now, message=message)
    audit.record(
        user=click.user,
        action="operation.requested",
        target=str(operation.pk),
        details={
            "kind": operation.kind,
            "about": operation.about,
            "target": operation.target_id,
            "plan_hash": operation.plan_hash,
            "reason": click.reason,
        },
        project=operation.source.project,
        now=click.now,
    )
    if operation.state == OperationState.QUEUED:
        queue.enqueue_operation(operation.pk)


def _first_state(click: Click, wish: Wish) -> OperationState:
    if click.draft:
        return OperationState.DRAFT
    if needs_approval(wish.kind, wish.source):
        return OperationState.PENDING_APPROVAL
    return OperationState.QUEUED


def _expires_at(click: Click, wish: Wish) -> datetime | None:
    if click.draft:
        return click.now + PLAN_LIFETIME
    return click.now + APPROVAL_LIFETIME if needs_approval(wish.kind, wish.source) else None


def _winner(click: Click, wish: Wish) -> Operation:
    """Return what the other of two simultaneous clicks made."""
    operation = asked_before(click, wish)
    if operation is None:
        raise OperationRefused("An undo of this operation is already under way.")
    return operation
