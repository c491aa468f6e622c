"""What the fields of a thread take, and what its states take before and after compression."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Q, Sum

import checkpoints
from dashboard.models import Checkpoint, FieldSample, Thread, ThreadStorage

FIELDS_KEPT = 100
LONGEST_NAME = 300
OTHERS = "(all other fields)"
UNKEPT = re.compile(r"[\x00\ud800-\udfff]")


def measure_thread(
    thread: Thread, store: checkpoints.MeasurableStore | None, now: datetime
) -> None:
    """Write down what a thread's fields and states take. Raises what the store raises."""
    _note_compression(thread)
    if store is None:
        return
    sizes = list(store.field_sizes(thread.agent.agent_id, thread.thread_id))
    with transaction.atomic():
        FieldSample.objects.filter(thread=thread, replaced_at=None).update(replaced_at=now)
        FieldSample.objects.bulk_create(_samples(thread, sizes, now), ignore_conflicts=True)


def _note_compression(thread: Thread) -> None:
    """Sum both sizes over the checkpoints of which both are known, and count the others."""
    rows = Checkpoint.objects.filter(thread=thread, removed_at=None)
    sized = Q(size__isnull=False, stored_size__isnull=False)
    sums = rows.aggregate(
        plain=Sum("size", filter=sized),
        packed=Sum("stored_size", filter=sized),
        unsized=Count("pk", filter=~sized),
    )
    ThreadStorage.objects.filter(thread=thread).update(
        plain_bytes=sums["plain"], packed_bytes=sums["packed"], unsized_count=sums["unsized"]
    )


def _samples(
    thread: Thread, sizes: Iterable[checkpoints.FieldSize], now: datetime
) -> list[FieldSample]:
    """Return a row for each of the largest fields, and one for all others."""
    found: dict[tuple[str, str], FieldSample] = {}
    for size in sizes:
        name = (size.field[:LONGEST_NAME], (size.written_by or "")[:LONGEST_NAME])
        if name not in found and len(found) >= FIELDS_KEPT:
            name = (OTHERS, "")
        row = found.get(name)
        if row is None:
            found[name] = _sample(thread, name, size, now)
        else:
            _add(row, size)
    return list(found.values())


def _sample(
    thread: Thread, name: tuple[str, str], size: checkpoints.FieldSize, now: datetime
) -> FieldSample:
    field, written_by = name
    return FieldSample(
        thread=thread,
        field=_kept(field),
        written_by=_kept(written_by),
        checkpoint_count=size.checkpoints,
        size=size.size,
        stored_size=size.stored_size,
        sampled_at=now,
    )


def _add(row: FieldSample, size: checkpoints.FieldSize) -> None:
    row.size += size.size
    row.checkpoint_count = max(row.checkpoint_count, size.checkpoints)
    known = row.stored_size is not None and size.stored_size is not None
    row.stored_size = (row.stored_size or 0) + (size.stored_size or 0) if known else None


def _kept(name: str) -> str:
    """Return a name without what a database refuses to keep."""
    return UNKEPT.sub("\N{REPLACEMENT CHARACTER}", name)
