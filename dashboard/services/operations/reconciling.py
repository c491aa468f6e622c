"""What nobody is waiting for: lost hints, abandoned work, restores that a live run overtook."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q

import checkpoints
from dashboard import queue
from dashboard.models import Heartbeat, Operation, OperationLog, OperationState, Thread
from dashboard.models.operations import CAME_TO_NOTHING
from dashboard.services import audit
from dashboard.services.operations.endings import settle_undone
from dashboard.services.operations.lines import follows, stands_on
from dashboard.services.operations.restores import superseded_message
from dashboard.services.operations.sweeping import begin_sweeps
from dashboard.services.operations.undoing import RESTORING
from dashboard.stores import open_source

HINT_LOST_AFTER = timedelta(seconds=10)
WATCHED_FOR = timedelta(days=7)
DRAFTS_KEPT = timedelta(days=1)
LINEAGE_LOOKED_AT = 1000
HEARTBEAT = "reconciler"
logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What one round found. ``swept`` counts sweeps begun, ``expired`` what nobody confirmed."""

    hinted: int
    superseded: int
    swept: int = 0
    expired: int = 0


def reconcile(*, now: datetime) -> Reconciled:
    """Send lost hints again, watch the last restores, begin sweeps that are due, tidy up."""
    hinted = sum(_hint(operation, now) for operation in _forgotten(now))
    superseded = sum(_watch(operation, now) for operation in _recent(now))
    swept = begin_sweeps(now=now)
    expired = _expire(now)
    Heartbeat.objects.update_or_create(name=HEARTBEAT, defaults={"at": now})
    return Reconciled(hinted=hinted, superseded=superseded, swept=swept, expired=expired)


def _expire(now: datetime) -> int:
    """Drop drafts that nobody confirmed, cancel requests that nobody approved in time."""
    drafts = Operation.objects.filter(state=OperationState.DRAFT, expires_at__lt=now - DRAFTS_KEPT)
    dropped = drafts.count()
    drafts.only("pk").delete()
    late = Operation.objects.filter(state=OperationState.PENDING_APPROVAL, expires_at__lt=now)
    expired = sum(_cancel_late(operation, now) for operation in late.only("undo_of"))
    return dropped + expired


def _cancel_late(operation: Operation, now: datetime) -> int:
    message = "Nobody approved it within a day. Nothing was changed."
    with transaction.atomic():
        same = Operation.objects.filter(pk=operation.pk, state=OperationState.PENDING_APPROVAL)
        changed = same.update(state=OperationState.CANCELLED, finished_at=now, message=message)
        if changed:
            settle_undone(operation, OperationState.CANCELLED)
            OperationLog.objects.create(operation=operation, at=now, message=message)
    return changed


def _forgotten(now: datetime) -> list[Operation]:
    unheard = Q(hinted_at__isnull=True) | Q(hinted_at__lt=now - HINT_LOST_AFTER)
    waiting = Q(state=OperationState.QUEUED) & unheard
    abandoned = Q(state=OperationState.RUNNING, lease_until__lt=now) & unheard
    found = Operation.objects.filter(waiting | abandoned).order_by("created_at")
    return list(found.only("hinted_at"))


def _hint(operation: Operation, now: datetime) -> int:
    """Send a hint, unless another reconciler has just done so."""
    same = Operation.objects.filter(pk=operation.pk, hinted_at=operation.hinted_at)
    sent = same.update(hinted_at=now)
    if sent:
        queue.enqueue_operation(operation.pk)
    return sent


def _recent(now: datetime) -> list[Operation]:
    """Return the last restore of each thread, if it succeeded within the last week.

    One that came to nothing has left the one before it standing.
    """
    recent = Operation.objects.filter(
        finished_at__gte=now - WATCHED_FOR, kind__in=RESTORING, thread__isnull=False
    )
    recent = recent.exclude(state__in=CAME_TO_NOTHING)
    recent = recent.select_related("source__project", "thread__head", "thread__agent").defer("plan")
    newest = {operation.thread_id: operation for operation in recent.order_by("finished_at")}
    return [
        o
        for o in newest.values()
        if o.state == OperationState.SUCCEEDED and "restored_id" in o.result
    ]


def _watch(operation: Operation, now: datetime) -> int:
    """Say so when the index, and then the store, shows a head that does not follow from it."""
    thread = operation.thread
    if thread is None:
        return 0
    head = thread.head
    restored_id = operation.result["restored_id"]
    known = thread.checkpoints.filter(checkpoint_id=restored_id).exists()
    if head is None or not known or _stands(thread, head.checkpoint_id, operation):
        return 0
    head_id = _overtaker(operation)
    if head_id is None:
        return 0
    message = superseded_message(restored_id, head_id)
    with transaction.atomic():
        same = Operation.objects.filter(pk=operation.pk, state=OperationState.SUCCEEDED)
        changed = same.update(
            state=OperationState.SUPERSEDED,
            message=message,
            result={**operation.result, "head_id": head_id},
            seen_by=None,
            seen_at=None,
        )
        if changed:
            OperationLog.objects.create(
                operation=operation, at=now, level="warning", message=message
            )
            audit.record(
                user=None,
                action="operation.superseded",
                target=str(operation.pk),
                details={"about": operation.about, "message": message},
                project=operation.source.project,
                now=now,
            )
    return changed


def _overtaker(operation: Operation) -> str | None:
    """Return the store's head if it does not follow from the restore, None also when in doubt."""
    plan = dataclasses.replace(
        checkpoints.RestorePlan.from_dict(operation.plan),
        expected_head=operation.result["expected_head"],
    )
    try:
        with open_source(operation.source) as store:
            head = store.head(plan.agent_id, plan.thread_id)
            restored_id = operation.result["restored_id"]
            if head is None or stands_on(store, plan, head.checkpoint_id, restored_id):
                return None
    except Exception as error:  # noqa: BLE001 - a store can fail in any way; the round goes on
        logger.warning("restore not watched", operation=str(operation.pk), error=str(error))
        return None
    return head.checkpoint_id


def _stands(thread: Thread, head_id: str, operation: Operation) -> bool:
    newest = thread.checkpoints.filter(namespace="").order_by("-created_at", "-id")
    parents = dict(newest.values_list("checkpoint_id", "parent_id")[:LINEAGE_LOOKED_AT])
    restored_id = operation.result["restored_id"]
    return follows(parents, head_id, restored_id, left=operation.result["expected_head"])
