"""What a loop answers to bad input, as its guide says."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from checkpoints import CheckpointManager
from checkpoints.errors import SaveVetoed, SchemaMismatch, UnsupportedState
from checkpoints.hooks import HookContext, HookEvent, HookManager, HookResult
from checkpoints.loops import LoopState, run_loop
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import FakeClock


def work(state: LoopState) -> None:
    state.memory[str(state.cycle)] = True


def test_a_value_that_cannot_be_kept_is_named_and_the_cycle_is_undone(
    manager: CheckpointManager,
) -> None:
    def step(state: LoopState) -> None:
        work(state)
        if state.cycle == 1:
            state.custom["handle"] = lambda: None

    with pytest.raises(UnsupportedState, match="handle"):
        run_loop(step, manager=manager)
    head = manager.history()[0]
    assert (head.status, manager.load(head)["cycle"]) == ("failed", 1)


def test_a_hook_that_raises_or_hangs_stops_no_loop(store: MemoryStore) -> None:
    hooks = HookManager()

    def broken(_context: HookContext) -> HookResult:
        raise OSError("the hook's own")

    def slow(_context: HookContext) -> HookResult:
        time.sleep(30)
        return HookResult()

    hooks.register(HookEvent.BEFORE_SAVE, broken)
    hooks.register(HookEvent.AFTER_SAVE, slow, timeout=0.05)
    manager = CheckpointManager("agent-1", store=store, hooks=hooks)
    assert run_loop(work, manager=manager, max_cycles=3).cycles == 3
    assert len(manager.history()) == 3


def test_a_veto_ends_the_loop_with_the_vetos_reason_and_the_last_good_state(
    store: MemoryStore,
) -> None:
    hooks = HookManager()

    def strict(context: HookContext) -> HookResult:
        memory = (context.state or {}).get("memory", {})
        return HookResult(veto="too much memory" if len(memory) > 2 else None)

    hooks.register(HookEvent.BEFORE_SAVE, strict)
    manager = CheckpointManager("agent-1", store=store, hooks=hooks)
    with pytest.raises(SaveVetoed, match="too much memory"):
        run_loop(work, manager=manager, max_cycles=5)
    assert len(manager.load(manager.history()[0])["memory"]) == 2


def test_a_capture_that_returns_none_is_refused_before_the_first_step(store: MemoryStore) -> None:
    manager = CheckpointManager("agent-1", store=store, capture=lambda: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(UnsupportedState, match="NoneType"):
        run_loop(work, manager=manager)
    assert manager.history() == []


def test_a_state_of_newer_code_is_refused_and_left(store: MemoryStore) -> None:
    newer = CheckpointManager("agent-1", store=store, schema_version=2)
    run_loop(work, manager=newer, max_cycles=1)
    older = CheckpointManager("agent-1", store=store, schema_version=1)
    with pytest.raises(SchemaMismatch):
        run_loop(work, manager=older, max_cycles=2)
    assert len(newer.history()) == 1


def test_a_state_of_older_code_is_brought_up_by_migrations(store: MemoryStore) -> None:
    older = CheckpointManager("agent-1", store=store, schema_version=1)
    run_loop(work, manager=older, max_cycles=1)

    def renamed(state: dict[str, object]) -> dict[str, object]:
        return {**state, "custom": {"names": sorted(state["memory"])}}  # type: ignore[call-overload]

    newer = CheckpointManager("agent-1", store=store, schema_version=2, migrations={1: renamed})
    ended = run_loop(work, manager=newer, max_cycles=2)
    assert ended.state.custom == {"names": ["0"]}


def test_a_clock_that_jumps_back_loses_and_reorders_nothing(store: MemoryStore) -> None:
    clock = FakeClock()

    def step(state: LoopState) -> None:
        clock.now -= timedelta(days=1)
        work(state)

    manager = CheckpointManager("agent-1", store=store, clock=clock)
    run_loop(step, manager=manager, max_cycles=3)
    assert [record.step for record in manager.history()] == [3, 2, 1]
    ended = run_loop(
        step, manager=CheckpointManager("agent-1", store=store, clock=clock), max_cycles=5
    )
    assert (ended.cycles, len(ended.state.memory)) == (2, 5)
