"""A restore, step by step, on its opened store."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import checkpoints
from dashboard.models import Operation, OperationState, OperationStep, Thread
from dashboard.services.operations.journal import PlannedStep
from dashboard.services.operations.lines import agent_has_gone_on, stands_on
from dashboard.services.operations.opening import plan_restore
from dashboard.services.operations.work import Ending, Overtaken, Stop

RESTORE_ACTION = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreWork:
    """Makes an earlier checkpoint the head, by the plan that the operator confirmed."""

    operation: Operation
    store: checkpoints.RestorableStore
    plan: checkpoints.RestorePlan

    def check(self) -> RestoreWork:
        """Derive the plan again; stop unless it is the confirmed one or leads on from it."""
        try:
            plan = self._live_plan()
        except (checkpoints.CheckpointNotFound, checkpoints.PlanRefused) as error:
            raise Stop(self._stale(f"{error}. Nothing was changed.")) from None
        if plan.digest() == self.plan.digest():
            return self
        if not self._leads_on(plan):
            raise Stop(self._stale(_other_plan(self.plan, plan)))
        return dataclasses.replace(self, plan=plan)

    def _leads_on(self, plan: checkpoints.RestorePlan) -> bool:
        """Say whether only the head differs, on its own line, and that was accepted."""
        as_seen = dataclasses.replace(plan, expected_head=self.plan.expected_head)
        return (
            self.operation.follow_live
            and as_seen.digest() == self.plan.digest()
            and agent_has_gone_on(
                self.store,
                plan,
                thread=self._thread(),
                seen_head=self.plan.expected_head,
                seen_at=self.operation.created_at,
            )
        )

    def safety(self) -> dict[str, Any]:
        """Return the head that the restore leaves, to come back to."""
        return {
            "previous_head_id": self.plan.expected_head,
            "previous_head_sha256": self.plan.expected_head_sha256,
        }

    def steps(self) -> Sequence[PlannedStep]:
        """A restore is one step: its store carries the whole plan out at once."""
        written = self.store.choose_ids(self.plan)
        return [PlannedStep(action=RESTORE_ACTION, written_ids=written)]

    def apply(self, step: OperationStep, now: datetime) -> Mapping[str, Any]:
        """Restore; the store looks first whether this operation has already done it."""
        try:
            head = self.store.restore(
                self.plan,
                written_ids=step.written_ids,
                operation_id=str(self.operation.pk),
                reason=self.operation.reason,
                now=now,
            )
        except checkpoints.HeadMoved as error:
            if self.operation.follow_live:
                raise Overtaken from None
            raise Stop(self._moved(error)) from None
        return {"head_id": head.checkpoint_id}

    def book(self, step: OperationStep, result: Mapping[str, Any], now: datetime) -> None:
        """Write nothing: a scan tells the index."""

    def verify(self, steps: Sequence[OperationStep], now: datetime) -> Ending:
        """Read the restored checkpoint back and see whether the head stands on it."""
        restored_id = restored_by(self.plan, steps)
        head = self.store.head(self.plan.agent_id, self.plan.thread_id)
        head_id = head.checkpoint_id if head else None
        try:
            self._read_back(restored_id)
        except (checkpoints.CorruptCheckpoint, checkpoints.CheckpointNotFound) as error:
            return self._unreadable(error, restored_id, head_id)
        if head_id is not None and stands_on(self.store, self.plan, head_id, restored_id):
            return self._succeeded(restored_id, head_id)
        return self._superseded(restored_id, head_id)

    def _read_back(self, restored_id: str) -> None:
        namespace = self.plan.targets[0].namespace
        restored = self.store.get(restored_id, thread_id=self.plan.thread_id, namespace=namespace)
        self.store.load(restored)

    def _live_plan(self) -> checkpoints.RestorePlan:
        return plan_restore(
            self.store,
            thread_id=self.plan.thread_id,
            namespace=self.plan.targets[0].namespace,
            checkpoint_id=self.operation.target_id,
        )

    def _thread(self) -> Thread:
        if self.operation.thread is None:
            raise ValueError("a restore is of one thread")
        return self.operation.thread

    def _stale(self, message: str) -> Ending:
        head = self.store.head(self.plan.agent_id, self.plan.thread_id)
        return self._ending(
            OperationState.REFUSED_STALE, message, head_id=head.checkpoint_id if head else None
        )

    def _moved(self, error: checkpoints.HeadMoved) -> Ending:
        message = (
            f"The head was {error.expected or 'empty'} when the restore was asked for and is "
            f"{error.actual or 'empty'} now. Nothing was changed."
        )
        return self._ending(OperationState.REFUSED_STALE, message, head_id=error.actual)

    def _succeeded(self, restored_id: str, head_id: str) -> Ending:
        return self._ending(
            OperationState.SUCCEEDED,
            f"The next run resumes from {_described(self.operation.target_id, restored_id)}.",
            restored_id=restored_id,
            head_id=head_id,
        )

    def _superseded(self, restored_id: str, head_id: str | None) -> Ending:
        return self._ending(
            OperationState.SUPERSEDED,
            superseded_message(restored_id, head_id),
            restored_id=restored_id,
            head_id=head_id,
        )

    def _unreadable(self, error: Exception, restored_id: str, head_id: str | None) -> Ending:
        return self._ending(
            OperationState.NEEDS_ATTENTION,
            f"Restored as {restored_id}, but it cannot be read back: {error}. "
            "Restore another checkpoint.",
            restored_id=restored_id,
            head_id=head_id,
        )

    def _ending(self, state: OperationState, message: str, **ids: str | None) -> Ending:
        result = {"expected_head": self.plan.expected_head, **ids}
        return Ending(state=state, message=message, result=result)


def restored_by(plan: checkpoints.RestorePlan, steps: Sequence[OperationStep]) -> str:
    """Return the id of the checkpoint that the restore made the head."""
    written = steps[0].written_ids if steps else []
    return written[0] if written else plan.targets[0].checkpoint_id


def _described(target_id: str, restored_id: str) -> str:
    return target_id if restored_id == target_id else f"{restored_id}, a copy of {target_id}"


def superseded_message(restored_id: str, head_id: str | None) -> str:
    """Return the sentence for a restore that a live run has overtaken."""
    return (
        f"Restored as {restored_id}, but a live run has since written {head_id}, which does not "
        "follow from it; the next run resumes from there. Stop the run, then restore again."
    )


def _other_plan(seen: checkpoints.RestorePlan, live: checkpoints.RestorePlan) -> str:
    if seen.expected_head != live.expected_head:
        return (
            f"The head was {seen.expected_head or 'empty'} when the restore was asked for and is "
            f"{live.expected_head or 'empty'} now. Nothing was changed."
        )
    return "The checkpoint's content is not what the preview showed. Nothing was changed."
