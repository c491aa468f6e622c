"""Looking what is new in a source: one scan at a time, from where the last one came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import structlog
from django.db import transaction
from django.db.models import Q

import checkpoints
from dashboard import queue
from dashboard.models import Source, SourceFinding
from dashboard.models.sources import SourceHealth
from dashboard.services.ingest import ingest_changes
from dashboard.stores import open_source

LEASE = timedelta(seconds=60)
PAGE = 500
BUDGET = 20
"""Pages of one scan, which end well within its lease; a new scan takes up what is left."""
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


def scan_source(*, source_id: int, now: datetime, budget: int = BUDGET) -> ScanResult:
    """Take in what a source gained, at most ``budget`` pages of it.

    Whatever goes wrong with the store ends in the source's health, never in an exception; the
    cursor stays where the last page ended.
    """
    lease = now + LEASE
    source = _claim(source_id, lease, now)
    if source is None:
        return ScanResult(outcome=ScanOutcome.BUSY)
    try:
        result = _scan(source, now=now, budget=budget)
    except LeaseLost:
        return ScanResult(outcome=ScanOutcome.BUSY)
    except Exception as error:  # noqa: BLE001 - a store can fail in any way; the task must not
        result = _failed(source, error)
    Source.objects.filter(pk=source_id, scan_lease_until=lease).update(scan_lease_until=None)
    if result.outcome is ScanOutcome.MORE_WAITS:
        queue.enqueue_scan(source_id)
    return result


def _claim(source_id: int, lease: datetime, now: datetime) -> Source | None:
    """Take the right to scan by one conditional update."""
    free = Q(scan_lease_until=None) | Q(scan_lease_until__lt=now)
    claimed = Source.objects.filter(free, pk=source_id, connected=True).update(
        scan_lease_until=lease
    )
    return Source.objects.get(pk=source_id) if claimed else None


def _scan(source: Source, *, now: datetime, budget: int) -> ScanResult:
    created = 0
    with open_source(source) as store:
        for _ in range(budget):
            changes = store.changes(source.cursor or None, limit=PAGE)
            created += _take_in(source, changes, now)
            if changes.complete:
                _finish(source, store, now)
                return ScanResult(outcome=ScanOutcome.DONE, created=created)
    return ScanResult(outcome=ScanOutcome.MORE_WAITS, created=created)


def _take_in(source: Source, changes: checkpoints.Changes, now: datetime) -> int:
    """Store a page and the cursor behind it in one transaction."""
    with transaction.atomic():
        moved = Source.objects.filter(
            pk=source.pk, cursor=source.cursor, scan_lease_until=source.scan_lease_until
        ).update(cursor=changes.cursor)
        if not moved:
            raise LeaseLost
        ingested = ingest_changes(source=source, changes=changes, now=now)
    source.cursor = changes.cursor
    return ingested.created


def _finish(source: Source, store: checkpoints.ReadableStore, now: datetime) -> None:
    findings = SourceFinding.objects.filter(source=source).count()
    wrong = f"{findings} finding{'s' if findings != 1 else ''}" if findings else ""
    Source.objects.filter(pk=source.pk).update(
        capabilities=store.capabilities.to_dict(),
        health=SourceHealth.ATTENTION if findings else SourceHealth.HEALTHY,
        health_message=wrong,
        last_synced_at=now,
    )


def _failed(source: Source, error: Exception) -> ScanResult:
    health, message = _diagnosis(source, error)
    Source.objects.filter(pk=source.pk).update(health=health, health_message=message)
    return ScanResult(outcome=ScanOutcome.FAILED, message=message)


def _diagnosis(source: Source, error: Exception) -> tuple[SourceHealth, str]:
    if isinstance(error, checkpoints.TransientStoreError):
        return SourceHealth.ATTENTION, f"{error}. It is tried again by itself."
    if isinstance(error, checkpoints.CheckpointError):
        return SourceHealth.FAILED, str(error)
    logger.error("scan failed", source_id=source.pk, exc_info=error)
    return SourceHealth.FAILED, f"The scan failed ({type(error).__name__}); the log says more."
