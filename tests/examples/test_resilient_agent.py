"""The seed's agent loop runs on Holdfast with its import line changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import time_machine

from checkpoints import Kind
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import NOON
from examples.resilient_agent import Agent, run


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

    agent.create_checkpoint = counting  # type: ignore[method-assign,assignment]
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
