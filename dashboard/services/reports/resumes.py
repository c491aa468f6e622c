"""Resumes of a batch: one row for each attempt, whose outcome is told later, in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from dashboard.models import Resume, ResumeOutcome, Thread
from dashboard.services.ingest.cleaning import text
from dashboard.services.ingest.heads import ThreadName
from dashboard.services.reports.items import ResumeItem

Key = tuple[int, str, str, str]


def take_resumes(
    threads: Mapping[ThreadName, Thread], items: Sequence[ResumeItem], now: datetime
) -> int:
    """Store resumes and what became of them; return how many items told something new."""
    if not items:
        return 0
    known = _known(threads, items)
    made: dict[Key, Resume] = {}
    changed: dict[Key, Resume] = {}
    news = 0
    for item in items:
        key = _key(threads, item)
        row = made.get(key) or known.get(key)
        if row is None:
            made[key] = _row(threads[item.thread], item, now)
            news += 1
        elif _learn(row, item, now):
            news += 1
            changed[key] = row
    Resume.objects.bulk_create(made.values())
    later = [row for key, row in changed.items() if key not in made]
    Resume.objects.bulk_update(later, ["outcome", "error", "at", "ended_at"])
    return news


def _known(threads: Mapping[ThreadName, Thread], items: Sequence[ResumeItem]) -> dict[Key, Resume]:
    rows = Resume.objects.filter(
        thread__in={threads[item.thread].pk for item in items},
        run_id__in={item.run_id for item in items},
    )
    return {(row.thread_id, row.run_id, row.checkpoint_id, row.attempt): row for row in rows}


def _key(threads: Mapping[ThreadName, Thread], item: ResumeItem) -> Key:
    return threads[item.thread].pk, item.run_id, item.checkpoint_id, item.attempt


def _row(thread: Thread, item: ResumeItem, now: datetime) -> Resume:
    at = min(item.at, now)
    return Resume(
        thread=thread,
        run_id=item.run_id,
        checkpoint_id=item.checkpoint_id,
        attempt=item.attempt,
        outcome=item.outcome,
        error=text(item.error),
        at=at,
        ended_at=None if item.outcome == ResumeOutcome.RESUMED else at,
    )


def _learn(row: Resume, item: ResumeItem, now: datetime) -> bool:
    """Take over an outcome that was not known, or the beginning that came late."""
    at = min(item.at, now)
    if item.outcome == ResumeOutcome.RESUMED:
        late = at < row.at
        row.at = min(at, row.at)
        return late
    if row.outcome != ResumeOutcome.RESUMED:
        return False
    row.outcome, row.error, row.ended_at = item.outcome, text(item.error), at
    return True
