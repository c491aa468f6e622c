"""What agents report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

import checkpoints
from checkpoints.stores.urls import StoreUrl, absolute_url, parse_url
from dashboard import queue
from dashboard.access import Forbidden
from dashboard.models import ApiToken, Checkpoint, Source, Thread
from dashboard.services.ingest.cleaning import UnusableRecord, check_id, check_record, text
from dashboard.services.ingest.threads import count_in, lock_threads, save_threads
from dashboard.services.ingest.upserts import (
    ContentConflict,
    Ingested,
    Upserted,
    upsert,
)

MAX_NAME_CHARACTERS = 200
LARGEST_VERSION_STEP = 1_000_000
"""How far one report may lead a head's version; beyond it no honest report could follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedHead:
    """Where the head of a thread is, and its version: an older one that comes late is ignored."""

    checkpoint_id: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What one request reports. The head is that of the thread in which its checkpoint lies."""

    source_url: str
    records: Sequence[checkpoints.Checkpoint]
    head: PushedHead | None = None
    source_name: str = ""


def ingest_push(*, token: ApiToken, push: Push, now: datetime) -> Ingested:
    """Store what an agent reports, all of it or nothing; the same push again changes nothing.

    Of a connected source the store alone tells heads and statuses; it is scanned soon. Raises
    UnusableRecord naming the field, ContentConflict for a known id with another content,
    Forbidden when the token is another agent's.
    """
    _check(token, push)
    with transaction.atomic():
        source = _source(push, now)
        names = ((record.agent_id, record.thread_id) for record in push.records)
        upserted = upsert(lock_threads(source, names, now=now), push.records, now=now)
        if upserted.conflicts:
            raise ContentConflict(upserted.conflicts[0][0].checkpoint_id)
        _count_created(upserted)
        if source.connected:
            queue.enqueue_scan(source.pk)
        else:
            _believe(upserted, push)
        save_threads(upserted.threads.values())
    return _ingested(upserted, push)


def _check(token: ApiToken, push: Push) -> None:
    for index, record in enumerate(push.records):
        _check_record(record, f"checkpoints[{index}]" if push.records[1:] else "checkpoint")
        if token.agent_id and token.agent_id != record.agent_id:
            raise Forbidden(
                f"This token may only push for agent {token.agent_id!r}; nothing was stored."
            )
    check_id("source.url", push.source_url, required=True)
    if push.head:
        check_id("head.checkpoint_id", push.head.checkpoint_id, required=True)


def _check_record(record: checkpoints.Checkpoint, place: str) -> None:
    try:
        check_record(record)
    except UnusableRecord as error:
        raise UnusableRecord(f"{place}.{error.field}", str(error)) from error


def _source(push: Push, now: datetime) -> Source:
    """Return the source of this URL; one that nobody has added yet is only reported about."""
    parsed = _parse(push.source_url)
    url = absolute_url(push.source_url)
    known = Source.objects.filter(url=url).first()
    if known is None:
        new = _reported(push, parsed, url, now)
        Source.objects.bulk_create([new], ignore_conflicts=True)
    return known or Source.objects.get(url=url)


def _reported(push: Push, parsed: StoreUrl, url: str, now: datetime) -> Source:
    name = text(push.source_name) or parsed.path.name or parsed.scheme
    return Source(
        url=url,
        name=name[:MAX_NAME_CHARACTERS],
        kind=parsed.scheme,
        connected=False,
        created_at=now,
    )


def _parse(url: str) -> StoreUrl:
    try:
        parsed = parse_url(url)
    except checkpoints.PermanentStoreError as error:
        raise UnusableRecord("source.url", str(error)) from error
    if parsed.path.parts and not parsed.path.is_absolute():
        raise UnusableRecord("source.url", "must hold an absolute path (four slashes)")
    return parsed


def _count_created(upserted: Upserted) -> None:
    for thread in upserted.threads.values():
        rows = [row for row in upserted.created if row.thread_id == thread.pk]
        if rows:
            count_in(thread, rows)


def _believe(upserted: Upserted, push: Push) -> None:
    """Take heads and statuses from a report; nobody reads its store."""
    for thread in upserted.threads.values():
        rows = [row for row in upserted.created if row.thread_id == thread.pk]
        if rows:
            _tell_status(thread, max(rows, key=lambda row: (row.created_at, row.pk)))
    _learn_digests(upserted)
    _move_head(upserted, push)


def _learn_digests(upserted: Upserted) -> None:
    told = [(row, new) for row, new in upserted.known if new.sha256 and not row.sha256]
    for row, new in told:
        row.sha256 = new.sha256
    Checkpoint.objects.bulk_update([row for row, _ in told], ["sha256"])


def _tell_status(thread: Thread, newest: Checkpoint) -> None:
    if thread.last_checkpoint_at == newest.created_at:
        thread.status = newest.status
        thread.next_steps = newest.next_steps


def _move_head(upserted: Upserted, push: Push) -> None:
    if push.head is None:
        return
    rows = (*upserted.created, *(row for row, _ in upserted.known))
    named = [row for row in rows if row.checkpoint_id == push.head.checkpoint_id]
    thread = _thread_of(upserted, push, named)
    if push.head.version <= thread.head_version:
        return
    if push.head.version > thread.head_version + LARGEST_VERSION_STEP:
        raise UnusableRecord(
            "head.version",
            f"must be at most {LARGEST_VERSION_STEP:,} above the known {thread.head_version:,}",
        )
    target = named[0] if named else _known_head(thread, push.head)
    if target is not None:
        thread.head, thread.head_version = target, push.head.version


def _thread_of(upserted: Upserted, push: Push, named: Sequence[Checkpoint]) -> Thread:
    if named:
        return next(t for t in upserted.threads.values() if t.pk == named[0].thread_id)
    last = push.records[-1]
    return upserted.threads[last.agent_id, last.thread_id]


def _known_head(thread: Thread, head: PushedHead) -> Checkpoint | None:
    rows = Checkpoint.objects.filter(thread=thread, checkpoint_id=head.checkpoint_id)
    return rows.order_by("namespace").first()


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
