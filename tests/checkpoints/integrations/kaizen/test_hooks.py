"""Hooks of Kaizen's that see the state: they may refuse it, change it, or only look on."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from kaizen.core.autonomy.hooks import HookEvent, HookManager, HookResult
from kaizen.core.autonomy.state import AgentState, StateManager

from checkpoints.errors import SaveVetoed
from checkpoints.integrations.kaizen import HoldfastStateManager, HoldfastStorage

Hook = Callable[[Any], Awaitable[HookResult]]


@pytest.fixture
def storage(tmp_path: Path) -> HoldfastStorage:
    return HoldfastStorage(tmp_path)


def saved_with(
    storage: HoldfastStorage, *before: Hook, after: Hook | None = None
) -> tuple[AgentState, AgentState]:
    """Save a state of step 1 and return it beside what was stored of it."""
    hooks = HookManager()
    for hook in before:
        hooks.register(HookEvent.PRE_CHECKPOINT_SAVE, hook)
    if after:
        hooks.register(HookEvent.POST_CHECKPOINT_SAVE, after)
    manager = HoldfastStateManager(storage=storage, hook_manager=hooks)
    given = AgentState(agent_id="a", step_number=1)
    return given, asyncio.run(storage.load(asyncio.run(manager.save_checkpoint(given))))


def test_a_hook_before_a_save_is_told_once_what_kaizen_tells_and_the_state(
    storage: HoldfastStorage,
) -> None:
    told = []

    async def hook(context: Any) -> HookResult:
        told.append(context.data)
        return HookResult(success=True)

    given, _ = saved_with(storage, hook)
    (data,) = told
    assert (data["agent_id"], data["step_number"], data["status"]) == ("a", 1, "running")
    assert data["timestamp"] > 0
    assert data["state"] == given


def test_a_hook_that_validates_can_forbid_a_save(storage: HoldfastStorage) -> None:
    async def hook(context: Any) -> HookResult:
        return HookResult(success=True, data={"veto": "the plan is empty"})

    with pytest.raises(SaveVetoed, match="the plan is empty; nothing was saved") as raised:
        saved_with(storage, hook)
    assert raised.value.reason == "the plan is empty"
    assert asyncio.run(storage.list_checkpoints()) == []


def test_a_hook_can_change_what_is_saved_and_not_the_agents_own(storage: HoldfastStorage) -> None:
    async def hook(context: Any) -> HookResult:
        context.data["state"].metadata["card"] = "****"
        return HookResult(success=True)

    given, stored = saved_with(storage, hook)
    assert (given.metadata, stored.metadata) == ({}, {"card": "****"})


def test_a_hook_can_answer_with_another_state(storage: HoldfastStorage) -> None:
    async def hook(context: Any) -> HookResult:
        other = dataclasses.replace(context.data["state"], model="llama3.2")
        return HookResult(success=True, data={"state": other})

    assert saved_with(storage, hook)[1].model == "llama3.2"


def test_a_hook_that_fails_or_says_so_stops_nothing(storage: HoldfastStorage) -> None:
    async def fails(context: Any) -> HookResult:
        raise ValueError("broken")

    async def says_so(context: Any) -> HookResult:
        return HookResult(success=False, error="no")

    given, stored = saved_with(storage, fails, says_so)
    assert given == stored


def test_a_hook_after_a_save_is_told_the_checkpoint_that_is_already_there(
    storage: HoldfastStorage,
) -> None:
    found = []

    async def hook(context: Any) -> HookResult:
        found.append(await storage.exists(context.data["checkpoint_id"]))
        return HookResult(success=True)

    saved_with(storage, after=hook)
    assert found == [True]


def test_without_hooks_it_is_kaizens_state_manager(storage: HoldfastStorage) -> None:
    manager = HoldfastStateManager(storage=storage, retention_count=2)
    assert isinstance(manager, StateManager)
    for step in range(5):
        asyncio.run(manager.save_checkpoint(AgentState(agent_id="a", step_number=step)))
    assert len(asyncio.run(manager.list_checkpoints("a"))) == 2
    assert not manager.should_checkpoint("a", 5, 0.0)
