"""Kaizen's agents on every store of Holdfast's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kaizen.core.autonomy.state import AgentState, StateManager

from checkpoints.integrations.kaizen import HoldfastStorage
from checkpoints.lineage import plan_restore, restore

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["memory", "file", "sqlite", "postgresql", "redis", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    kind: str = request.param
    if kind == "memory":
        return "memory://"
    if kind in ("file", "sqlite"):
        return f"{kind}:///{tmp_path}/store"
    if kind == "s3":
        bucket, endpoint = (
            request.getfixturevalue(f"s3_{name}") for name in ("bucket", "endpoint")
        )
        return f"s3://{bucket}/agents?endpoint={endpoint}"
    found: str = request.getfixturevalue(f"{kind}_url")
    return found


def state(step: int) -> AgentState:
    return AgentState(
        agent_id="a",
        checkpoint_id=f"ckpt_{step}",
        step_number=step,
        timestamp=T0 + timedelta(seconds=step),
        conversation_history=[{"role": "user", "content": f"message {n}"} for n in range(step)],
    )


async def _run(storage: HoldfastStorage) -> None:
    manager = StateManager(storage=storage, retention_count=4)
    for step in range(1, 7):
        await manager.save_checkpoint(state(step))
    fork = await manager.fork_from_checkpoint("ckpt_4")
    listed = await manager.list_checkpoints("a")
    assert [one.step_number for one in listed] == [6, 5, 4, 4, 3]
    await storage.delete(fork.checkpoint_id)
    assert not await storage.exists("ckpt_1")
    assert await manager.resume_from_latest("a") == state(6)
    _restore(storage, "ckpt_4")
    assert await manager.resume_from_latest("a") == state(4)
    await manager.save_checkpoint(state(7))
    again = HoldfastStorage(storage.store)
    assert await StateManager(storage=again).resume_from_latest("a") == state(7)
    with pytest.raises(FileNotFoundError):
        await again.load("ckpt_2")


def _restore(storage: HoldfastStorage, checkpoint_id: str) -> None:
    store = storage.store
    plan = plan_restore(store, store.get(checkpoint_id, thread_id="main"))
    ids = store.choose_ids(plan)
    restore(store, plan, written_ids=ids, operation_id="op", reason="it went wrong", now=T0)


def test_an_agent_saves_forks_forgets_restores_and_resumes(url: str) -> None:
    storage = HoldfastStorage(url)
    try:
        asyncio.run(_run(storage))
    finally:
        storage.close()
