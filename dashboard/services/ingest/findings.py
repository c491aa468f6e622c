"""What is wrong in a source: kept when it is seen, marked as gone when it is seen no more."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import checkpoints
from dashboard.models import Source, SourceFinding
from dashboard.services.ingest import cleaning

ALTERED: Final = "digest_mismatch"
UNUSABLE: Final = "unusable_record"
GONE_FOR: Final = timedelta(days=30)
"""How long what is gone stays in the list as such."""
_ONLY_SCANS_SEE: Final = (UNUSABLE,)
_BATCH: Final = 500


def altered(checkpoint_id: str, thread_id: str) -> checkpoints.Finding:
    """Return the finding for a stored content that is not the one first seen."""
    return checkpoints.Finding(
        kind=ALTERED,
        message="the stored content is no longer what it was when it was first seen",
        checkpoint_id=checkpoint_id,
        thread_id=thread_id,
    )


def keep(
    source: Source, findings: Iterable[checkpoints.Finding], *, now: datetime, deep: bool = False
) -> int:
    """Keep what was found, each once with when it was first and last seen; return how many.

    ``deep`` says that less than reading every state would not have shown it.
    """
    rows = {row.fingerprint: row for row in (_row(source, found, now) for found in findings)}
    for row in rows.values():
        row.deep = deep
    again = ["seen_at", "gone_at"] if deep else ["seen_at", "gone_at", "deep"]
    SourceFinding.objects.bulk_create(
        rows.values(),
        batch_size=_BATCH,
        update_conflicts=True,
        unique_fields=["source", "fingerprint"],
        update_fields=again,
    )
    return len(rows)


def conclude(source: Source, *, now: datetime, deep: bool) -> int:
    """After everything was read: mark what was not seen again as gone; return how many.

    What only a deep reading shows is left alone by any other, and what only scans see by both.
    """
    rows = SourceFinding.objects.filter(source=source)
    rows.filter(gone_at__lt=now - GONE_FOR).delete()
    unseen = rows.filter(gone_at=None, seen_at__lt=now).exclude(kind__in=_ONLY_SCANS_SEE)
    if not deep:
        unseen = unseen.filter(deep=False)
    return unseen.update(gone_at=now)


def _row(source: Source, found: checkpoints.Finding, now: datetime) -> SourceFinding:
    kind = found.kind[:60]
    texts = [cleaning.text(found.message), _name(found.checkpoint_id), _name(found.thread_id)]
    return SourceFinding(
        source=source,
        fingerprint=hashlib.sha256(json.dumps([kind, *texts]).encode()).hexdigest(),
        kind=kind,
        message=texts[0],
        checkpoint_id=texts[1],
        thread_id=texts[2],
        found_at=now,
        seen_at=now,
    )


def _name(text: str | None) -> str:
    """Return an id as an index can hold it; one that is longer is no row's anyway."""
    kept = cleaning.text(text).encode()[: cleaning.MAX_ID_BYTES]
    return kept.decode(errors="ignore")
