"""Looking what is new in a source: one scan at a time, from where the last one came to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import structlog
from django.db import transaction
from django.db.models import F, Q

import checkpoints
from dashboard import queue
from dashboard.models import Source, SourceFinding
from dashboard.models.sources import SourceHealth
from dashboard.services.ingest import ingest_changes
from dashboard.services.ingest.pins import note_pins
from dashboard.services.ingest.recounts import recount
from dashboard.services.telling import (
    FAILED_BEFORE_TOLD,
    tell_source_failed,
    tell_source_recovered,
)
from dashboard.stores import open_source

LEASE = timedelta(seconds=60)
PAGE = 500
BUDGET = 20
TIME_LIMIT_SECONDS = 30.0
"""Pages of one scan and their time end well within its lease; a new one takes up what is left."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=6), timedelta(minutes=5)
LOST_AT_MOST = 2
LOST = (
    "Reading it was begun and never came back, twice or more in a row: the worker died or hung. "
    "It is tried again in 5 minutes; have it read now once the store is in order."
)
logger = structlog.get_logger(__name__)


class ScanOutcome(StrEnum):
    """What became of a scan."""

    DONE = "done"
    MORE_WAITS = "more_waits"
    BUSY = "busy"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """How many rows a scan made. ``message`` says why it failed."""

    outcome: ScanOutcome
    created: int = 0
    message: str = ""


class LeaseLost(Exception):
    """Another scan has taken the source over; its cursor counts."""


def scan_source(
    *,
    source_id: int,
    now: datetime,
    budget: int = BUDGET,
    clock: Callable[[], float] = time.monotonic,
) -> ScanResult:
    """Take in what a source gained, at most ``budget`` pages of it; ``clock`` counts seconds.

    Whatever goes wrong with the store ends in the source's health, never in an exception; the
    cursor stays where the last page ended.
    """
    lease = now + LEASE
    _count_lost(source_id, now)
    source = _claim(source_id, lease, now)
    if source is None:
        return ScanResult(outcome=ScanOutcome.BUSY)
    try:
        result = _scan(source, now=now, budget=budget, clock=clock)
    except LeaseLost:
        return ScanResult(outcome=ScanOutcome.BUSY)
    except Exception as error:  # noqa: BLE001 - a store can fail in any way; the task must not
        result = _failed(source, error, now)
    Source.objects.filter(pk=source_id, scan_lease_until=lease).update(scan_lease_until=None)
    if result.outcome is ScanOutcome.MORE_WAITS:
        queue.enqueue_scan(source_id)
    return result


def _count_lost(source_id: int, now: datetime) -> None:
    """Count a scan whose lease ran out; let the source rest when that goes on."""
    source = Source.objects.filter(pk=source_id)
    if not source.filter(scan_lease_until__lt=now).update(
        scan_lease_until=None, lost_scans=F("lost_scans") + 1
    ):
        return
    with transaction.atomic():
        if source.filter(lost_scans__gte=LOST_AT_MOST).update(
            health=SourceHealth.FAILED,
            health_message=LOST,
            last_error=LOST,
            last_error_at=now,
            next_scan_at=now + LONGEST_PAUSE,
        ):
            tell_source_failed(source.get(), LOST, now)


def _claim(source_id: int, lease: datetime, now: datetime) -> Source | None:
    """Take the right to scan by one conditional update."""
    rested = Q(next_scan_at=None) | Q(next_scan_at__lte=now)
    free = Source.objects.filter(rested, pk=source_id, scan_lease_until=None, connected=True)
    claimed = free.update(scan_lease_until=lease)
    return Source.objects.get(pk=source_id) if claimed else None


def _scan(source: Source, *, now: datetime, budget: int, clock: Callable[[], float]) -> ScanResult:
    created, begun = 0, clock()
    with open_source(source) as store:
        for _ in range(budget):
            changes = store.changes(source.cursor or None, limit=PAGE)
            created += _take_in(source, changes, now)
            if changes.complete:
                _finish(source, store, now)
                _note_time(source, clock() - begun if created < PAGE else 0.0)
                return ScanResult(outcome=ScanOutcome.DONE, created=created)
            if clock() - begun >= TIME_LIMIT_SECONDS:
                break
    _forgive(source, now)
    return ScanResult(outcome=ScanOutcome.MORE_WAITS, created=created)


def _take_in(source: Source, changes: checkpoints.Changes, now: datetime) -> int:
    """Store a page and the cursor behind it in one transaction."""
    with transaction.atomic():
        moved = Source.objects.filter(
            pk=source.pk, cursor=source.cursor, scan_lease_until=source.scan_lease_until
        ).update(cursor=changes.cursor, scan_remaining=changes.remaining)
        if not moved:
            raise LeaseLost
        ingested = ingest_changes(source=source, changes=changes, now=now)
    source.cursor = changes.cursor
    return ingested.created


def _finish(source: Source, store: checkpoints.ReadableStore, now: datetime) -> None:
    note_pins(source, store)
    recount(source, store, now=now)
    findings = SourceFinding.objects.filter(source=source, gone_at=None).count()
    wrong = f"{findings} finding{'s' if findings != 1 else ''}" if findings else ""
    Source.objects.filter(pk=source.pk).update(
        capabilities=store.capabilities.to_dict(),
        health=SourceHealth.ATTENTION if findings else SourceHealth.HEALTHY,
        health_message=wrong,
        scan_remaining=0,
        last_synced_at=now,
    )
    _forgive(source, now)


def _note_time(source: Source, seconds: float) -> None:
    """Keep what it takes to look for a little that is new; much that is new is no measure."""
    Source.objects.filter(pk=source.pk).update(scan_seconds=max(0.0, seconds))


def _forgive(source: Source, now: datetime) -> None:
    """Forget the scans before that came to nothing, and tell who was told of them."""
    with transaction.atomic():
        Source.objects.filter(pk=source.pk).update(failed_scans=0, lost_scans=0, next_scan_at=None)
        if source.failed_scans or source.lost_scans:
            tell_source_recovered(source, now)


def _failed(source: Source, error: Exception, now: datetime) -> ScanResult:
    health, message = _diagnosis(source, error)
    with transaction.atomic():
        Source.objects.filter(pk=source.pk).update(
            health=health,
            health_message=message,
            last_error=message,
            last_error_at=now,
            failed_scans=F("failed_scans") + 1,
            lost_scans=0,
            next_scan_at=now + _pause(source.failed_scans),
        )
        if health is SourceHealth.FAILED or source.failed_scans + 1 >= FAILED_BEFORE_TOLD:
            tell_source_failed(source, message, now)
    return ScanResult(outcome=ScanOutcome.FAILED, message=message)


def _pause(failed_before: int) -> timedelta:
    """Return how long a source rests: twice as long after each failure, up to five minutes."""
    return min(FIRST_PAUSE * (1 << min(failed_before, 10)), LONGEST_PAUSE)


def _diagnosis(source: Source, error: Exception) -> tuple[SourceHealth, str]:
    if isinstance(error, checkpoints.TransientStoreError):
        return SourceHealth.ATTENTION, f"{error}. It is tried again by itself."
    if isinstance(error, checkpoints.CheckpointError):
        return SourceHealth.FAILED, str(error)
    message = f"The scan failed ({type(error).__name__}); the log says more."
    if source.health_message != message:
        logger.error("scan failed", source_id=source.pk, exc_info=error)
    return SourceHealth.FAILED, message
