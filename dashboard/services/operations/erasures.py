"""An erasure on its opened store: gone for good, with a receipt of what went."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import checkpoints
from checkpoints.lineage import erase, plan_erase
from dashboard.models import Operation, OperationState, OperationStep
from dashboard.services.ingest.removals import mark_erased
from dashboard.services.operations import parts
from dashboard.services.operations.journal import PlannedStep
from dashboard.services.operations.plans import ErasePlan
from dashboard.services.operations.work import Ending, Stop
from dashboard.services.reports.forgetting import forget_reports

ERASED = "erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseWork:
    """Erases what belongs to a run, a user or a thread, and reads back that it is gone."""

    operation: Operation
    store: checkpoints.ErasableStore
    plan: ErasePlan
    trash: checkpoints.Trash

    def check(self) -> EraseWork:
        """Stop when what is to be erased is no longer what was confirmed."""
        live = ErasePlan(
            scope=self.plan.scope,
            threads=tuple(plan_erase(self.store, **self.plan.scope)),
        )
        if live.digest() != self.plan.digest():
            raise Stop(
                Ending(
                    state=OperationState.REFUSED_STALE,
                    message="What belongs to it has changed since the preview: "
                    f"{parts.counted(self.plan.doomed, 'checkpoint')} then, {live.doomed:,} now. "
                    "Nothing was erased. Stop the run, then ask again.",
                )
            )
        return self

    def safety(self) -> dict[str, Any]:
        """Return nothing: an erasure keeps nothing to go back to."""
        return {}

    def steps(self) -> Sequence[PlannedStep]:
        """Take one step for each thread."""
        names = [(t.agent_id, t.thread_id) for t in self.plan.threads]
        rows = parts.thread_rows(self.operation, names)
        return [
            PlannedStep(
                action=f"erase {parts.thread_label(*name)}",
                thread=rows.get(name),
                written_ids=name,
            )
            for name in names
        ]

    def apply(self, step: OperationStep, now: datetime) -> Mapping[str, Any]:
        """Erase of one thread."""
        erasure = self._thread(step)
        erased = erase(
            self.store,
            erasure,
            operation_id=str(self.operation.pk),
            now=now,
            trash=self.trash,
        )
        return {
            ERASED: [[t.checkpoint_id, t.namespace, t.sha256] for t in erased.erased],
            "stayed": dict(erased.remaining),
            "at": erased.erased_at.isoformat(),
        }

    def book(self, step: OperationStep, result: Mapping[str, Any], now: datetime) -> None:
        """Forget what the index knows of it, and what its agent reported."""
        erasure = self._thread(step)
        ids = [name for name, _, _ in result.get(ERASED, ())]
        thread_pk = step.thread_id or self._indexed_since(erasure)
        if thread_pk is None or not result:
            return
        mark_erased(thread_pk=thread_pk, checkpoint_ids=ids, now=now)
        forget_reports(
            thread_pk=thread_pk,
            checkpoint_ids=ids,
            whole=erasure.whole,
            run_id=self.plan.scope.get("run_id", ""),
        )

    def verify(self, steps: Sequence[OperationStep], now: datetime) -> Ending:
        """Write the receipt: the stores have read back what is gone."""
        total = parts.sum_of(steps, counted_as=ERASED)
        went = parts.counted(total.acted_on, "checkpoint")
        return Ending(
            state=total.state,
            message=f"{went} were erased for good.{total.why_not_whole()}",
            result=total.to_result() | {"receipt": self._receipt(steps, now)},
        )

    def _receipt(self, steps: Sequence[OperationStep], now: datetime) -> dict[str, Any]:
        """Return what was erased, of what, when, for whom, under a digest of its own."""
        receipt = {
            "operation": str(self.operation.pk),
            "source": self.operation.source.url,
            "scope": dict(self.plan.scope),
            "reason": self.operation.reason,
            "requested_by": self.operation.asked_by,
            "finished_at": now.isoformat(),
            "threads": [self._line(step) for step in steps],
        }
        return receipt | {"sha256": receipt_digest(receipt)}

    def _line(self, step: OperationStep) -> dict[str, Any]:
        agent_id, thread_id = step.written_ids
        return {
            "agent_id": agent_id,
            "thread_id": thread_id,
            "erased_at": step.result.get("at"),
            "erased": [
                {"checkpoint_id": name, "namespace": namespace, "sha256": sha256}
                for name, namespace, sha256 in step.result.get(ERASED, ())
            ],
            "remaining": step.result.get("stayed", {}),
            "failure": step.failure,
        }

    def _indexed_since(self, erasure: checkpoints.ThreadErasure) -> int | None:
        """Return the row of a thread that the index did not know when the steps were chosen."""
        name = (erasure.agent_id, erasure.thread_id)
        return parts.thread_rows(self.operation, [name]).get(name)

    def _thread(self, step: OperationStep) -> checkpoints.ThreadErasure:
        name = tuple(step.written_ids)
        return next(t for t in self.plan.threads if (t.agent_id, t.thread_id) == name)


def receipt_digest(receipt: Mapping[str, Any]) -> str:
    """Return the hex sha256 of a receipt without its own digest, as canonical JSON."""
    values = {name: value for name, value in receipt.items() if name != "sha256"}
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
