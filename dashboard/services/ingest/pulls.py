"""What a scan of a store found: the store is the truth, the index follows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.db import transaction

import checkpoints
from dashboard.models import Checkpoint, Source, Thread
from dashboard.services.ingest import cleaning, findings
from dashboard.services.ingest.heads import find_rows
from dashboard.services.ingest.resets import begin_anew
from dashboard.services.ingest.rows import LEARNED, learn
from dashboard.services.ingest.statements import update
from dashboard.services.ingest.threads import count_in, count_out, lock_threads, save_threads
from dashboard.services.ingest.upserts import (
    Ingested,
    Upserted,
    upsert,
)
from dashboard.services.marking import mark

_Named = checkpoints.Checkpoint | checkpoints.Thread | checkpoints.Removal


def ingest_changes(*, source: Source, changes: checkpoints.Changes, now: datetime) -> Ingested:
    """Store what a store gained and lost, in one transaction; the same again changes nothing.

    A known id with another content keeps its row and becomes a finding; so does a record that
    cannot be kept.
    """
    records = [record for record in changes.checkpoints if _unusable(record) is None]
    with transaction.atomic():
        if changes.reset:
            begin_anew(source, now=now)
        threads = lock_threads(source, _names(records, changes), now=now)
        upserted = upsert(threads, records, now=now)
        _count_created(upserted)
        _follow_known(upserted)
        _follow_removals(upserted, changes.removals)
        _follow_threads(upserted, changes.threads)
        save_threads(threads.values())
        mark(_agents_of(upserted.created, threads.values()), now=now)
        findings.keep(source, _findings(changes, upserted), now=now)
    return Ingested(
        created=len(upserted.created),
        duplicates=len(upserted.known),
        rows=tuple(row.pk for row in upserted.created),
        agents=tuple({thread.agent_id for thread in threads.values()}),
        threads=tuple(thread.pk for thread in threads.values()),
    )


def _unusable(record: checkpoints.Checkpoint) -> cleaning.UnusableRecord | None:
    try:
        cleaning.check_record(record)
    except cleaning.UnusableRecord as error:
        return error
    return None


def _names(
    records: Sequence[checkpoints.Checkpoint], changes: checkpoints.Changes
) -> Iterator[tuple[str, str]]:
    """Yield the threads that a batch touches, by agent and thread, as far as rows can hold them."""
    named: Iterable[_Named] = (*records, *changes.threads, *changes.removals)
    for item in named:
        try:
            cleaning.check_id("agent_id", item.agent_id, required=True)
            cleaning.check_id("thread_id", item.thread_id, required=True)
        except cleaning.UnusableRecord:
            continue
        yield item.agent_id, item.thread_id


def _agents_of(rows: Iterable[Checkpoint], threads: Iterable[Thread]) -> set[int]:
    """Return the agents that have new rows."""
    agents = {thread.pk: thread.agent_id for thread in threads}
    return {agents[row.thread_id] for row in rows}


def _count_created(upserted: Upserted) -> None:
    by_pk = {thread.pk: thread for thread in upserted.threads.values()}
    for row in upserted.created:
        count_in(by_pk[row.thread_id], [row])


def _follow_known(upserted: Upserted) -> None:
    """Take over what the store knows better about rows that are there, and what came back."""
    by_pk = {thread.pk: thread for thread in upserted.threads.values()}
    replaced = [pair for pair in upserted.conflicts if pair[0].removed_at]
    touched = [
        row
        for row, incoming in (*upserted.known, *replaced)
        if _follow(by_pk[row.thread_id], row, incoming)
    ]
    update(Checkpoint, touched, (*LEARNED, "removed_at", "removed_reason"))


def _follow(thread: Thread, row: Checkpoint, incoming: Checkpoint) -> bool:
    if not row.removed_at:
        count_out(thread, [row])
    changed = learn(row, incoming) or row.removed_at is not None
    row.removed_at, row.removed_reason = None, ""
    count_in(thread, [row])
    return changed


def _follow_removals(upserted: Upserted, removals: Iterable[checkpoints.Removal]) -> None:
    for removal in removals:
        thread = upserted.threads.get((removal.agent_id, removal.thread_id))
        if thread is not None:
            _remove(thread, removal)


def _remove(thread: Thread, removal: checkpoints.Removal) -> None:
    rows = Checkpoint.objects.filter(
        thread=thread, checkpoint_id=removal.checkpoint_id, removed_at=None
    )
    count_out(thread, rows)
    rows.update(removed_at=removal.removed_at, removed_reason=cleaning.text(removal.reason))


def _follow_threads(upserted: Upserted, views: Iterable[checkpoints.Thread]) -> None:
    """Take over how threads stand now; a head whose batch has not come yet is left for then."""
    named = ((upserted.threads.get((view.agent_id, view.thread_id)), view) for view in views)
    followed = [(thread, view) for thread, view in named if thread is not None]
    wanted = {(thread.pk, view.head_id) for thread, view in followed if view.head_id}
    heads = find_rows(upserted, wanted)
    for thread, view in followed:
        _follow_thread(thread, view)
        head = heads.get((thread.pk, view.head_id or ""))
        if head is not None or view.head_id is None:
            thread.head, thread.head_version = head, view.head_version


def _follow_thread(thread: Thread, view: checkpoints.Thread) -> None:
    thread.status = view.status
    thread.next_steps = [cleaning.text(name) for name in view.next_steps]
    thread.detail = cleaning.text(view.detail)


def _findings(changes: checkpoints.Changes, upserted: Upserted) -> Iterator[checkpoints.Finding]:
    yield from changes.findings
    for record in changes.checkpoints:
        error = _unusable(record)
        if error is not None:
            yield checkpoints.Finding(
                kind=findings.UNUSABLE,
                message=f"a record was left out: {error.field} {error}",
                checkpoint_id=record.id,
                thread_id=record.thread_id,
            )
    names = {thread.pk: thread.thread_id for thread in upserted.threads.values()}
    for row, _ in upserted.conflicts:
        yield findings.altered(row.checkpoint_id, names[row.thread_id])
