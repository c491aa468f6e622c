"""What is due: the samples of an hour, and the sources to be measured again."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from dashboard import queue
from dashboard.models import Grain, SourceSample, SourceStorage
from dashboard.services.storage.sampling import begin_of, ready_sources

HINT_LOST_AFTER = timedelta(minutes=10)


def ask_for_due(*, now: datetime) -> list[int]:
    """Ask for the samples of this hour and for the measures that are due; return their sources.

    Two workers may both ask for the samples: they are the same rows. Who moves ``hinted_at`` on
    asks for a measure, and its lease lets only one worker do it.
    """
    if _unsampled(now):
        queue.enqueue_samples()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    unasked = Q(hinted_at=None) | Q(hinted_at__lt=now - HINT_LOST_AFTER)
    due = SourceStorage.objects.filter(free, unasked, next_at__lte=now)
    asked = []
    for row in due.only("pk", "hinted_at"):
        if due.filter(pk=row.pk, hinted_at=row.hinted_at).update(hinted_at=now):
            queue.enqueue_measure(row.pk)
            asked.append(row.pk)
    return asked


def _unsampled(now: datetime) -> bool:
    """Say whether a source was there when the hour began of which there is no sample."""
    hour = begin_of(Grain.HOUR, now)
    sampled = SourceSample.objects.filter(grain=Grain.HOUR, at=hour)
    return ready_sources().exclude(pk__in=sampled.values("source")).exists()
