"""Undos that did not take everything back, and threads with long names."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

import checkpoints
from checkpoints.stores.removals import PrunesToTrash
from dashboard.models import Operation, OperationState, Thread, TrashedBatch
from dashboard.services import operations
from dashboard.services.operations import PruneOf, Scope
from tests.benches import Bench, Clock, register, save_steps

LONG = "an-agent-whose-name-is-longer-than-most-others-are"


@pytest.fixture
def bench(db: None, tmp_path: Path, clock: Clock) -> Bench:
    """Return a store with two agents, one of which has a long name."""
    url = f"sqlite:///{tmp_path}/agents.db"
    save_steps(url)
    with checkpoints.CheckpointManager(LONG, store=url) as manager:
        for step in range(5):
            manager.create_checkpoint(state={"step": step})
    return register(url, thread_id="main", clock=clock)


def prune(bench: Bench) -> Operation:
    policy = checkpoints.RetentionPolicy(newest=2)
    draft = operations.draft_prune(
        user=bench.user,
        scope=Scope(source=bench.source),
        wanted=[PruneOf(thread=thread, policy=policy) for thread in Thread.objects.all()],
        idempotency_key=uuid4().hex,
        now=bench.clock(),
    )
    return bench.run(
        operations.confirm(
            user=bench.user,
            operation_id=draft.pk,
            plan_hash=draft.plan_hash,
            reason="too many",
            now=bench.clock(),
        )
    )


def test_a_thread_may_have_a_long_name(bench: Bench) -> None:
    operation = prune(bench)

    assert operation.state == OperationState.SUCCEEDED, operation.message
    assert f"prune {LONG}" in [step.action for step in operation.steps.all()]


def test_what_an_undo_left_behind_is_brought_back_by_another(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = prune(bench)
    put_back = PrunesToTrash.put_back

    def refuse(store: object, agent_id: str, *args: object, **more: object) -> dict[str, str]:
        if agent_id == LONG:
            raise checkpoints.PermanentStoreError("the disk is full")
        return put_back(store, agent_id, *args, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as fault:
        fault.setattr(PrunesToTrash, "put_back", refuse)
        first = bench.run(bench.undo(operation))
    assert first.state == OperationState.PARTIAL, first.message

    second = bench.run(bench.undo(operation))

    assert second.state == OperationState.SUCCEEDED, second.message
    assert not TrashedBatch.objects.filter(returned_at=None).exists()
    operation.refresh_from_db()
    assert operation.state == OperationState.UNDONE


def test_an_undo_that_needs_attention_can_be_closed_and_asked_for_again(bench: Bench) -> None:
    operation = prune(bench)
    undo = bench.undo(operation)
    Operation.objects.filter(pk=undo.pk).update(state=OperationState.NEEDS_ATTENTION)

    closed = operations.cancel(user=bench.user, operation_id=undo.pk, now=bench.clock())

    operation.refresh_from_db()
    assert closed.state == OperationState.FAILED
    assert operation.state == OperationState.SUCCEEDED
    assert bench.run(bench.undo(operation)).state == OperationState.SUCCEEDED
