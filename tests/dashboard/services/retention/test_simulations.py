"""What a policy would do is said before it is set, and nothing is done."""

from __future__ import annotations

import pytest

from checkpoints import RetentionPolicy as Rules
from dashboard.models import Operation, RetentionPolicy
from dashboard.services import retention
from dashboard.services.retention import simulations
from tests.dashboard.yards import Yard


def simulated(yard: Yard, rules: Rules, name: str = "") -> retention.Simulation:
    return retention.simulate(
        user=yard.user, target=yard.target(name), policy=rules, now=yard.clock()
    )


def test_a_simulation_counts_what_the_prune_then_removes(yard: Yard) -> None:
    found = simulated(yard, Rules.keep_last(3))

    assert (found.doomed, found.kept, found.threads) == (6, 6, 2)
    assert found.removed_bytes > 0
    assert [(line.thread.agent.agent_id, line.doomed) for line in found.lines] == [
        ("billing", 5),
        ("crawler", 1),
    ]


def test_a_simulation_sets_and_removes_nothing(yard: Yard) -> None:
    simulated(yard, Rules.keep_last(1))

    assert not RetentionPolicy.objects.exists()
    assert not Operation.objects.exists()
    assert simulated(yard, Rules()).kept == 12


def test_threads_with_a_nearer_policy_are_left_out(yard: Yard) -> None:
    yard.set(yard.target("billing"), Rules())

    found = simulated(yard, Rules.keep_last(3))

    assert (found.overridden, found.threads, found.doomed) == (1, 1, 1)


def test_a_source_that_cannot_be_opened_is_named(yard: Yard) -> None:
    yard.source.url = "sqlite:////nowhere/at/all.db"
    yard.source.save()

    found = simulated(yard, Rules.keep_last(3))

    assert [source for source, _ in found.refused] == [yard.source]
    assert found.doomed == 0


def test_no_more_is_looked_at_than_somebody_can_wait_for(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(simulations, "CHECKPOINTS_LOOKED_AT", 9)

    found = simulated(yard, Rules.keep_last(3))

    assert (found.threads, found.left_out) == (1, 1)
