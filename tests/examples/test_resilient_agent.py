"""The seed's agent loop runs on Holdfast with its import line changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import time_machine

from checkpoints import Kind
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import NOON
from examples.resilient_agent import Agent, guarded, risky, run


@pytest.fixture
def agent() -> Agent:
    return Agent("agent-3", store=MemoryStore())


def run_minutes(agent: Agent, minutes: int, task: Callable[[int], None]) -> None:
    """Run the loop for simulated minutes, one task a minute."""
    with time_machine.travel(NOON, tick=False) as clock:
        elapsed = iter(range(minutes))

        def keep_running() -> bool:
            clock.shift(60)
            return next(elapsed, None) is not None

        numbers = iter(range(minutes))
        run(agent, lambda: task(next(numbers)), keep_running=keep_running)


def test_a_routine_checkpoint_every_30_minutes_of_which_three_stay(agent: Agent) -> None:
    saved: list[str] = []
    real = agent.create_checkpoint

    def counting(kind: Kind | str = Kind.ROUTINE, *args: object, **more: object) -> object:
        saved.append(str(kind))
        return real(kind, *args, **more)  # type: ignore[arg-type]

    agent.create_checkpoint = counting  # type: ignore[assignment]
    run_minutes(agent, 241, lambda _: agent.work())
    assert saved == ["routine"] * 4 + ["recovery"] + ["routine"] * 4 + ["recovery"]
    assert [record.kind for record in agent.history()].count(Kind.ROUTINE) == 3


def test_a_recovery_checkpoint_on_error(agent: Agent) -> None:
    def fail(number: int) -> None:
        if number == 3:
            raise TimeoutError("the tool did not answer")
        agent.work()

    run_minutes(agent, 10, fail)
    assert [record.kind for record in agent.history()] == [Kind.RECOVERY]
    assert len(agent.load(agent.history()[0])["memory"]) == 3


def test_on_drift_it_returns_to_the_newest_clean_routine_checkpoint(agent: Agent) -> None:
    def forget(number: int) -> None:
        agent.work()
        if number == 59:
            agent.state["memory"] = []

    run_minutes(agent, 60, forget)
    assert [record.kind for record in agent.history()] == [
        Kind.RECOVERY,
        Kind.ROUTINE,
        Kind.ROUTINE,
    ]
    assert len(agent.state["memory"]) == 30
    assert "memory was filled" in agent.history()[0].metadata["drift"]


def test_custom_state_is_collected_beside_the_agents_own(agent: Agent) -> None:
    agent.work()
    agent.retries = 2
    context = agent.load(agent.create_checkpoint("routine"))["operational_context"]
    assert context["custom_fields"] == {
        "special_data": {"retries": 2},
        "additional_context": "1 tasks remembered",
    }


def test_custom_drift_brings_the_agent_back_too(agent: Agent) -> None:
    def struggle(number: int) -> None:
        agent.retries = 9 if number == 45 else 0
        agent.work()

    run_minutes(agent, 46, struggle)
    assert [record.kind for record in agent.history()] == [Kind.RECOVERY, Kind.ROUTINE]
    assert len(agent.state["memory"]) == 30


def test_a_risky_operation_that_fails_leaves_the_state_of_before(agent: Agent) -> None:
    def spoil() -> None:
        agent.state["memory"] = ["half done"]
        raise OSError("the disk is away")

    agent.work()
    with pytest.raises(OSError, match="the disk is away"):
        risky(agent, spoil)
    assert agent.state["memory"] == ["task 1"]


def test_a_critical_operation_has_a_recovery_checkpoint_before_it(agent: Agent) -> None:
    agent.work()
    assert guarded(agent, lambda: agent.get_latest_checkpoint("recovery")) == agent.history()[0]


def test_the_document_of_the_original_holds_over_days(agent: Agent) -> None:
    """Routine: the latest 3; recovery: 7 days. The original's second rule stands in words only."""
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(10):
            agent.create_checkpoint("recovery")
            agent.create_checkpoint("routine")
            clock.shift(86_400)
        agent.create_checkpoint("routine")
        agent.flush()
    kinds = [record.kind for record in agent.history()]
    assert (kinds.count(Kind.ROUTINE), kinds.count(Kind.RECOVERY)) == (3, 7)
