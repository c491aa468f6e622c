"""From a draft that somebody has looked at to a request: confirmed, and approved where needed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from dashboard import access, queue
from dashboard.models import (
    Operation,
    OperationLog,
    OperationState,
    Project,
    ScheduledPrune,
    User,
)
from dashboard.services import audit
from dashboard.services.operations import clicks
from dashboard.services.operations.clicks import Click
from dashboard.services.operations.errors import (
    NameNotTyped,
    NotYourDraft,
    PlanExpired,
    PlanMismatch,
    SecondPersonNeeded,
    WrongState,
)
from dashboard.services.operations.plans import ErasePlan, PrunePlan, read_plan

ASKED_YOURSELF = "You asked for this yourself; a second person must approve it."
TYPED_ABOVE = 10
"""Removals above which the name of what they are taken from is typed."""


def find_operation(*, user: User, operation_id: UUID) -> Operation:
    """Return an operation that this person may see. Raises Operation.DoesNotExist, Hidden."""
    related = ("source__project", "agent", "thread__agent", "requested_by", "undo_of")
    operation = Operation.objects.select_related(*related).get(pk=operation_id)
    access.require(user, "read", operation.source.project)
    return operation


def require_rights(user: User, kind: str, project: Project, now: datetime) -> None:
    """Raise Forbidden, Hidden or LoginTooOld unless this person may ask for this kind."""
    access.require(user, "admin" if kind in clicks.NEEDS_ADMIN else "operate", project)
    if kind in clicks.DESTRUCTIVE:
        access.require_recent_login(user, now)


def name_to_type(operation: Operation) -> str:
    """Return the name that must be typed to confirm, empty when none need be."""
    plan = read_plan(operation)
    large = isinstance(plan, (PrunePlan, ErasePlan)) and plan.doomed > TYPED_ABOVE
    return operation.about if large else ""


def confirm(
    *,
    user: User,
    operation_id: UUID,
    plan_hash: str,
    reason: str,
    now: datetime,
    typed: str = "",
) -> Operation:
    """Ask for what a draft showed. Confirmed twice it is asked for once.

    Raises Operation.DoesNotExist, PlanExpired, or OperationRefused, also for somebody else's draft,
    another hash than the draft's, no reason, or where a name must be typed, another than that.
    """
    operation = find_operation(user=user, operation_id=operation_id)
    require_rights(user, operation.kind, operation.source.project, now)
    if operation.requested_by_id != user.pk:
        raise NotYourDraft("Only who made this draft can confirm it. Make one of your own.")
    if operation.state != OperationState.DRAFT:
        return operation
    click = Click(user=user, reason=reason.strip(), idempotency_key="", now=now)
    clicks.require_reason(click)
    _require_seen(operation, plan_hash, typed, now)
    return _ask(operation, click)


def askers(operation: Operation) -> set[int]:
    """Return the numbers of those who asked for it, and so cannot be the second person.

    Where the project wants one, of a schedule they are who made it and who let it run.
    """
    if operation.requested_by_id is not None:
        return {operation.requested_by_id}
    if not clicks.needs_approval(operation.kind, operation.source):
        return set()
    runs = ScheduledPrune.objects.filter(operation=operation)
    pairs = runs.values_list("run__asked_by", "run__schedule__created_by")
    return {number for pair in pairs for number in pair if number}


def approve(*, user: User, operation_id: UUID, plan_hash: str, now: datetime) -> Operation:
    """Let a request run that somebody else made.

    Raises Operation.DoesNotExist, PlanExpired, or OperationRefused, also for one's own request.
    """
    operation = find_operation(user=user, operation_id=operation_id)
    require_rights(user, operation.kind, operation.source.project, now)
    if user.pk in askers(operation):
        raise SecondPersonNeeded(f"{ASKED_YOURSELF} Nothing was changed.")
    if operation.plan_hash != plan_hash:
        raise PlanMismatch(
            "This is not the plan that is waiting; nothing was approved. Open it again."
        )
    if operation.expires_at is not None and now > operation.expires_at:
        raise PlanExpired("It has waited for more than a day; ask for it anew.")
    with transaction.atomic():
        waiting = Operation.objects.filter(pk=operation.pk, state=OperationState.PENDING_APPROVAL)
        if not waiting.update(
            state=OperationState.QUEUED, approved_by=user, approved_at=now, hinted_at=now
        ):
            raise WrongState(f"It does not wait for approval: {_state(operation)}.")
        note(operation, user, "operation.approved", "Approved.", now)
        queue.enqueue_operation(operation.pk)
    operation.refresh_from_db()
    return operation


def note(operation: Operation, user: User, action: str, message: str, now: datetime) -> None:
    """Log and audit what a person did about an operation."""
    OperationLog.objects.create(
        operation=operation, at=now, message=f"{user.get_username()}: {message}"
    )
    audit.record(
        user=user,
        action=action,
        target=str(operation.pk),
        details={"kind": operation.kind, "about": operation.about},
        project=operation.source.project,
        now=now,
    )


def _require_seen(operation: Operation, plan_hash: str, typed: str, now: datetime) -> None:
    if operation.expires_at is None or now > operation.expires_at:
        raise PlanExpired(
            "The preview is older than 15 minutes; nothing was asked for. Make it again."
        )
    if plan_hash != operation.plan_hash:
        raise PlanMismatch(
            "This confirmation is not that of this preview; nothing was asked for. Open it again."
        )
    wanted = name_to_type(operation)
    if wanted and typed.strip() != wanted:
        raise NameNotTyped(f"Type {wanted} to confirm so many removals. Nothing was asked for.")


def _ask(operation: Operation, click: Click) -> Operation:
    required = clicks.needs_approval(operation.kind, operation.source)
    state = OperationState.PENDING_APPROVAL if required else OperationState.QUEUED
    with transaction.atomic():
        draft = Operation.objects.filter(pk=operation.pk, state=OperationState.DRAFT)
        changed = draft.update(
            state=state,
            reason=click.reason,
            approval_required=required,
            expires_at=click.now + clicks.APPROVAL_LIFETIME if required else None,
            hinted_at=click.now,
        )
        operation.refresh_from_db()
        if changed:
            clicks.announce(operation, click)
    return operation


def _state(operation: Operation) -> str:
    return operation.get_state_display().lower()
