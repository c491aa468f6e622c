"""Classes of errors, ranked suggestions, limits and the history that they learn from."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from checkpoints import CheckpointManager, Strategy
from checkpoints.errors import TransientStoreError
from checkpoints.recovery import (
    ERROR_CLASSES,
    CircuitBreaker,
    ErrorName,
    Failure,
    Outcome,
    RecoveryAction,
    RecoveryLimits,
    RecoveryManager,
    suggest,
)
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import FakeClock, FaultyStore


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def failure(error: Exception | None = None, step: str = "generation") -> Failure:
    return Failure.from_exception(error or TimeoutError("no answer"), step=step)


def test_numbers_do_not_make_another_failure() -> None:
    first, second = failure(TimeoutError("after 12 s")), failure(TimeoutError("after 30 s"))
    assert first.fingerprint == second.fingerprint
    assert first.fingerprint != failure(TimeoutError("after 12 s"), "validation").fingerprint


def test_without_outcomes_the_experts_order_is_the_confidence_and_says_so() -> None:
    actions = suggest(failure())
    assert [action.strategy for action in actions] == list(
        ERROR_CLASSES[ErrorName.TIMEOUT].strategies
    )
    assert [action.confidence for action in actions] == pytest.approx([0.7, 0.5, 0.35])
    assert all("no outcome yet" in action.basis for action in actions)


def outcomes(store: MemoryStore, strategy: Strategy, *ended: Outcome) -> RecoveryManager:
    recovery = RecoveryManager(store, agent_id="chain")
    action = RecoveryAction(strategy=strategy, description="", confidence=0.5)
    for outcome in ended:
        trial = recovery.begin(failure(), action, agent_id="chain", chain_id="c-1")
        recovery.settle(trial, outcome)
    return recovery


def test_confidence_is_counted_from_outcomes_and_reorders(store: MemoryStore) -> None:
    recovery = outcomes(store, Strategy.RETRY_CURRENT_STEP, *[Outcome.RECURRED] * 6)
    outcomes(store, Strategy.RESTART_ITERATION, *[Outcome.RECOVERED] * 6)
    first, *_, last = recovery.suggest(failure(), chain_id="c-1")
    assert first.strategy is Strategy.RESTART_ITERATION
    assert first.confidence > 0.8
    assert first.basis.startswith("6 outcomes, 6 of them this agent's")
    assert (last.strategy, last.confidence < 0.25) == (Strategy.RETRY_CURRENT_STEP, True)


def test_an_outcome_that_nobody_knows_counts_for_nothing(store: MemoryStore) -> None:
    recovery = outcomes(store, Strategy.RETRY_CURRENT_STEP, Outcome.UNKNOWN, Outcome.UNKNOWN)
    assert recovery.suggest(failure(), chain_id="c-1")[0].confidence == pytest.approx(0.7)
    assert recovery.get_recovery_history("c-1")[0]["recovered"] is None


def test_the_history_of_a_chain_is_its_own(store: MemoryStore) -> None:
    recovery = outcomes(store, Strategy.SKIP_TO_NEXT, Outcome.RECOVERED, Outcome.FAILED)
    assert recovery.get_recovery_history("c-2") == []
    events = recovery.get_recovery_history("c-1")
    assert [(e["action"], e["error_type"], e["recovered"]) for e in events] == [
        ("skip_to_next", "TimeoutError", True),
        ("skip_to_next", "TimeoutError", False),
    ]
    patterns = recovery.get_recovery_patterns("c-1")
    assert (patterns.attempts, patterns.recovered) == (2, 1)
    assert patterns.error_classes["timeout"] == 2


def test_a_run_may_recover_only_so_often() -> None:
    breaker = CircuitBreaker(RecoveryLimits(max_recoveries=2))
    action = suggest(failure())[0]
    breaker.tries(failure(), action)
    assert breaker.why_open(failure()) is None
    breaker.tries(failure(), action)
    assert breaker.why_open(failure()) == "2 recoveries in one run are the limit"


def test_the_same_failure_is_tried_only_so_often() -> None:
    breaker = CircuitBreaker(RecoveryLimits(max_attempts=3))
    for _ in range(3):
        breaker.failed(failure())
    assert breaker.why_open(failure()) == "the same failure came 3 times"
    assert breaker.why_open(failure(step="validation")) is None


def test_a_strategy_that_did_not_help_twice_is_left_out() -> None:
    breaker = CircuitBreaker()
    for _ in range(2):
        breaker.tries(failure(), suggest(failure())[0])
    assert breaker.exhausted(failure()) == {Strategy.RETRY_CURRENT_STEP}
    assert breaker.exhausted(failure(step="validation")) == frozenset()


def test_waits_double_up_to_a_ceiling() -> None:
    breaker = CircuitBreaker(RecoveryLimits(max_wait=5.0), jitter=lambda: 1.0)
    waits = []
    for _ in range(5):
        breaker.failed(failure())
        waits.append(breaker.wait(failure()))
    assert waits == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_what_the_other_side_asks_for_is_waited_and_no_longer_than_two_minutes() -> None:
    error = TimeoutError("busy")
    error.retry_after = 7  # type: ignore[attr-defined]
    assert CircuitBreaker().wait(failure(error)) == 7.0
    error.retry_after = 86_400  # type: ignore[attr-defined]
    assert CircuitBreaker().wait(failure(error)) == 120.0


def test_what_does_not_pass_by_itself_is_not_waited_for() -> None:
    assert CircuitBreaker().wait(failure(MemoryError())) == 0.0


def test_old_checkpoints_go_but_heads_and_pins_stay(store: MemoryStore) -> None:
    clock = FakeClock()
    manager = CheckpointManager("chain", store=store, thread="c-1", clock=clock)
    pinned, old, head = (manager.create_checkpoint(state={"n": n}) for n in range(3))
    manager.pin(pinned, "golden")
    clock.advance(days=31)
    recovery = RecoveryManager(store, clock=clock)
    assert recovery.cleanup_old_checkpoints(max_age_days=30) == 1
    assert [record.id for record in manager.history()] == [head.id, pinned.id]
    assert store.untrash([old.id]) == 1


def test_young_checkpoints_stay(store: MemoryStore) -> None:
    clock = FakeClock()
    manager = CheckpointManager("chain", store=store, clock=clock)
    manager.create_checkpoint(state={})
    manager.create_checkpoint(state={})
    clock.now += timedelta(days=29)
    assert RecoveryManager(store, clock=clock).cleanup_old_checkpoints() == 0


def test_storage_is_counted(store: MemoryStore) -> None:
    manager = CheckpointManager("chain", store=store)
    saved = [manager.create_checkpoint(state={"n": n}) for n in range(3)]
    assert RecoveryManager(store).get_storage_stats() == {
        "threads": 1,
        "checkpoints": 3,
        "state_bytes": sum(record.size or 0 for record in saved),
        "stored_bytes": sum(record.stored_size or 0 for record in saved),
    }


def test_an_outcome_that_the_store_does_not_take_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = FaultyStore(MemoryStore())
    store.fail("record", error=TransientStoreError("away"))
    trial = RecoveryManager(store).begin(
        failure(), suggest(failure())[0], agent_id="chain", chain_id="c-1"
    )
    assert trial.failure.error_class.name is ErrorName.TIMEOUT
    assert "the outcome of a recovery was not kept" in caplog.text


def test_a_retry_after_that_is_no_number_is_not_waited_for() -> None:
    error = TimeoutError("busy")
    error.retry_after = "Wed, 21 Oct 2026 07:28:00 GMT"  # type: ignore[attr-defined]
    assert failure(error).retry_after is None


@pytest.mark.parametrize("days", [-1, float("nan"), float("inf")])
def test_an_age_that_is_no_number_of_days_is_refused(store: MemoryStore, days: float) -> None:
    CheckpointManager("agent-1", store=store).create_checkpoint(state={})
    with pytest.raises(ValueError, match="from 0 on"):
        RecoveryManager(store).cleanup_old_checkpoints(max_age_days=days)


def test_the_history_of_agents_with_chains_of_one_name_is_in_the_order_of_time(
    store: MemoryStore,
) -> None:
    clock = FakeClock()
    for agent in ("b", "a", "c"):
        CheckpointManager(agent, store=store, thread="c-1").create_checkpoint(state={})
        RecoveryManager(store, clock=clock).begin(
            failure(), suggest(failure())[0], agent_id=agent, chain_id="c-1"
        )
        clock.advance(hours=1)
    times = [event["recorded_at"] for event in RecoveryManager(store).get_recovery_history("c-1")]
    assert len(times) == 3
    assert times == sorted(times)


def open_files_under(folder: Path) -> list[str]:
    """Return the files in a folder that this process has open."""
    names = [str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return [name for name in names if name.startswith(str(folder))]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are listed on Linux")
def test_a_store_that_it_opened_itself_can_be_closed(tmp_path: Path) -> None:
    with RecoveryManager(f"sqlite:///{tmp_path}/store.db") as manager:
        manager.begin(failure(), suggest(failure())[0], agent_id="chain", chain_id="c-1")
        assert open_files_under(tmp_path)
    assert not open_files_under(tmp_path)


def test_a_store_that_was_handed_over_stays_open(store: MemoryStore) -> None:
    with RecoveryManager(store):
        pass
    assert RecoveryManager(store).get_storage_stats()["checkpoints"] == 0


@pytest.mark.parametrize(
    "limits",
    [{"max_recoveries": -1}, {"max_attempts": -1}, {"first_wait": float("nan")}, {"max_wait": -1}],
    ids=str,
)
def test_limits_that_limit_nothing_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="from 0 on"):
        RecoveryLimits(**limits)
