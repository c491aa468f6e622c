"""What the systems that Holdfast grew out of promise and do not keep: each promise, kept."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from checkpoints import (
    CheckpointManager,
    CheckpointNotFound,
    CorruptCheckpoint,
    Kind,
    ResilientCheckpointManager,
)
from checkpoints.errors import SaveVetoed
from checkpoints.hooks import HookContext, HookEvent, HookManager, HookResult
from checkpoints.loops import Budget, DriftCheck, LoopState, OnDrift, run_loop
from checkpoints.recovery import RecoveryManager
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import FakeClock

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def talk(state: LoopState) -> None:
    state.conversation.append({"role": "assistant", "content": f"answer {state.cycle}"})
    state.budget.charge(0.25)


def test_conversation_history_all_interactions_are_captured(store: MemoryStore) -> None:
    manager = CheckpointManager("agent-1", store=store)
    run_loop(talk, manager=manager, max_cycles=3)
    again = CheckpointManager("agent-1", store=store).resume()
    assert again is not None
    assert [turn["content"] for turn in again["conversation"]] == [f"answer {n}" for n in range(3)]


def test_budget_cost_tracking_is_restored_and_its_cap_with_it(store: MemoryStore) -> None:
    first = CheckpointManager("agent-1", store=store)
    run_loop(talk, manager=first, max_cycles=2, budget=Budget(limit_usd=1.0))
    ended = run_loop(talk, manager=CheckpointManager("agent-1", store=store))
    assert (ended.cycles, ended.state.budget.spent_usd, ended.reason) == (2, 1.0, "budget")


def test_a_hook_validates_the_state_before_save(store: MemoryStore) -> None:
    hooks = HookManager()

    async def whole(context: HookContext) -> HookResult:
        return HookResult(success=bool(context.state and context.state.get("plan")))

    def refuses(context: HookContext) -> HookResult:
        plan = context.state.get("plan") if context.state else None
        return HookResult(veto=None if plan else "a state without a plan")

    hooks.register(HookEvent.PRE_CHECKPOINT_SAVE, whole)
    hooks.register(HookEvent.PRE_CHECKPOINT_SAVE, refuses)
    manager = CheckpointManager("agent-1", store=store, hooks=hooks)
    with pytest.raises(SaveVetoed, match="a state without a plan"):
        manager.create_checkpoint(state={"plan": []})
    assert manager.history() == []
    manager.create_checkpoint(state={"plan": ["read"]})
    assert len(manager.history()) == 1


def test_a_hook_modifies_the_state_before_save(store: MemoryStore) -> None:
    hooks = HookManager()

    def without_secrets(context: HookContext) -> HookResult:
        return HookResult(state={**(context.state or {}), "key": "(removed)"})

    hooks.register(HookEvent.PRE_CHECKPOINT_SAVE, without_secrets)
    manager = CheckpointManager("agent-1", store=store, hooks=hooks)
    saved = manager.create_checkpoint(state={"key": "s3cr3t", "n": 1})
    assert manager.load(saved) == {"key": "(removed)", "n": 1}


def test_recovery_checkpoints_are_kept_for_7_days_and_then_really_removed(
    store: MemoryStore,
) -> None:
    clock = FakeClock()
    manager = ResilientCheckpointManager("agent-3", store=store, clock=clock)
    old = manager.create_checkpoint("recovery", {"n": 1})
    clock.advance(days=6, hours=23)
    manager.create_checkpoint("routine", {"n": 2})
    manager.flush()
    assert old in manager.history()
    clock.advance(hours=2)
    manager.create_checkpoint("routine", {"n": 3})
    manager.flush()
    assert old not in manager.history()
    store.sweep(before=clock.advance(days=30))
    with pytest.raises(CheckpointNotFound):
        store.get(old.id)


def test_routine_checkpoints_only_the_latest_3_are_kept(store: MemoryStore) -> None:
    manager = ResilientCheckpointManager("agent-3", store=store)
    for n in range(10):
        manager.create_checkpoint("routine", {"n": n})
    manager.flush()
    assert [manager.load(record)["n"] for record in manager.history()] == [9, 8, 7]


def test_pre_operation_checkpoints_are_kept_until_the_operation_completes(
    store: MemoryStore,
) -> None:
    manager = ResilientCheckpointManager("agent-3", store=store)
    with manager.operation("deploy") as before:
        for n in range(9):
            manager.create_checkpoint("routine", {"n": n})
        manager.flush()
        assert before in manager.history()
    manager.create_checkpoint("routine", {"n": 9})
    manager.flush()
    assert before not in manager.history()


def test_agent_1_never_touches_agent_10(store: MemoryStore) -> None:
    ten = ResilientCheckpointManager("agent-10", store=store)
    theirs = [ten.create_checkpoint("routine", {"n": n}) for n in range(3)]
    one = ResilientCheckpointManager("agent-1", store=store)
    for n in range(20):
        one.create_checkpoint("routine", {"n": n})
    one.flush()
    assert ten.history() == theirs[::-1]
    with pytest.raises(CheckpointNotFound, match="agent-10"):
        one.restore_checkpoint(theirs[0])
    with pytest.raises(CheckpointNotFound):
        one.pin(theirs[0], "not mine")


def test_cleaning_up_one_agents_old_checkpoints_leaves_the_others(store: MemoryStore) -> None:
    clock = FakeClock()
    for agent in ("agent-1", "agent-10"):
        manager = CheckpointManager(agent, store=store, clock=clock)
        manager.create_checkpoint(state={})
        manager.create_checkpoint(state={})
    clock.advance(days=60)
    assert RecoveryManager(store, agent_id="agent-1", clock=clock).cleanup_old_checkpoints() == 1
    assert len(CheckpointManager("agent-10", store=store).history()) == 2


SAVES = """
    import sys
    from checkpoints import CheckpointManager

    manager = CheckpointManager("agent-1", store=sys.argv[1])
    for n in range(10_000):
        manager.create_checkpoint(state={"n": n, "text": f"{n} " * 50_000})
        print(n, flush=True)
