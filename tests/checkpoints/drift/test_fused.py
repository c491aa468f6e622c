"""Whole agents: what is found in them, how often that is wrong, and where the ladder leads."""

from __future__ import annotations

import pytest

from benchmarks.drift.agents import agents
from benchmarks.drift.fused import Watch, rungs_before, score, watched


@pytest.fixture(scope="module")
def watches() -> list[Watch]:
    """Forty agents that are the same in each run; the figures of hundreds: ``benchmarks.drift``."""
    return watched(agents(40, seed=7))


def test_incidents_are_found_and_few_alarms_are_false(watches: list[Watch]) -> None:
    found = score(watches)
    assert found.f1 >= 0.8
    assert found.per_thousand <= 1.0


def test_an_incident_of_many_metrics_is_one_episode(watches: list[Watch]) -> None:
    many = [watch for watch in watches if watch.agent.metrics >= 4 and watch.estimate]
    assert many
    for watch in many:
        incident = watch.agent.incident
        assert incident
        inside = range(incident.start, incident.start + 20)
        assert sum(opened in inside for opened in watch.opened) == 1


def test_the_first_rungs_of_the_ladder_lie_before_the_incident(watches: list[Watch]) -> None:
    rungs = [found for watch in watches if (found := rungs_before(watch))]
    assert sum(each[0] for each in rungs) >= 0.6 * len(rungs)
    assert sum(any(each[:3]) for each in rungs) >= 0.9 * len(rungs)
