"""A store, a manager and an operator for loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from checkpoints import CheckpointManager, Directive, Strategy
from checkpoints.lineage import plan_restore, restore
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import NOON

Operator = Callable[..., None]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def manager(store: MemoryStore) -> CheckpointManager:
    return CheckpointManager("agent-1", store=store, checkpoint_frequency=1)


@pytest.fixture
def operator(store: MemoryStore, manager: CheckpointManager) -> Operator:
    """Restores a checkpoint of the thread, with a directive if one is named."""
    operations = iter(range(100))

    def restores(
        checkpoint_id: str, strategy: Strategy | None = None, /, **parameters: Any
    ) -> None:
        record = store.get(checkpoint_id)
        directive = Directive(strategy=strategy, parameters=parameters) if strategy else None
        operation = f"operation-{next(operations)}"
        head = store.head(record.agent_id, record.thread_id)
        if head is not None and head.checkpoint_id == checkpoint_id:
            store.set_head(
                record,
                expected=checkpoint_id,
                now=NOON,
                operation_id=operation,
                reason="a directive",
                directive=directive,
            )
            return
        restore(
            store,
            plan_restore(store, record),
            written_ids=(),
            operation_id=operation,
            reason="it drifted",
            now=NOON,
            directive=directive,
        )

    return restores
