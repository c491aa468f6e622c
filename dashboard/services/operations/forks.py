"""A fork, plain or with an edited state, on its opened store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import checkpoints
from checkpoints.lineage import plan_fork as planned
from dashboard.models import Operation, OperationState, OperationStep
from dashboard.services.operations.journal import PlannedStep
from dashboard.services.operations.work import Ending, Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkWork:
    """Begins a new thread at a checkpoint, by the plan that the operator confirmed."""

    operation: Operation
    store: checkpoints.ForkableStore
    plan: checkpoints.ForkPlan

    def check(self) -> ForkWork:
        """Derive the plan again; stop unless it is the confirmed one."""
        try:
            plan = plan_fork(
                self.store,
                thread_id=self.plan.thread_id,
                checkpoint_id=self.plan.targets[0].checkpoint_id,
                namespace=self.plan.targets[0].namespace,
                new_agent_id=self.plan.new_agent_id,
                new_thread_id=self.plan.new_thread_id,
                edits=self.plan.edits,
            )
        except (checkpoints.CheckpointNotFound, checkpoints.PlanRefused) as error:
            raise Stop(_stale(f"{error}. Nothing was changed.")) from None
        if plan.digest() != self.plan.digest():
            message = "What would be copied is not what the preview showed. Nothing was changed."
            raise Stop(_stale(message))
        return self

    def safety(self) -> dict[str, Any]:
        """Return where the new thread lies; the old one is left as it is."""
        return {"agent_id": self.plan.new_agent_id, "thread_id": self.plan.new_thread_id}

    def steps(self) -> Sequence[PlannedStep]:
        """A fork is one step: its store writes the whole thread at once."""
        written = self.store.choose_fork_ids(self.plan)
        return [PlannedStep(action="fork", written_ids=written)]

    def apply(self, step: OperationStep, now: datetime) -> Mapping[str, Any]:
        """Fork; the store looks first whether this operation has already done it."""
        head = self.store.fork(
            self.plan,
            written_ids=step.written_ids,
            operation_id=str(self.operation.pk),
            reason=self.operation.reason,
            now=now,
        )
        return {"head_id": head.checkpoint_id}

    def book(self, step: OperationStep, result: Mapping[str, Any], now: datetime) -> None:
        """Write nothing: a scan tells the index."""

    def verify(self, steps: Sequence[OperationStep], now: datetime) -> Ending:
        """Read the new thread's first checkpoint and its head back."""
        plan, forked_id = self.plan, steps[0].written_ids[0]
        result = self.safety() | {"forked_id": forked_id}
        try:
            self.store.load(self.store.get(forked_id, thread_id=plan.new_thread_id))
        except (checkpoints.CorruptCheckpoint, checkpoints.CheckpointNotFound) as error:
            message = f"Forked as {plan.new_thread_id}, but it cannot be read back: {error}."
            return Ending(state=OperationState.NEEDS_ATTENTION, message=message, result=result)
        head = self.store.head(plan.new_agent_id, plan.new_thread_id)
        result["head_id"] = head.checkpoint_id if head else None
        return Ending(
            state=OperationState.SUCCEEDED,
            message=f"{self._name()} begins at {plan.targets[0].checkpoint_id}; the thread that "
            "it came from is as it was.",
            result=result,
        )

    def _name(self) -> str:
        plan = self.plan
        if plan.new_agent_id != plan.agent_id:
            return f"The agent {plan.new_agent_id}"
        return f"The thread {plan.new_thread_id}"


def plan_fork(
    store: checkpoints.ForkableStore,
    *,
    thread_id: str,
    checkpoint_id: str,
    namespace: str,
    new_agent_id: str | None,
    new_thread_id: str,
    edits: Sequence[checkpoints.Edit],
) -> checkpoints.ForkPlan:
    """Return what forking a checkpoint would do to the store as it is now."""
    target = store.get(checkpoint_id, thread_id=thread_id, namespace=namespace)
    return planned(store, target, thread_id=new_thread_id, agent_id=new_agent_id, edits=edits)


def _stale(message: str) -> Ending:
    return Ending(state=OperationState.REFUSED_STALE, message=message)
