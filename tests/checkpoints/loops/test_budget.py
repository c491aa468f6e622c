"""A budget's cap holds over every way to begin again."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from checkpoints import CheckpointManager, Strategy
from checkpoints.errors import TransientStoreError
from checkpoints.loops import Budget, LoopState, run_loop
from checkpoints.loops.running import Step
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import FaultyStore
from tests.checkpoints.loops.conftest import Operator


def spend(state: LoopState) -> None:
    state.budget.charge(0.1)


def test_the_loop_ends_when_the_budget_is_spent(manager: CheckpointManager) -> None:
    ended = run_loop(spend, manager=manager, budget=Budget(limit_usd=0.3))
    assert (ended.status, ended.reason, ended.cycles) == ("interrupted", "budget", 3)
    assert ended.state.budget.left_usd == pytest.approx(0.0)


def test_the_cap_and_what_was_spent_survive_a_resume(
    store: MemoryStore, manager: CheckpointManager
) -> None:
    run_loop(spend, manager=manager, budget=Budget(limit_usd=0.5), max_cycles=2)
    again = CheckpointManager("agent-1", store=store)
    ended = run_loop(spend, manager=again)
    assert ended.cycles == 3
    assert ended.state.budget.spent_usd == pytest.approx(0.5)


def test_a_resume_cannot_raise_the_cap_unless_it_says_so(manager: CheckpointManager) -> None:
    run_loop(spend, manager=manager, budget=Budget(limit_usd=0.2))
    assert run_loop(spend, manager=manager, budget=Budget(limit_usd=9.0)).cycles == 0
    raised = run_loop(spend, manager=manager, budget=Budget(limit_usd=0.4, override=True))
    assert raised.cycles == 2


def test_a_resume_can_lower_the_cap(manager: CheckpointManager) -> None:
    run_loop(spend, manager=manager, budget=Budget(limit_usd=1.0), max_cycles=2)
    assert run_loop(spend, manager=manager, budget=Budget(limit_usd=0.3)).cycles == 1


def test_going_back_takes_no_money_back(manager: CheckpointManager, operator: Operator) -> None:
    run_loop(spend, manager=manager, budget=Budget(limit_usd=0.5), max_cycles=4)
    operator(manager.history()[-1].id, Strategy.FULL_RESTART)
    ended = run_loop(spend, manager=manager)
    assert ended.cycles == 1
    assert ended.state.budget.spent_usd == pytest.approx(0.5)


def test_what_a_failed_step_spent_is_spent(manager: CheckpointManager) -> None:
    def step(state: LoopState) -> None:
        spend(state)
        raise TimeoutError

    for _ in range(2):
        with pytest.raises(TimeoutError):
            run_loop(step, manager=manager, budget=Budget(limit_usd=0.2))
    ended = run_loop(step, manager=manager)
    assert (ended.reason, ended.state.cycle) == ("budget", 0)


def test_what_was_not_saved_before_a_crash_was_spent_all_the_same(store: MemoryStore) -> None:
    manager = CheckpointManager("agent-1", store=store, checkpoint_frequency=100)
    alive: list[LoopState] = []

    def step(state: LoopState) -> None:
        alive.append(state)
        spend(state)
        if state.cycle == 2:
            raise SystemExit

    manager.fail = lambda *_args, **_more: None  # type: ignore[assignment]
    with pytest.raises(SystemExit):
        run_loop(step, manager=manager, budget=Budget(limit_usd=0.5))
    again = CheckpointManager("agent-1", store=store)
    ended = run_loop(spend, manager=again, budget=Budget(limit_usd=0.5))
    assert ended.state.budget.spent_usd == pytest.approx(0.5)


def test_a_step_can_ask_before_it_spends(manager: CheckpointManager) -> None:
    def step(state: LoopState) -> None:
        state.memory["tried"] = state.cycle
        state.budget.require(0.2)
        state.budget.charge(0.2)

    ended = run_loop(step, manager=manager, budget=Budget(limit_usd=0.5))
    assert (ended.reason, ended.cycles) == ("budget", 2)
    assert (ended.state.memory, ended.state.budget.spent_usd) == ({"tried": 1}, 0.4)


def test_a_fresh_start_begins_with_a_fresh_budget(manager: CheckpointManager) -> None:
    run_loop(spend, manager=manager, budget=Budget(limit_usd=0.2))
    ended = run_loop(spend, manager=manager, budget=Budget(limit_usd=0.3), resume=False)
    assert ended.cycles == 3


def test_spending_is_a_figure_on_the_timeline(manager: CheckpointManager) -> None:
    run_loop(spend, manager=manager, max_cycles=1)
    assert manager.history()[0].metrics["spent_usd"] == 0.1


def test_a_store_that_keeps_no_journal_now_ends_no_loop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = FaultyStore(MemoryStore())
    store.fail("record", error=TransientStoreError("away"))
    manager = CheckpointManager("agent-1", store=store)
    ended = run_loop(spend, manager=manager, budget=Budget(limit_usd=0.3))
    assert ended.cycles == 3
    assert "kept with the next checkpoint only" in caplog.text


@pytest.mark.parametrize("usd", [-0.1, float("nan"), float("inf")])
def test_a_charge_that_is_no_amount_is_refused_and_counts_nothing(
    store: MemoryStore, manager: CheckpointManager, usd: float
) -> None:
    def misread_a_price(state: LoopState) -> None:
        spend(state)
        state.budget.charge(usd)

    with pytest.raises(ValueError, match="finite number of US dollars"):
        run_loop(misread_a_price, manager=manager, budget=Budget(limit_usd=0.3))
    ended = run_loop(spend, manager=CheckpointManager("agent-1", store=store))
    assert ended.state.budget.spent_usd == pytest.approx(0.3)


@pytest.mark.parametrize("limit", [-1.0, float("nan")])
def test_a_cap_below_nothing_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="from 0 on"):
        Budget(limit_usd=limit)


def test_two_processes_on_one_thread_lose_none_of_each_others_charges(store: MemoryStore) -> None:
    """Neither saves a checkpoint: both are killed, and what both were charged is spent."""

    def killed(step: Step) -> None:
        manager = CheckpointManager("agent-1", store=store, checkpoint_frequency=100)
        manager.fail = lambda *_args, **_more: None  # type: ignore[assignment]
        with pytest.raises(SystemExit):
            run_loop(step, manager=manager)

    def second(state: LoopState) -> None:
        spend(state)
        raise SystemExit

    def first(state: LoopState) -> None:
        state.budget.charge(0.5)
        killed(second)
        spend(state)
        raise SystemExit

    started = CheckpointManager("agent-1", store=store)
    run_loop(lambda _: None, manager=started, max_cycles=1, budget=Budget(limit_usd=1.0))
    killed(first)
    ended = run_loop(spend, manager=CheckpointManager("agent-1", store=store))
    assert (ended.reason, ended.cycles) == ("budget", 3)
    assert ended.state.budget.spent_usd == pytest.approx(1.0)


def test_tools_that_are_called_side_by_side_lose_no_charge(
    store: MemoryStore, manager: CheckpointManager
) -> None:
    def step(state: LoopState) -> None:
        with ThreadPoolExecutor(8) as tools:
            for _ in range(400):
                tools.submit(state.budget.charge, 0.25)

    often, interval = 1e-6, sys.getswitchinterval()
    sys.setswitchinterval(often)
    try:
        ended = run_loop(step, manager=manager, max_cycles=1)
    finally:
        sys.setswitchinterval(interval)
    assert ended.state.budget.spent_usd == 100.0
    kept = store.entries("agent-1", "main", kind="budget", prefix="spent/")
    assert [entry.data["spent_usd"] for entry in kept] == [100.0]


def test_what_only_a_checkpoint_knew_of_is_counted_once(store: MemoryStore) -> None:
    faulty = FaultyStore(store)
    faulty.fail("record", error=TransientStoreError("away"))
    run_loop(spend, manager=CheckpointManager("agent-1", store=faulty), max_cycles=2)
    for cycles in (3, 4):
        again = CheckpointManager("agent-1", store=store)
        ended = run_loop(spend, manager=again, max_cycles=cycles)
    assert ended.state.budget.spent_usd == pytest.approx(0.4)


def test_a_wish_that_is_no_amount_is_not_within_the_budget(manager: CheckpointManager) -> None:
    def step(state: LoopState) -> None:
        state.budget.require(float("nan"))

    ended = run_loop(step, manager=manager, budget=Budget(limit_usd=1.0), max_cycles=2)
    assert (ended.reason, ended.cycles) == ("budget", 0)
