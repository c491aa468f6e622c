"""What an operation took out of a store or brought back, in the index at once.

Stores that keep a listing of removals tell the same at the next scan; others cannot.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from django.db import transaction

import checkpoints
from dashboard.models import Checkpoint, Thread
from dashboard.services.ingest import cleaning
from dashboard.services.ingest.threads import count_in, count_out, lock_threads, save_threads

AT_ONCE = 500


def mark_removed(
    *,
    thread_pk: int,
    reasons: Mapping[str, str],
    now: datetime,
    only: AbstractSet[tuple[str, str]] | None = None,
) -> None:
    """Note which of a thread's checkpoints are gone, by id, and why.

    Of an id that several namespaces have, those in ``only`` (namespace and id) where it is given.
    """
    with transaction.atomic():
        thread = _locked(thread_pk, now)
        for found in _rows(thread, list(reasons), removed=False):
            rows = [r for r in found if only is None or (r.namespace, r.checkpoint_id) in only]
            count_out(thread, rows)
            for row in rows:
                row.removed_at = now
                row.removed_reason = cleaning.text(reasons[row.checkpoint_id])
            Checkpoint.objects.bulk_update(rows, ["removed_at", "removed_reason"])
        save_threads([thread])


def mark_returned(*, thread_pk: int, checkpoint_ids: Collection[str], now: datetime) -> None:
    """Note which of a thread's checkpoints are back."""
    with transaction.atomic():
        thread = _locked(thread_pk, now)
        for rows in _rows(thread, list(checkpoint_ids), removed=True):
            count_in(thread, rows)
            for row in rows:
                row.removed_at, row.removed_reason = None, ""
            Checkpoint.objects.bulk_update(rows, ["removed_at", "removed_reason"])
        save_threads([thread])


def mark_erased(*, thread_pk: int, checkpoint_ids: Collection[str], now: datetime) -> None:
    """Note which of a thread's checkpoints were erased; of their content nothing stays here."""
    mark_removed(thread_pk=thread_pk, reasons=dict.fromkeys(checkpoint_ids, "erased"), now=now)
    with transaction.atomic():
        for ids in _some(list(checkpoint_ids)):
            Checkpoint.objects.filter(thread=thread_pk, checkpoint_id__in=ids).update(
                metrics={},
                metadata={},
                next_steps=[],
                written_by=[],
                step_name="",
                run_id="",
                sha256="",
                damage="",
                removed_reason="erased",
            )
        if not Checkpoint.objects.filter(thread=thread_pk, removed_at=None).exists():
            _empty(_locked(thread_pk, now))


def _empty(thread: Thread) -> None:
    """Let a thread of which nothing is left say nothing about a run."""
    thread.status, thread.detail, thread.next_steps = checkpoints.Status.UNKNOWN, "", []
    thread.head = None
    save_threads([thread])


def _locked(thread_pk: int, now: datetime) -> Thread:
    row = Thread.objects.select_related("agent__source").get(pk=thread_pk)
    name = (row.agent.agent_id, row.thread_id)
    return lock_threads(row.agent.source, [name], now=now)[name]


def _rows(
    thread: Thread, checkpoint_ids: Sequence[str], *, removed: bool
) -> Iterator[list[Checkpoint]]:
    for ids in _some(checkpoint_ids):
        rows = Checkpoint.objects.filter(thread=thread, checkpoint_id__in=ids)
        yield list(rows.filter(removed_at__isnull=not removed))


def _some(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
