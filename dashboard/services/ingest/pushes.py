"""What agents report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

import checkpoints
from dashboard import queue
from dashboard.access import Forbidden
from dashboard.models import ApiToken, Checkpoint, Source, Thread
from dashboard.services.ingest.cleaning import UnusableRecord, check_id, check_record
from dashboard.services.ingest.heads import PushedHead, ThreadName, move_heads
from dashboard.services.ingest.reported_sources import reported_source
from dashboard.services.ingest.threads import count_in, lock_threads, save_threads
from dashboard.services.ingest.upserts import (
    ContentConflict,
    Ingested,
    Upserted,
    upsert,
)
from dashboard.services.marking import mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What one request reports. The head is that of the thread in which its checkpoint lies."""

    source_url: str
    records: Sequence[checkpoints.Checkpoint]
    head: PushedHead | None = None
    source_name: str = ""


def ingest_push(*, token: ApiToken, push: Push, now: datetime) -> Ingested:
    """Store what an agent reports, all of it or nothing; the same push again changes nothing.

    Raises UnusableRecord naming the field, ContentConflict for a known id with another content,
    Forbidden when the token is another agent's.
    """
    _check(token, push)
    with transaction.atomic():
        source = reported_source(push.source_url, token=token, name=push.source_name, now=now)
        names = ((record.agent_id, record.thread_id) for record in push.records)
        upserted = upsert(lock_threads(source, names, now=now), push.records, now=now)
        if upserted.conflicts:
            raise ContentConflict(upserted.conflicts[0][0].checkpoint_id)
        settle(source, upserted, {_thread_of(push): push.head} if push.head else {}, now=now)
    return _ingested(upserted, push)


def _check(token: ApiToken, push: Push) -> None:
    for index, record in enumerate(push.records):
        _check_record(record, f"checkpoints[{index}]" if push.records[1:] else "checkpoint")
        if token.agent_id and token.agent_id != record.agent_id:
            raise Forbidden(
                f"This token may only push for agent {token.agent_id!r}; nothing was stored."
            )
    if push.head:
        check_id("head.checkpoint_id", push.head.checkpoint_id, required=True)


def _check_record(record: checkpoints.Checkpoint, place: str) -> None:
    try:
        check_record(record)
    except UnusableRecord as error:
        raise UnusableRecord(f"{place}.{error.field}", str(error)) from error


def settle(
    source: Source,
    upserted: Upserted,
    heads: Mapping[ThreadName, PushedHead],
    *,
    now: datetime,
) -> None:
    """Count what came in, save its threads, let its agents be looked at for drift.

    Of a connected source the store alone tells heads and statuses; it is scanned soon. Raises
    UnusableRecord for a head that cannot be.
    """
    _count_created(upserted)
    if source.connected:
        queue.enqueue_scan(source.pk)
    else:
        _believe(upserted, heads)
    save_threads(upserted.threads.values())
    touched = {row.thread_id for row in upserted.created}
    agents = {one.agent_id for one in upserted.threads.values() if one.pk in touched}
    mark(agents, now=now)


def _count_created(upserted: Upserted) -> None:
    for thread in upserted.threads.values():
        rows = [row for row in upserted.created if row.thread_id == thread.pk]
        if rows:
            count_in(thread, rows)


def _believe(upserted: Upserted, heads: Mapping[ThreadName, PushedHead]) -> None:
    """Take heads and statuses from a report; nobody reads its store."""
    for thread in upserted.threads.values():
        rows = [row for row in upserted.created if row.thread_id == thread.pk]
        if rows:
            _tell_status(thread, max(rows, key=lambda row: (row.created_at, row.pk)))
    _learn_digests(upserted)
    move_heads(upserted, heads)


def _learn_digests(upserted: Upserted) -> None:
    told = [(row, new) for row, new in upserted.known if new.sha256 and not row.sha256]
    for row, new in told:
        row.sha256 = new.sha256
    Checkpoint.objects.bulk_update([row for row, _ in told], ["sha256"])


def _tell_status(thread: Thread, newest: Checkpoint) -> None:
    if thread.last_checkpoint_at == newest.created_at:
        thread.status = newest.status
        thread.next_steps = newest.next_steps


def _thread_of(push: Push) -> ThreadName:
    """Return the thread that the head is of: where its checkpoint lies, else that of the last."""
    named = (r for r in push.records if push.head and r.id == push.head.checkpoint_id)
    record = next(named, push.records[-1])
    return record.agent_id, record.thread_id


def _ingested(upserted: Upserted, push: Push) -> Ingested:
    keys = {
        (row.thread_id, row.namespace, row.checkpoint_id): row.pk
        for row in (*upserted.created, *(row for row, _ in upserted.known))
    }
    threads = upserted.threads
    return Ingested(
        created=len(upserted.created),
        duplicates=len(push.records) - len(upserted.created),
        rows=tuple(
            keys[threads[r.agent_id, r.thread_id].pk, r.namespace, r.id] for r in push.records
        ),
        agents=tuple({thread.agent_id for thread in threads.values()}),
        threads=tuple(thread.pk for thread in threads.values()),
    )
