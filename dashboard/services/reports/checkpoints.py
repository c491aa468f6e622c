"""Checkpoints of a batch: the same rows, heads and counters as those of a push."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from dashboard.models import Source, Thread
from dashboard.services.ingest.cleaning import UnusableRecord
from dashboard.services.ingest.heads import PushedHead, ThreadName, check_step
from dashboard.services.ingest.pushes import settle
from dashboard.services.ingest.upserts import ContentConflict, Upserted, upsert
from dashboard.services.reports.items import CheckpointItem, Refused


def take_checkpoints(
    source: Source,
    threads: dict[ThreadName, Thread],
    items: Sequence[CheckpointItem],
    now: datetime,
) -> tuple[int, list[Refused]]:
    """Store checkpoints; return how many are new, and those refused. The threads are locked."""
    sound, refused = _sorted_out(threads, items)
    if not sound:
        return 0, refused
    touched = {item.thread: threads[item.thread] for item in sound}
    upserted = upsert(touched, [item.record for item in sound], now=now)
    conflicting = _conflicting(upserted, sound)
    heads = _newest_heads(item for item in sound if item not in conflicting)
    settle(source, upserted, heads, now=now)
    refused += [Refused(id=i.id, detail=str(ContentConflict(i.record.id))) for i in conflicting]
    return len(upserted.created), refused


def _sorted_out(
    threads: dict[ThreadName, Thread], items: Sequence[CheckpointItem]
) -> tuple[list[CheckpointItem], list[Refused]]:
    """Take out those whose head no honest report could name."""
    sound: list[CheckpointItem] = []
    refused: list[Refused] = []
    for item in items:
        try:
            if item.head is not None:
                check_step(item.head, threads[item.thread].head_version)
        except UnusableRecord as error:
            refused.append(Refused(id=item.id, detail=f"{error.field}: {error}"))
        else:
            sound.append(item)
    return sound, refused


def _conflicting(upserted: Upserted, items: Sequence[CheckpointItem]) -> list[CheckpointItem]:
    """Return the items whose record came with another content than the known one."""
    bad = {(r.thread_id, r.namespace, r.checkpoint_id, r.sha256) for _, r in upserted.conflicts}
    return [item for item in items if _key(upserted, item) in bad]


def _key(upserted: Upserted, item: CheckpointItem) -> tuple[int, str, str, str]:
    record = item.record
    return upserted.threads[item.thread].pk, record.namespace, record.id, record.sha256 or ""


def _newest_heads(items: Iterable[CheckpointItem]) -> dict[ThreadName, PushedHead]:
    newest: dict[ThreadName, PushedHead] = {}
    for item in items:
        known = newest.get(item.thread)
        if item.head and (known is None or item.head.version > known.version):
            newest[item.thread] = item.head
    return newest
