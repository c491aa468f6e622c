"""HoldfastStorage beside Kaizen's FilesystemStorage: the same calls, the same answers."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from kaizen.core.autonomy.state import (
    AgentState,
    CheckpointMetadata,
    FilesystemStorage,
    StateManager,
    StorageBackend,
)

from checkpoints.integrations.kaizen import HoldfastStorage

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
AGENT = "autonomous_agent"

FULL: dict[str, Any] = {
    "checkpoint_id": "ckpt_full",
    "agent_id": "research",
    "model": "llama3.2",
    "timestamp": datetime(2026, 3, 1, 14, 5, 6, 789, tzinfo=timezone(timedelta(hours=2))),
    "updated_at": None,
    "step_number": 7,
    "conversation_history": [{"role": "user", "content": "häll😀"}],
    "memory_contents": {"message_count": 1, "metadata": {}},
    "pending_actions": [{"task": "b", "status": "pending"}],
    "completed_actions": [{"task": "a", "status": "completed"}],
    "budget_spent_usd": 0.1 + 0.2,
    "approval_history": [{"tool_name": "Bash", "approved": True}],
    "tool_usage_counts": {"Bash": 3},
    "tool_results_cache": {"Bash:ls": ["a", None, True]},
    "active_specialists": ["coder"],
    "specialist_invocations": [{"name": "coder", "cost": 1e-9}],
    "workflow_run_id": "run_1",
    "workflow_state": {"run_id": "run_1", "node_results": {"n": {"m": [1, 2]}}},
    "control_protocol_state": {"open": []},
    "registered_hooks": [{"event": "pre_tool_use"}],
    "hook_event_history": [{"event": "pre_tool_use", "n": 2**40}],
    "parent_checkpoint_id": "ckpt_elsewhere",
    "status": "interrupted",
    "metadata": {"why": "a test", "": {"nested": [[], {}]}},
}

Storage: TypeAlias = Any
"""FilesystemStorage or HoldfastStorage; Kaizen has no types."""


@pytest.fixture(params=[FilesystemStorage, HoldfastStorage])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    made: Storage = request.param(base_dir=tmp_path / ".kaizen/checkpoints", compress=True)
    return made


def state(step: int, *, after: float | None = None, **more: Any) -> AgentState:
    values = {"agent_id": AGENT, "checkpoint_id": f"ckpt_{step:03}", **more}
    timestamp = T0 + timedelta(seconds=step if after is None else after)
    return AgentState(step_number=step, **{"timestamp": timestamp, **values})


async def save(storage: Storage, *states: AgentState) -> None:
    for one in states:
        await storage.save(one)


def ids(listed: list[CheckpointMetadata]) -> list[str]:
    return [one.checkpoint_id for one in listed]


def test_it_is_a_storage_as_kaizen_means_it(storage: Storage) -> None:
    assert isinstance(storage, StorageBackend)


async def _round_trip(storage: Storage) -> AgentState:
    assert await storage.save(AgentState(**FULL)) == "ckpt_full"
    return await storage.load("ckpt_full")


def test_every_field_comes_back_as_it_was_saved(storage: Storage) -> None:
    assert len(FULL) == 24
    assert asyncio.run(_round_trip(storage)) == AgentState(**FULL)


def test_what_is_loaded_is_the_callers_own(storage: Storage) -> None:
    async def work() -> AgentState:
        given = state(1)
        await storage.save(given)
        given.metadata["later"] = True
        (await storage.load("ckpt_001")).metadata["mine"] = True
        return await storage.load("ckpt_001")

    assert asyncio.run(work()).metadata == {}


def test_metadata_says_of_each_checkpoint_what_the_state_says(storage: Storage) -> None:
    async def work() -> CheckpointMetadata:
        await storage.save(AgentState(**FULL))
        return (await storage.list_checkpoints())[0]

    listed = asyncio.run(work())
    assert type(listed) is CheckpointMetadata
    assert listed.size_bytes > 0
    for name in ("checkpoint_id", "agent_id", "timestamp", "step_number", "status"):
        assert getattr(listed, name) == FULL[name]
    assert listed.timestamp.utcoffset() == timedelta(hours=2)
    assert listed.parent_checkpoint_id == "ckpt_elsewhere"


def test_the_newest_timestamp_comes_first_whatever_was_saved_last(storage: Storage) -> None:
    async def work() -> list[str]:
        await save(storage, *(state(step) for step in (3, 1, 4, 2)))
        return ids(await storage.list_checkpoints(AGENT))

    assert asyncio.run(work()) == ["ckpt_004", "ckpt_003", "ckpt_002", "ckpt_001"]


def test_agents_are_told_apart_exactly(storage: Storage) -> None:
    async def work() -> list[list[str]]:
        for name in ("agent-1", "agent-10", "Agent-1", "agent"):
            await storage.save(state(1, agent_id=name, checkpoint_id=f"of-{name}"))
        return [ids(await storage.list_checkpoints(n)) for n in ("agent-1", "agent-10", "none")]

    assert asyncio.run(work()) == [["of-agent-1"], ["of-agent-10"], []]


@pytest.mark.parametrize("agent_id", [None, ""])
def test_without_an_agent_all_are_listed(storage: Storage, agent_id: str | None) -> None:
    async def work() -> list[str]:
        await save(storage, state(1, agent_id="a"), state(3, agent_id=""), state(2, agent_id="b"))
        return ids(await storage.list_checkpoints(agent_id))

    assert asyncio.run(work()) == ["ckpt_003", "ckpt_002", "ckpt_001"]


def test_equal_timestamps_are_all_kept(storage: Storage) -> None:
    async def work() -> set[str]:
        await save(storage, *(state(step, after=0) for step in range(20)))
        return set(ids(await storage.list_checkpoints(AGENT)))

    assert len(asyncio.run(work())) == 20


def test_naive_timestamps_come_back_naive_and_in_order(storage: Storage) -> None:
    naive = T0.replace(tzinfo=None)

    async def work() -> tuple[list[str], datetime, datetime]:
        later = naive + timedelta(hours=1)
        await save(storage, state(2, timestamp=later), state(1, timestamp=naive))
        listed = await storage.list_checkpoints(AGENT)
        return ids(listed), listed[0].timestamp, (await storage.load("ckpt_001")).timestamp

    later = naive + timedelta(hours=1)
    assert asyncio.run(work()) == (["ckpt_002", "ckpt_001"], later, naive)


def test_the_same_id_saved_again_takes_the_place_of_the_first(storage: Storage) -> None:
    async def work() -> tuple[list[tuple[str, int]], int]:
        await save(storage, state(1, checkpoint_id="same"), state(5, checkpoint_id="other"))
        await storage.save(state(9, checkpoint_id="same"))
        listed = await storage.list_checkpoints(AGENT)
        loaded = await storage.load("same")
        return [(one.checkpoint_id, one.step_number) for one in listed], loaded.step_number

    assert asyncio.run(work()) == ([("same", 9), ("other", 5)], 9)


def test_an_older_state_under_the_same_id_does_not_become_the_newest(storage: Storage) -> None:
    async def work() -> list[tuple[str, int]]:
        await save(storage, state(8, checkpoint_id="same"), state(5, checkpoint_id="other"))
        await storage.save(state(2, checkpoint_id="same"))
        listed = await storage.list_checkpoints(AGENT)
        return [(one.checkpoint_id, one.step_number) for one in listed]

    assert asyncio.run(work()) == [("other", 5), ("same", 2)]


def test_an_id_saved_for_another_agent_goes_over_to_it(storage: Storage) -> None:
    async def work() -> list[list[str]]:
        await save(storage, state(1, agent_id="a", checkpoint_id="same"))
        await save(storage, state(2, agent_id="b", checkpoint_id="same"))
        return [ids(await storage.list_checkpoints(name)) for name in ("a", "b")]

    assert asyncio.run(work()) == [[], ["same"]]


def test_a_deleted_id_is_gone_in_all_its_saves(storage: Storage) -> None:
    async def work() -> list[str]:
        await save(storage, state(1, checkpoint_id="same"), state(2, checkpoint_id="same"))
        await save(storage, state(3))
        await storage.delete("same")
        assert not await storage.exists("same")
        with pytest.raises(FileNotFoundError):
            await storage.load("same")
        return ids(await storage.list_checkpoints())

    assert asyncio.run(work()) == ["ckpt_003"]


def test_a_deleted_id_can_be_saved_again(storage: Storage) -> None:
    async def work() -> int:
        await storage.save(state(1))
        await storage.delete("ckpt_001")
        await storage.save(state(4, checkpoint_id="ckpt_001"))
        step: int = (await storage.load("ckpt_001")).step_number
        return step

    assert asyncio.run(work()) == 4


def test_what_is_missing_is_a_file_that_is_not_found(storage: Storage) -> None:
    async def work() -> None:
        with pytest.raises(FileNotFoundError, match="Checkpoint not found: ckpt_none"):
            await storage.load("ckpt_none")
        with pytest.raises(FileNotFoundError, match="Checkpoint not found: ckpt_none"):
            await storage.delete("ckpt_none")
        assert not await storage.exists("ckpt_none")
        assert await storage.list_checkpoints() == []

    asyncio.run(work())


@pytest.mark.parametrize(
    "name", ["a b", "ünï😀", "x" * 200, "ckpt:1", "(1)", "ckpt_1.2", "CON", "-rf", "a\tb"]
)
def test_ids_may_be_any_text(storage: Storage, name: str) -> None:
    async def work() -> tuple[str, list[str]]:
        await save(storage, state(1), state(2, checkpoint_id=name))
        assert await storage.exists(name)
        loaded = await storage.load(name)
        listed = ids(await storage.list_checkpoints(AGENT))
        await storage.delete(name)
        return loaded.checkpoint_id, listed

    assert asyncio.run(work()) == (name, [name, "ckpt_001"])


def test_a_state_that_cannot_be_kept_is_an_os_error_and_leaves_nothing(storage: Storage) -> None:
    async def work() -> None:
        with pytest.raises(OSError, match="Failed to save checkpoint"):
            await storage.save(state(1, metadata={"socket": object()}))
        assert await storage.list_checkpoints() == []

    asyncio.run(work())


def test_a_manager_keeps_as_many_as_it_is_told(storage: Storage) -> None:
    async def work() -> list[str]:
        manager = StateManager(storage=storage, retention_count=3)
        for step in range(1, 9):
            await manager.save_checkpoint(state(step))
        await manager.save_checkpoint(state(1, agent_id="other", checkpoint_id="of-other"))
        assert await manager.cleanup_old_checkpoints(AGENT) == 0
        return ids(await manager.list_checkpoints())

    assert asyncio.run(work()) == ["ckpt_008", "ckpt_007", "ckpt_006", "of-other"]


def test_a_manager_resumes_from_the_newest_timestamp(storage: Storage) -> None:
    async def work() -> tuple[int, AgentState | None]:
        manager = StateManager(storage=storage)
        await save(storage, state(2), state(5), state(3))
        resumed = await manager.resume_from_latest(AGENT)
        assert resumed is not None
        return resumed.step_number, await manager.resume_from_latest("nobody")

    assert asyncio.run(work()) == (5, None)


def test_a_fork_of_an_old_checkpoint_is_kept_and_is_not_resumed_from(storage: Storage) -> None:
    async def work() -> tuple[Any, ...]:
        manager = StateManager(storage=storage)
        await save(storage, *(state(step) for step in (1, 2, 3)))
        forked = await manager.fork_from_checkpoint("ckpt_001")
        loaded = await storage.load(forked.checkpoint_id)
        tree = await manager.get_checkpoint_tree(AGENT)
        resumed = await manager.resume_from_latest(AGENT)
        assert tree == {"ckpt_001": [forked.checkpoint_id]}
        listed = ids(await storage.list_checkpoints(AGENT))
        return loaded == forked, loaded.step_number, resumed and resumed.step_number, listed[:2]

    assert asyncio.run(work()) == (True, 1, 3, ["ckpt_003", "ckpt_002"])


def test_a_fork_that_goes_on_is_resumed_from(storage: Storage) -> None:
    async def work() -> tuple[int, str | None]:
        manager = StateManager(storage=storage)
        await save(storage, *(state(step) for step in (1, 2, 3)))
        forked = await manager.fork_from_checkpoint("ckpt_001")
        following = state(2, after=60, checkpoint_id="b", parent_checkpoint_id=forked.checkpoint_id)
        await manager.save_checkpoint(following)
        resumed = await manager.resume_from_latest(AGENT)
        assert resumed is not None
        return resumed.step_number, resumed.parent_checkpoint_id and "forked"

    assert asyncio.run(work()) == (2, "forked")


def test_deleting_the_newest_leads_back_to_the_one_before_it_in_time(storage: Storage) -> None:
    async def work() -> list[int]:
        manager = StateManager(storage=storage)
        await save(storage, state(1), state(3), state(2), state(4))
        steps = []
        for step in (4, 3, 2):
            await storage.delete(f"ckpt_{step:03}")
            resumed = await manager.resume_from_latest(AGENT)
            assert resumed is not None
            steps.append(resumed.step_number)
        return steps

    assert asyncio.run(work()) == [3, 2, 1]


def test_another_storage_on_the_same_folder_sees_the_same(storage: Storage, tmp_path: Path) -> None:
    async def work() -> tuple[list[str], list[str]]:
        await save(storage, state(1), state(2))
        again = type(storage)(base_dir=tmp_path / ".kaizen/checkpoints")
        seen = ids(await again.list_checkpoints(AGENT))
        await save(again, state(3))
        await again.delete("ckpt_001")
        return seen, ids(await storage.list_checkpoints(AGENT))

    assert asyncio.run(work()) == (["ckpt_002", "ckpt_001"], ["ckpt_003", "ckpt_002"])


def test_many_tasks_may_save_at_once(storage: Storage) -> None:
    async def work() -> int:
        await asyncio.gather(*(storage.save(state(step)) for step in range(50)))
        return len(await storage.list_checkpoints(AGENT))

    assert asyncio.run(work()) == 50


async def _did(storage: Storage, seed: int) -> list[Any]:
    """Do a hundred things by chance and tell what each was answered."""
    chance, manager = random.Random(seed), StateManager(storage=storage, retention_count=6)
    answers: list[Any] = []
    moments = chance.sample(range(1000), 100)
    for number, moment in enumerate(moments):
        agent_id = chance.choice(["a", "b"])
        name = f"ckpt_{chance.randrange(12)}"
        one = state(number, after=moment, agent_id=agent_id, checkpoint_id=name)
        kind = chance.choice(["save", "save", "keep", "delete", "resume", "exists"])
        if kind == "save":
            await storage.save(one)
        elif kind == "keep":
            answers.append(await manager.save_checkpoint(one))
        elif kind == "delete" and await storage.exists(name):
            await storage.delete(name)
        elif kind == "resume":
            resumed = await manager.resume_from_latest(agent_id)
            answers.append(resumed and resumed.step_number)
        elif kind == "exists":
            answers.append(await storage.exists(name))
        answers.append([(c.checkpoint_id, c.step_number) for c in await storage.list_checkpoints()])
    return answers


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_done_both_answer_the_same(tmp_path: Path, seed: int) -> None:
    ours, theirs = (
        asyncio.run(_did(make(base_dir=tmp_path / make.__name__), seed))
        for make in (HoldfastStorage, FilesystemStorage)
    )
    assert ours == theirs
