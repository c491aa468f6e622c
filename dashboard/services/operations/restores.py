"""A restore, step by step, on its opened store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import checkpoints
from dashboard.models import Operation, OperationState, OperationStep
from dashboard.services.operations.journal import PlannedStep
from dashboard.services.operations.opening import plan_restore
from dashboard.services.operations.work import Ending, Stop

RESTORE_ACTION = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreWork:
    """Makes an earlier checkpoint the head, by the plan that the operator confirmed."""

    operation: Operation
    store: checkpoints.RestorableStore
    plan: checkpoints.RestorePlan

    def check(self) -> None:
        """Derive the plan again and stop unless it is the confirmed one."""
        try:
            plan = self._live_plan()
        except (checkpoints.CheckpointNotFound, checkpoints.PlanRefused) as error:
            raise Stop(self._stale(f"{error}. Nothing was changed.")) from None
        if plan.digest() != self.operation.plan_hash:
            raise Stop(self._stale(_other_plan(self.plan, plan)))

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

    def apply(self, step: OperationStep, now: datetime) -> None:
        """Restore; the store looks first whether this operation has already done it."""
        try:
            self.store.restore(
                self.plan,
                written_ids=step.written_ids,
                operation_id=str(self.operation.pk),
                reason=self.operation.reason,
                now=now,
            )
        except checkpoints.HeadMoved as error:
            raise Stop(self._moved(error)) from None

    def verify(self, steps: Sequence[OperationStep]) -> Ending:
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
            f"The next run resumes from {self.operation.target_id}.",
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


def stands_on(
    store: checkpoints.ReadableStore, plan: checkpoints.RestorePlan, head_id: str, base_id: str
) -> bool:
    """Return whether a head is the restored checkpoint or was written on top of it."""
    if head_id == base_id:
        return True
    records = store.history(plan.agent_id, plan.thread_id)
    parents = {record.id: record.parent_id for record in records if not record.namespace}
    return follows(parents, head_id, base_id, left=plan.expected_head)


def follows(
    parents: Mapping[str, str | None], head_id: str, base_id: str, *, left: str | None
) -> bool:
    """Return whether a chain of parents leads from the head to the base, but not through ``left``.

    A line that reaches the base through the head which the restore left is that of a run which
    never knew of the restore.
    """
    seen: set[str | None] = {left}
    current: str | None = head_id
    while current is not None and current not in seen:
        if current == base_id:
            return True
        seen.add(current)
        current = parents.get(current)
    return False


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
