"""Where to go back to when an agent has drifted: the ladder, with a page for each rung."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Q

import checkpoints
from checkpoints.drift.ladders import Candidate, ladder
from dashboard.models import Checkpoint, Directive, DriftAlert, Operation, SourceFinding
from dashboard.selectors.recovery_points import DRIFT
from dashboard.selectors.restorability import why_not_restore

BEFORE: Final = 200
"""Checkpoints before the onset that are looked at; beside them the start of the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRung:
    """A checkpoint to go back to: how sure it is that it lies before the drift, and in words.

    ``path`` is the page that restores it, ``before`` how many checkpoints lie between it and the
    onset; ``refused`` says why the index thinks that it cannot be restored here.
    """

    checkpoint: Checkpoint
    confidence: float
    words: str
    before: int
    path: str
    refused: str


def rungs(alert: DriftAlert) -> tuple[ShownRung, ...]:
    """Return the ladder of an alert, best first; empty where nothing lies before its onset."""
    onset = alert.onset_checkpoint
    if onset is None or alert.thread is None:
        return ()
    lineage = _lineage(alert, onset)
    tried, damaged = _tried(alert), _found_damaged(alert, lineage)
    candidates = [
        Candidate(
            index=index,
            checkpoint_id=str(row.pk),
            is_damaged=bool(row.damage) or row.checkpoint_id in damaged,
            in_open_incident=row.status == checkpoints.Status.FAILED or DRIFT in row.metadata,
            was_tried=row.checkpoint_id in tried,
        )
        for index, row in enumerate(lineage)
    ]
    found = ladder(candidates, onset=len(lineage))
    head = alert.thread.head_id
    return tuple(
        _shown(lineage[one.candidate.index], one.confidence, one.words, lineage, head)
        for one in found
    )


def _shown(
    row: Checkpoint, confidence: float, words: str, lineage: Sequence[Checkpoint], head: int | None
) -> ShownRung:
    return ShownRung(
        checkpoint=row,
        confidence=confidence,
        words=words,
        before=len(lineage) - lineage.index(row),
        path=f"/checkpoints/{row.pk}/restore/",
        refused=why_not_restore(row, is_head=row.pk == head),
    )


def _lineage(alert: DriftAlert, onset: Checkpoint) -> list[Checkpoint]:
    """Return what led to the onset, oldest first, without it; what a restore undid is not in it."""
    rows = Checkpoint.objects.filter(thread=alert.thread, namespace="", removed_at=None)
    rows = rows.select_related("thread__agent__source")
    earlier = Q(created_at__lt=onset.created_at) | Q(created_at=onset.created_at, pk__lt=onset.pk)
    near = list(rows.filter(earlier).order_by("-created_at", "-pk")[:BEFORE])
    led = _followed(onset, near)
    first = rows.filter(earlier, run_id=onset.run_id).order_by("created_at", "pk").first()
    if first is not None and first not in led:
        led.append(first)
    return led[::-1]


def _followed(onset: Checkpoint, near: Iterable[Checkpoint]) -> list[Checkpoint]:
    """Return the ancestors of the onset, newest first; all where nobody told what followed what."""
    earlier = list(near)
    by_id = {row.checkpoint_id: row for row in earlier}
    led: list[Checkpoint] = []
    parent = onset.parent_id
    while (row := by_id.pop(parent, None)) is not None:
        led.append(row)
        parent = row.parent_id
    return led or earlier


def _tried(alert: DriftAlert) -> set[str]:
    """Return the ids of what was restored since the drift began, and did not end it."""
    operations = Operation.objects.filter(
        thread=alert.thread, kind="restore", created_at__gte=alert.onset_at
    )
    left = Directive.objects.filter(thread=alert.thread, created_at__gte=alert.onset_at)
    restored = {one.parameters.get("checkpoint_id", "") for one in left if one.is_applied_restore}
    done = operations.filter(state__in=["succeeded", "partial", "superseded"])
    return restored | set(done.values_list("target_id", flat=True))


def _found_damaged(alert: DriftAlert, lineage: Sequence[Checkpoint]) -> set[str]:
    """Return the ids of what a verification found something wrong with."""
    names = [row.checkpoint_id for row in lineage]
    rows = SourceFinding.objects.filter(
        source=alert.agent.source_id, checkpoint_id__in=names, gone_at=None
    )
    return set(rows.values_list("checkpoint_id", flat=True))
