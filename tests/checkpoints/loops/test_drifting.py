"""A loop that drifts is noticed, saved, and brought back or stopped."""

from __future__ import annotations

import pytest

from checkpoints import CheckpointManager, Kind
from checkpoints.drift import DriftReport
from checkpoints.loops import DriftCheck, LoopState, OnDrift, run_loop
from checkpoints.loops.running import Step
from checkpoints.stores.memory import MemoryStore


def poisoned_in(*cycles: int) -> Step:
    """Return a step that loses its memory in some cycles, counted over all tries."""
    tries = iter(range(1, 1000))

    def step(state: LoopState) -> None:
        state.memory[f"{state.cycle}"] = True
        if next(tries) in cycles:
            state.memory.clear()

    return step


def test_an_emptied_memory_is_noticed_and_the_loop_goes_back(manager: CheckpointManager) -> None:
    ended = run_loop(poisoned_in(4), manager=manager, max_cycles=6, drift=DriftCheck(every=1))
    assert len(ended.state.memory) == 6
    recovery = [record for record in manager.history() if record.kind is Kind.RECOVERY]
    assert ["memory" in record.metadata["drift"] for record in recovery] == [True]


def test_drift_that_always_comes_back_waits_for_a_person(manager: CheckpointManager) -> None:
    step = poisoned_in(*range(3, 100))
    ended = run_loop(step, manager=manager, max_cycles=50, drift=DriftCheck(every=1))
    assert ended.status == "waiting"
    assert ended.reason.startswith("drift that a return does not end")
    assert ended.cycles == 5


def test_it_can_be_told_to_stop_at_drift(manager: CheckpointManager) -> None:
    check = DriftCheck(every=1, then=OnDrift.STOP)
    ended = run_loop(poisoned_in(3), manager=manager, max_cycles=50, drift=check)
    assert (ended.status, ended.cycles) == ("waiting", 3)
    assert manager.history()[0].status == "waiting"


def test_a_callable_decides_with_the_report_in_hand(manager: CheckpointManager) -> None:
    reports: list[DriftReport] = []

    def decide(report: DriftReport, _state: LoopState) -> OnDrift:
        reports.append(report)
        return OnDrift.CONTINUE

    check = DriftCheck(every=1, then=decide)
    ended = run_loop(poisoned_in(3), manager=manager, max_cycles=4, drift=check)
    assert (ended.cycles, len(ended.state.memory)) == (4, 1)
    assert "memory" in str(reports[0])


def test_it_looks_only_as_often_as_it_is_told(manager: CheckpointManager) -> None:
    looks: list[int] = []
    real = manager.detect_drift

    def counting() -> DriftReport:
        looks.append(manager.state["cycle"])
        return real()

    manager.detect_drift = counting  # type: ignore[method-assign]
    run_loop(poisoned_in(), manager=manager, max_cycles=9, drift=DriftCheck(every=4))
    assert looks == [4, 8]


def test_an_overridden_detection_counts_too(store: MemoryStore) -> None:
    class Custom(CheckpointManager):
        def detect_drift(self) -> bool:  # type: ignore[override]
            return bool(super().detect_drift()) or self.state["custom"].get("lost", False)

    tries = iter(range(1, 100))

    def step(state: LoopState) -> None:
        state.custom["lost"] = next(tries) == 3

    manager = Custom("agent-1", store=store)
    ended = run_loop(step, manager=manager, max_cycles=4, drift=DriftCheck(every=1))
    assert (ended.status, ended.cycles, ended.state.cycle) == ("interrupted", 5, 4)


def test_it_finds_the_way_back_past_checkpoints_that_were_let_go(
    manager: CheckpointManager,
) -> None:
    poisoned = poisoned_in(4)

    def step(state: LoopState) -> None:
        with manager.operation("risky"):
            poisoned(state)

    ended = run_loop(step, manager=manager, max_cycles=6, drift=DriftCheck(every=1))
    assert (ended.status, len(ended.state.memory)) == ("interrupted", 6)


def test_it_cannot_look_more_often_than_every_cycle() -> None:
    with pytest.raises(ValueError, match="from 1 on"):
        DriftCheck(every=0)
