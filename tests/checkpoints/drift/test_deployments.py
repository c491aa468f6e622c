"""Deployments whose states have another form than those of the one before."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from benchmarks.drift.generators.groups import deployments
from benchmarks.drift.generators.schemas import states_of
from benchmarks.drift.kinds import of_deployments
from benchmarks.drift.labelled import scored
from checkpoints.drift.deployments import DeploymentDetector
from checkpoints.drift.signals import Signal, SignalKind
from tests.checkpoints.drift.hostile import TIMES, VALUES, cyclic, nested


def run(states: list[tuple[Any, Any]]) -> list[Signal]:
    detector = DeploymentDetector()
    return [signal for one in states if (signal := detector.update(*one))]


def test_deployments_that_write_otherwise_are_found_and_others_not() -> None:
    score = scored(list(deployments(81)), of_deployments)["all"]

    assert score.f1 >= 0.95


def test_the_paths_are_named_once() -> None:
    before, after = {"a": 1, "b": {"c": 1}, "d": "x"}, {"a": "1", "b": {}, "d": "x", "e": []}
    (signal,) = run([("v1", before)] * 20 + [("v2", after)] * 50)

    assert signal.kind is SignalKind.DEPLOYMENT
    assert (signal.onset, signal.index) == (20, 25)
    words = "v2 writes other states than v1: b.c is missing; e is new (list)"
    assert str(signal) == f"{words}; a is text instead of number"


def test_the_same_form_is_no_difference() -> None:
    states = states_of(Random(2), 80)

    assert not run([("v1" if place < 40 else "v2", state) for place, state in enumerate(states)])


def test_a_return_to_the_earlier_deployment_is_not_told_again() -> None:
    before, after = {"a": 1}, {"a": "1"}
    states = ([("v1", before)] * 20 + [("v2", after)] * 20) * 3

    assert len(run(states)) == 1


def test_keys_that_are_data_are_no_difference() -> None:
    def states(start: int) -> list[Any]:
        return [{"by": {chr(97 + (start + n + k) % 26): 1 for k in range(3)}} for n in range(40)]

    assert not run([*(("v1", one) for one in states(0)), *(("v2", one) for one in states(13))])


def test_a_few_states_are_no_certainty() -> None:
    assert not run([("v1", {"a": 1})] * 9 + [("v2", {})] * 90)
    assert not run([("v1", {"a": 1})] * 90 + [("v2", {})] * 3)


def test_it_goes_on_exactly_where_it_was_stored() -> None:
    (row, *_) = deployments(82, each=1)
    detector, got = DeploymentDetector(), []
    for place, one in enumerate(row["x"]):
        got += [place] if detector.update(*one) else []
        detector = DeploymentDetector.from_dict(json.loads(json.dumps(detector.to_dict())))

    assert got == of_deployments(row)


def test_hostile_values_and_many_deployments_do_no_harm() -> None:
    detector = DeploymentDetector()
    for value in [*VALUES, nested(2000), cyclic()]:
        for at in TIMES:
            detector.update(value, value, at)
            detector.update("v1", {"a": value}, at)
    for number in range(200):
        detector.update(f"v{number}", {f"k{number}-{one}x": 1 for one in range(900)})

    assert len(detector.to_dict()["forms"]) <= 6
    assert len(json.dumps(detector.to_dict())) < 300_000
