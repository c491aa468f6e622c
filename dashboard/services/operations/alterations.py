"""Comparing what a store holds with the digests that the index took when it first saw them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import checkpoints
from dashboard.models import Checkpoint, Source
from dashboard.services.ingest import findings

_PAGE = 500


def altered_since(
    source: Source, store: checkpoints.ReadableStore
) -> Iterator[checkpoints.Finding]:
    """Yield each checkpoint whose stored content is not the one that was first seen.

    A store without checksums tells nothing of an edited value; the index does.
    """
    cursor, is_complete = None, False
    while not is_complete:
        changes = store.changes(cursor, limit=_PAGE)
        yield from _altered(source, changes.checkpoints)
        is_complete = changes.complete or changes.cursor == cursor
        cursor = changes.cursor


def _altered(
    source: Source, records: Sequence[checkpoints.Checkpoint]
) -> Iterator[checkpoints.Finding]:
    rows = Checkpoint.objects.filter(thread__agent__source=source, removed_at=None)
    rows = rows.filter(checkpoint_id__in=[record.id for record in records]).exclude(sha256="")
    names = ("thread__agent__agent_id", "thread__thread_id", "namespace", "checkpoint_id")
    known = {tuple(key): digest for *key, digest in rows.values_list(*names, "sha256")}
    for record in records:
        key = (record.agent_id, record.thread_id, record.namespace, record.id)
        if record.sha256 and known.get(key, record.sha256) != record.sha256:
            yield findings.altered(record.id, record.thread_id)
