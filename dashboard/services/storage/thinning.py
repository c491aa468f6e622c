"""Forgetting samples that nobody reads any more, a bounded number of them at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from dashboard.models import AgentSample, FieldSample, Grain, SourceSample, ThreadSample

HOURS_KEPT = timedelta(days=14)
DAYS_KEPT = timedelta(days=730)
AT_MOST = 20_000


def thin(*, now: datetime, at_most: int = AT_MOST) -> int:
    """Delete hours older than 14 days, days and fields older than two years; return how many.

    What is left over goes with the next hour.
    """
    old = Q(grain=Grain.HOUR, at__lt=now - HOURS_KEPT) | Q(grain=Grain.DAY, at__lt=now - DAYS_KEPT)
    gone = 0
    for model in (SourceSample, AgentSample, ThreadSample):
        gone += _delete(model, old, at_most - gone)
    return gone + _delete(FieldSample, Q(replaced_at__lt=now - DAYS_KEPT), at_most - gone)


def _delete(model: Any, old: Q, at_most: int) -> int:
    rows = model.objects
    pks = list(rows.filter(old).order_by("pk").values_list("pk", flat=True)[: max(0, at_most)])
    return int(rows.filter(pk__in=pks).delete()[0]) if pks else 0
