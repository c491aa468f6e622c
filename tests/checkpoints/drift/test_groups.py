"""Agents that fall out of step with their group, for more than a moment."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.drift.generators.groups import groups
from benchmarks.drift.kinds import of_groups
from benchmarks.drift.labelled import scored
from checkpoints.drift.groups import GroupDetector
from checkpoints.drift.signals import Signal, SignalKind
from tests.checkpoints.drift.hostile import TIMES, VALUES


def run(updates: list[tuple[Any, ...]]) -> list[Signal]:
    detector = GroupDetector()
    return [signal for update in updates if (signal := detector.update(*update))]


@pytest.mark.parametrize("agents", [2, 3, 6])
def test_groups_that_fall_out_of_step_are_found_and_others_not(agents: int) -> None:
    score = scored(list(groups(71, each=8, agents=agents)), of_groups)["all"]

    assert score.f1 >= 0.9
    assert score.false_alarms <= 1


def turns(*, odd: dict[str, Any], rounds: int = 60, since: int = 30) -> list[tuple[Any, ...]]:
    made = []
    for turn in range(rounds):
        for agent in ("a", "b", "c"):
            off = odd if agent == "b" and turn >= since else {}
            at = 1e9 + turn * 30 + off.get("clock", 0)
            made.append((agent, {"goal": off.get("goal", "g")}, at, off.get("version", "1")))
    return made


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"goal": "h"}, "b disagrees with a, c on goal"),
        ({"version": "2"}, "b runs another version than a, c"),
        ({"clock": 5000}, "the clock of b is out of step with a, c"),
    ],
)
def test_it_is_said_once_who_is_apart_in_what(odd: dict[str, Any], words: str) -> None:
    (signal,) = run(turns(odd=odd))

    assert signal.kind is SignalKind.INCONSISTENCY
    assert str(signal).startswith(words)
    assert signal.onset == 91


def test_what_one_changes_and_others_take_up_is_no_drift() -> None:
    updates = [
        (agent, {"goal": (turn + (agent == "a")) // 10}, 1e9 + turn, "1")
        for turn in range(200)
        for agent in ("a", "b", "c")
    ]

    assert not run(updates)


def test_what_never_agreed_is_no_drift() -> None:
    assert not run([("ab"[n % 2], {"step": n}, 1e9 + n * 5, "12"[n % 2]) for n in range(400)])


def test_an_agent_that_has_ended_is_not_compared() -> None:
    updates: list[tuple[Any, ...]] = [("ab"[n % 2], {"goal": 1}, 1e9 + n) for n in range(100)]
    updates += [("a", {"goal": 2}, 1e9 + 100 + n) for n in range(200)]

    assert not run(updates)


def test_no_value_is_kept_or_told() -> None:
    detector = GroupDetector()
    told = [detector.update(*update) for update in turns(odd={"goal": "sesame-4711"})]

    assert "4711" not in json.dumps([detector.to_dict(), *(one.to_dict() for one in told if one)])


def test_it_goes_on_exactly_where_it_was_stored() -> None:
    detector, got = GroupDetector(), []
    for update in turns(odd={"goal": "h", "version": "2"}):
        got.append(detector.update(*update))
        detector = GroupDetector.from_dict(json.loads(json.dumps(detector.to_dict())))

    assert [signal for signal in got if signal] == run(turns(odd={"goal": "h", "version": "2"}))


def test_hostile_values_and_many_agents_and_keys_do_no_harm() -> None:
    detector = GroupDetector()
    for value in VALUES:
        for at in TIMES:
            detector.update(value, value, at, value)
            detector.update("a", {"k": value}, at, "1")
    for number in range(500):
        detector.update(f"agent {number}", {f"k{number}": 1, "shared": number}, float(number), "1")

    assert len(json.dumps(detector.to_dict())) < 200_000
