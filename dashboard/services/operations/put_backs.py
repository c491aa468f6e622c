"""Undoing a prune on its opened store: out of the trash, back to where it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import checkpoints
from dashboard.models import Operation, OperationState, OperationStep, TrashedBatch
from dashboard.services.ingest.removals import mark_returned
from dashboard.services.operations import parts
from dashboard.services.operations.journal import PlannedStep
from dashboard.services.operations.plans import Batch, BatchesPlan
from dashboard.services.operations.work import Ending, Stop

RETURNED = "returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBackWork:
    """Brings back what a prune moved to the trash."""

    operation: Operation
    store: checkpoints.PrunableStore
    plan: BatchesPlan
    trash: checkpoints.Trash

    def check(self) -> PutBackWork:
        """Stop when a sweep has deleted one of the batches since."""
        numbers = [batch.batch for batch in self.plan.batches]
        purged = TrashedBatch.objects.filter(pk__in=numbers, purged_at__isnull=False).count()
        if purged:
            raise Stop(_refused(purged))
        return self

    def safety(self) -> dict[str, Any]:
        """Return nothing: bringing back loses nothing."""
        return {}

    def steps(self) -> Sequence[PlannedStep]:
        """Take one step for each thread."""
        return batch_steps(self.plan, "bring back")

    def apply(self, step: OperationStep, now: datetime) -> Mapping[str, Any]:
        """Bring one thread's checkpoints back; those that are listed already are left alone."""
        batch = batch_of(self.plan, step)
        missing = self.store.put_back(
            batch.agent_id,
            batch.thread_id,
            batch.checkpoint_ids,
            operation_id=batch.operation_id,
            trash=self.trash,
        )
        returned = [name for name in batch.checkpoint_ids if name not in missing]
        return {RETURNED: returned, "stayed": missing}

    def book(self, step: OperationStep, result: Mapping[str, Any], now: datetime) -> None:
        """Take what came out of the books of the trash, and list it in the index again."""
        if not result.get(RETURNED):
            return
        if not result["stayed"]:
            row = TrashedBatch.objects.filter(pk=batch_of(self.plan, step).batch, returned_at=None)
            row.update(returned_at=now, due_seen_at=None)
        if step.thread_id is not None:
            mark_returned(thread_pk=step.thread_id, checkpoint_ids=result[RETURNED], now=now)

    def verify(self, steps: Sequence[OperationStep], now: datetime) -> Ending:
        """Read back what came."""
        for step in steps:
            if step.result.get(RETURNED):
                self._read_back(step)
        total = parts.sum_of(steps, counted_as=RETURNED)
        came = parts.counted(total.acted_on, "checkpoint")
        return Ending(
            state=total.state,
            message=f"{came} came back out of the trash.{total.why_not_whole()}",
            result=total.to_result(),
        )

    def _read_back(self, step: OperationStep) -> None:
        batch = batch_of(self.plan, step)
        listed = {r.id for r in self.store.history(batch.agent_id, batch.thread_id)}
        returned = [name for name in step.result[RETURNED] if name in listed]
        missing = set(step.result[RETURNED]) - set(returned)
        step.result = step.result | {
            RETURNED: returned,
            "stayed": step.result["stayed"] | dict.fromkeys(missing, "it is not listed again"),
        }


def batch_steps(plan: BatchesPlan, verb: str) -> list[PlannedStep]:
    """Return one step for each batch, which keeps the batch's number."""
    threads = dict(
        TrashedBatch.objects.filter(pk__in=[b.batch for b in plan.batches]).values_list(
            "pk", "thread_id"
        )
    )
    return [
        PlannedStep(
            action=f"{verb} {parts.thread_label(batch.agent_id, batch.thread_id)}",
            thread=threads.get(batch.batch),
            written_ids=(str(batch.batch),),
        )
        for batch in plan.batches
    ]


def batch_of(plan: BatchesPlan, step: OperationStep) -> Batch:
    """Return the batch that a step is about."""
    return next(b for b in plan.batches if [str(b.batch)] == step.written_ids)


def _refused(purged: int) -> Ending:
    return Ending(
        state=OperationState.REFUSED_STALE,
        message=f"{parts.counted(purged, 'thread')} of it were swept since; nothing was changed. "
        "What is swept is gone for good.",
    )
