"""Asking for a draft that a schedule made and nobody looked at."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from dashboard.models import Operation, OperationLog, OperationState
from dashboard.services.operations import clicks
from dashboard.services.operations.clicks import Click


def begin_unattended(draft: Operation, *, reason: str, now: datetime, held: str = "") -> Operation:
    """Ask in Holdfast's own name for what a draft says. Asked twice it is asked for once.

    Where its project wants a second person, or ``held`` says why somebody must look at it first,
    it waits for their approval.
    """
    waits = bool(held) or clicks.needs_approval(draft.kind, draft.source)
    click = Click(user=None, reason=reason, idempotency_key=draft.idempotency_key, now=now)
    with transaction.atomic():
        changed = Operation.objects.filter(
            pk=draft.pk, state=OperationState.DRAFT, requested_by=None
        ).update(
            state=OperationState.PENDING_APPROVAL if waits else OperationState.QUEUED,
            reason=reason,
            approval_required=waits,
            message=held,
            expires_at=now + clicks.APPROVAL_LIFETIME if waits else None,
            hinted_at=now,
        )
        draft.refresh_from_db()
        if changed and held:
            OperationLog.objects.create(operation=draft, at=now, level="warning", message=held)
        if changed:
            clicks.announce(draft, click)
    return draft