"""


@pytest.mark.parametrize("scheme", ["sqlite:///{}/store.db", "file:///{}/store"])
def test_a_save_replaces_atomically_a_killed_one_leaves_the_one_before(
    tmp_path: Path, scheme: str
) -> None:
    url = scheme.format(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SAVES), url],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    told = [next(process.stdout) for _ in range(5)]
    process.kill()
    told += process.stdout.readlines()
    process.wait()
    with CheckpointManager("agent-1", store=url) as manager:
        state = manager.resume()
        assert state is not None
        assert state["n"] >= int(told[-1])
        assert state["text"] == f"{state['n']} " * 50_000
        assert [finding for finding in manager.store.verify() if finding.kind != "orphan"] == []


@pytest.mark.parametrize("scheme", ["memory://", "sqlite:///{}/store.db", "file:///{}/store"])
def test_two_saves_in_one_second_are_two_checkpoints(tmp_path: Path, scheme: str) -> None:
    manager = CheckpointManager("agent-1", store=scheme.format(tmp_path), clock=FakeClock())
    saved = [manager.create_checkpoint("routine", {"n": n}) for n in range(20)]
    assert [manager.load(record)["n"] for record in saved] == list(range(20))
    assert manager.history() == saved[::-1]
    manager.close()


def test_a_poisoned_empty_memory_is_noticed(store: MemoryStore) -> None:
    manager = CheckpointManager("agent-1", store=store)
    manager.create_checkpoint(state={"memory": {"name": "Ada"}})
    manager.create_checkpoint(state={"memory": {}})
    report = manager.detect_drift()
    assert "memory was filled and is empty now" in str(report)


def test_a_loop_never_goes_on_with_a_poisoned_memory(store: MemoryStore) -> None:
    def step(state: LoopState) -> None:
        state.memory = {} if state.cycle == 3 else {**state.memory, str(state.cycle): True}

    manager = CheckpointManager("agent-1", store=store)
    check = DriftCheck(every=1, then=OnDrift.STOP)
    ended = run_loop(step, manager=manager, max_cycles=9, drift=check)
    assert (ended.status, ended.cycles) == ("waiting", 4)
    assert Kind.RECOVERY in {record.kind for record in manager.history()}


def test_an_edited_budget_never_loads_silently(tmp_path: Path) -> None:
    url = f"file:///{tmp_path}/store"
    with CheckpointManager("agent-1", store=url) as manager:
        saved = manager.create_checkpoint(state={"budget_spent_usd": 1234.5})
    (body,) = (tmp_path / "store").rglob(f"{saved.id}*")
    body.write_bytes(body.read_bytes().replace(b"1234.5", b"0234.5"))
    with CheckpointManager("agent-1", store=url) as manager, pytest.raises(CorruptCheckpoint):
        manager.resume()
