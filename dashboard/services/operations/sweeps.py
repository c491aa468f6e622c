"""A sweep on its opened store: what two sweeps in a row found due is deleted for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import checkpoints
from dashboard.models import Operation, OperationState, OperationStep, TrashedBatch
from dashboard.services.operations import parts
from dashboard.services.operations.journal import PlannedStep
from dashboard.services.operations.plans import BatchesPlan
from dashboard.services.operations.put_backs import batch_of, batch_steps
from dashboard.services.operations.work import Ending

BETWEEN_SWEEPS = timedelta(hours=1)
"""What one sweep has found due, another may delete only this much later."""
PURGED = "purged"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepWork:
    """Deletes batches for good that lay in the trash for their whole grace, seen due before."""

    operation: Operation
    store: checkpoints.PrunableStore
    plan: BatchesPlan
    trash: checkpoints.Trash

    def check(self) -> SweepWork:
        """Return itself: each batch is looked at again in the step that deletes it."""
        return self

    def safety(self) -> dict[str, Any]:
        """Return nothing: a sweep cannot be gone back on."""
        return {}

    def steps(self) -> Sequence[PlannedStep]:
        """Take one step for each batch."""
        return batch_steps(self.plan, "sweep")

    def apply(self, step: OperationStep, now: datetime) -> Mapping[str, Any]:
        """Delete one batch for good, or note that it is due and leave it to the next sweep."""
        batch = batch_of(self.plan, step)
        row = TrashedBatch.objects.get(pk=batch.batch)
        why_not = _why_not(row, now)
        if why_not:
            return {PURGED: [], "stayed": dict.fromkeys(batch.checkpoint_ids, why_not)}
        if row.due_seen_at is None or now - row.due_seen_at < BETWEEN_SWEEPS:
            TrashedBatch.objects.filter(pk=row.pk, due_seen_at=None).update(due_seen_at=now)
            return {PURGED: [], "noted": len(batch.checkpoint_ids)}
        later = _trashed_again(row)
        going = [name for name in batch.checkpoint_ids if name not in later]
        freed = self.store.purge(
            batch.agent_id,
            batch.thread_id,
            going,
            operation_id=batch.operation_id,
            trash=self.trash,
        )
        TrashedBatch.objects.filter(pk=row.pk, purged_at=None).update(purged_at=now)
        return {PURGED: going, "freed_bytes": freed}

    def book(self, step: OperationStep, result: Mapping[str, Any], now: datetime) -> None:
        """Write nothing: what went from the trash was not listed."""

    def verify(self, steps: Sequence[OperationStep], now: datetime) -> Ending:
        """Read back that what was deleted is in no trash any more."""
        for step in steps:
            if step.result.get(PURGED):
                self._read_back(step)
        total = parts.sum_of(steps, counted_as=PURGED)
        noted = sum(step.result.get("noted", 0) for step in steps)
        went = parts.counted(total.acted_on, "checkpoint")
        message = f"{went} were deleted for good; {noted:,} are due and go with the next sweep."
        return Ending(
            state=_state(total) if noted and not total.acted_on else total.state,
            message=message + total.why_not_whole(),
            result=total.to_result() | {"noted": noted},
        )

    def _read_back(self, step: OperationStep) -> None:
        batch = batch_of(self.plan, step)
        there = self.store.trashed(
            batch.agent_id, batch.thread_id, operation_id=batch.operation_id, trash=self.trash
        )
        left = [name for name in step.result[PURGED] if name in there]
        gone = [name for name in step.result[PURGED] if name not in there]
        step.result = step.result | {
            PURGED: gone,
            "stayed": dict.fromkeys(left, "it is in the trash still"),
        }


def _state(noting: parts.Sum) -> OperationState:
    """Return how a sweep ended that deleted nothing but noted what is due."""
    left = noting.failures or noting.not_begun
    return OperationState.PARTIAL if left else OperationState.SUCCEEDED


def due_batches(source_pk: int, now: datetime) -> list[TrashedBatch]:
    """Return what lies in the trash of a source for longer than its grace."""
    rows = TrashedBatch.objects.filter(operation__source=source_pk, due_at__lte=now)
    waiting = rows.filter(purged_at=None, returned_at=None)
    return list(waiting.select_related("thread__agent").order_by("pk"))


def _trashed_again(row: TrashedBatch) -> set[str]:
    """Return what later prunes of the thread have in the trash: it goes when their grace is over.

    Two prunes at once may book the same; after an undo of one it may lie there for a third.
    """
    later = TrashedBatch.objects.filter(thread=row.thread_id, trashed_at__gt=row.trashed_at)
    waiting = later.filter(purged_at=None, returned_at=None)
    return {name for ids in waiting.values_list("checkpoint_ids", flat=True) for name in ids}


def _why_not(row: TrashedBatch, now: datetime) -> str:
    if row.returned_at is not None:
        return "it was brought back"
    if row.due_at > now:
        return "its grace is not over"
    undone = Operation.objects.filter(undo_of=row.operation_id, state__in=_UNDER_WAY).exists()
    return "its undo is under way" if undone else ""


_UNDER_WAY = (
    OperationState.PENDING_APPROVAL,
    OperationState.QUEUED,
    OperationState.RUNNING,
    OperationState.NEEDS_ATTENTION,
)
