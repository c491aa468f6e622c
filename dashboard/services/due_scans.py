"""Which sources to look at again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q

from dashboard import queue
from dashboard.models import Source

SCAN_EVERY = timedelta(seconds=3)
HINT_LOST_AFTER = timedelta(seconds=15)
SHARE, LONGEST_REST = 5, timedelta(minutes=5)


@dataclass(slots=True)
class DueScans:
    """One worker's view: it never lets a second hint for a source wait behind the first.

    Two workers may both ask for the same scan; its lease lets only one of them do it.
    """

    asked_at: dict[int, datetime] = field(default_factory=dict)

    def enqueue(self, *, now: datetime) -> list[int]:
        """Ask for every scan that is due; return the ids of the sources."""
        asked = [source.pk for source in _due(now) if self._may_ask(source, now)]
        for source_id in asked:
            self.asked_at[source_id] = now
            queue.enqueue_scan(source_id)
        return asked

    def _may_ask(self, source: Source, now: datetime) -> bool:
        if source.last_synced_at is not None and now - source.last_synced_at < _rest(source):
            return False
        before = self.asked_at.get(source.pk)
        if before is None or now - before > HINT_LOST_AFTER:
            return True
        return source.last_synced_at is not None and source.last_synced_at > before


def _rest(source: Source) -> timedelta:
    """Return how long a store is left in peace: a fifth of its time at most goes to looking."""
    return min(SHARE * timedelta(seconds=source.scan_seconds), LONGEST_REST)


def _due(now: datetime) -> list[Source]:
    stale = Q(last_synced_at__isnull=True) | Q(last_synced_at__lt=now - SCAN_EVERY)
    unclaimed = Q(scan_lease_until__isnull=True) | Q(scan_lease_until__lt=now)
    rested = Q(next_scan_at__isnull=True) | Q(next_scan_at__lte=now)
    due = Source.objects.filter(stale, unclaimed, rested, connected=True)
    return list(due.only("pk", "last_synced_at", "scan_seconds"))
