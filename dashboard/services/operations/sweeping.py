"""Beginning sweeps by itself, where the trash of a source holds something that is due."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from django.db import transaction
from django.db.models import Q

from dashboard.models import Operation, OperationKind, Source, TrashedBatch
from dashboard.models.operations import OPEN_STATES
from dashboard.services.operations import clicks
from dashboard.services.operations.clicks import Click
from dashboard.services.operations.drafts import Scope, batches_plan
from dashboard.services.operations.sweeps import BETWEEN_SWEEPS, due_batches

REASON = "The grace of what was pruned is over."


def begin_sweeps(*, now: datetime) -> int:
    """Ask for a sweep of each source in whose trash something is to be noted or to go."""
    ripe = Q(due_seen_at=None) | Q(due_seen_at__lte=now - BETWEEN_SWEEPS)
    due = TrashedBatch.objects.filter(ripe, due_at__lte=now, purged_at=None, returned_at=None)
    sources = due.values_list("operation__source", flat=True).order_by().distinct()
    return sum(_begin(source_pk, now) for source_pk in sources)


def _begin(source_pk: int, now: datetime) -> int:
    """Ask for one sweep, unless one is under way or another worker was first."""
    with transaction.atomic():
        source = Source.objects.select_for_update().select_related("project").get(pk=source_pk)
        sweeps = Operation.objects.filter(source=source, kind=OperationKind.SWEEP)
        if sweeps.filter(state__in=OPEN_STATES).exists():
            return 0
        if sweeps.filter(created_at__gt=now - BETWEEN_SWEEPS, requested_by=None).exists():
            return 0
        click = Click(user=None, reason=REASON, idempotency_key=uuid4().hex, now=now)
        wish = Scope(source=source).wish(OperationKind.SWEEP)
        clicks.create(click, wish, batches_plan(due_batches(source_pk, now)))
    return 1
