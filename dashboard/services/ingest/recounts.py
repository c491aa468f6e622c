"""Noticing what others deleted in a store that keeps no record of it.

Agents prune their own threads, and people clean up with SQL. Counts per thread are cheap to ask
for; the names only of a thread that has fewer than the index lists are compared.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import checkpoints
from dashboard.models import Checkpoint, Source, Thread
from dashboard.services.ingest.removals import mark_removed

EVERY = timedelta(minutes=1)
GONE = "no longer in the store: the agent or somebody else deleted it"


def recount(source: Source, store: checkpoints.ReadableStore, *, now: datetime) -> int:
    """Mark as gone what the store lists no more; return how many. At most once in ``EVERY``.

    The store must have been read to its end just before.
    """
    last = source.recounted_at
    if not isinstance(store, checkpoints.CountableStore) or (last and now - last < EVERY):
        return 0
    counts = store.counts()
    threads = Thread.objects.filter(agent__source=source).only("thread_id", "checkpoint_count")
    shrunk = [row for row in threads if counts.get(row.thread_id, 0) < row.checkpoint_count]
    gone = sum(_compare(thread, store, now) for thread in shrunk)
    Source.objects.filter(pk=source.pk).update(recounted_at=now)
    return gone


def _compare(thread: Thread, store: checkpoints.CountableStore, now: datetime) -> int:
    rows = Checkpoint.objects.filter(thread=thread, removed_at=None)
    listed = set(rows.values_list("namespace", "checkpoint_id"))
    gone = listed - store.names(thread.thread_id)
    if gone:
        reasons = {checkpoint_id: GONE for _, checkpoint_id in gone}
        mark_removed(thread_pk=thread.pk, reasons=reasons, now=now, only=gone)
    return len(gone)
