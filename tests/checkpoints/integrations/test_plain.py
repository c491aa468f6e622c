"""The decorator and the context manager."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkpoints import CheckpointManager, Status
from checkpoints.integrations.plain import checkpointed, checkpointing


def test_a_block_resumes_and_its_end_is_saved(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    for expected in (0, 3):
        with checkpointing("counter", store=url, checkpoint_frequency=1) as manager:
            assert manager.state.get("n", 0) == expected
            for _ in range(3):
                manager.state["n"] = manager.state.get("n", 0) + 1
                manager.checkpoint_if_due()
    with CheckpointManager("counter", store=url) as reader:
        assert len(reader.history()) == 8
        assert reader.history()[0].status is Status.COMPLETED


def test_a_function_gets_a_manager_and_its_exception_goes_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"

    @checkpointed("billing", store=url, thread="order-{order}")
    def bill(manager: CheckpointManager, order: int, *, fail: bool = False) -> int:
        """Bill an order."""
        manager.state["tries"] = int(manager.state.get("tries", 0)) + 1
        if fail:
            raise ZeroDivisionError
        return int(manager.state["tries"])

    with pytest.raises(ZeroDivisionError):
        bill(17, fail=True)
    assert bill(17) == 2
    assert bill(18) == 1
    assert (bill.__name__, bill.__doc__) == ("bill", "Bill an order.")
    with CheckpointManager("billing", store=url, thread="order-17") as reader:
        statuses = [record.status for record in reader.history()]
    assert statuses == [Status.COMPLETED, Status.FAILED]


def test_an_async_function_too(tmp_path: Path) -> None:
    @checkpointed("agent", store=f"sqlite:///{tmp_path}/store.db")
    async def agent(manager: CheckpointManager, to: int) -> int:
        manager.state["n"] = to
        await manager.create_checkpoint.aio()
        return to

    assert asyncio.run(agent(3)) == 3


def test_a_generator_is_refused_because_it_would_run_after_its_end_was_saved() -> None:
    with pytest.raises(TypeError, match="is a generator"):

        @checkpointed("agent-1", store="memory://")
        def count(_manager: CheckpointManager) -> Iterator[int]:
            yield 1
