"""Inserting the records that are new, and telling which are known or differ.

Their threads are locked, so a row that is not there is not about to be made by somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import checkpoints
from dashboard.models import Checkpoint, Thread
from dashboard.services.ingest.rows import same_content, to_row
from dashboard.services.ingest.statements import KEY, find, insert_checkpoints, key_of

Key = tuple[int, str, str]
"""What names a row: the thread's primary key, the namespace, the checkpoint's id."""


class ContentConflict(Exception):
    """A checkpoint came again under the same id with another content; nothing was stored."""

    def __init__(self, checkpoint_id: str) -> None:
        super().__init__(
            f"Checkpoint {checkpoint_id!r} is known with another content (sha256), so nothing was "
            "stored. Checkpoints never change: save what is new under a new id."
        )
        self.checkpoint_id = checkpoint_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What came of it. ``rows`` are the primary keys in the order of the records."""

    created: int
    duplicates: int
    rows: tuple[int, ...] = ()
    agents: tuple[int, ...] = ()
    threads: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Upserted:
    """Rows of one batch: made now, there before (with what came), there with another content."""

    threads: dict[tuple[str, str], Thread]
    created: list[Checkpoint] = field(default_factory=list)
    known: list[tuple[Checkpoint, Checkpoint]] = field(default_factory=list)
    conflicts: list[tuple[Checkpoint, Checkpoint]] = field(default_factory=list)


def upsert(
    threads: dict[tuple[str, str], Thread],
    records: Sequence[checkpoints.Checkpoint],
    *,
    now: datetime,
) -> Upserted:
    """Insert the records that are new; compare the others. The threads must be locked."""
    result = Upserted(threads=threads)
    incoming: dict[Key, Checkpoint] = {}
    for record in records:
        thread = threads[record.agent_id, record.thread_id]
        row = to_row(record, thread_pk=thread.pk, now=now)
        first = incoming.setdefault(key_of(row), row)
        if same_content(first, row):
            incoming[key_of(row)] = row
        else:
            result.conflicts.append((first, row))
    known = {key_of(row): row for row in find(Checkpoint, KEY, incoming)}
    for key, row in incoming.items():
        _sort_in(result, known.get(key), row)
    insert_checkpoints(result.created)
    return result


def _sort_in(result: Upserted, known: Checkpoint | None, row: Checkpoint) -> None:
    if known is None:
        result.created.append(row)
    elif same_content(known, row):
        result.known.append((known, row))
    else:
        result.conflicts.append((known, row))
