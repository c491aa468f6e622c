"""A field that held something and holds nothing is drift, unless it is there to be emptied."""

from __future__ import annotations

import json
from typing import Any

import pytest

from checkpoints.drift import EmptiedDetector


def emptied(*states: dict[str, Any]) -> list[str]:
    """Return the fields that are told of, through JSON between any two states."""
    detector, found = EmptiedDetector(), []
    for state in states:
        found += [signal.metric for signal in detector.update(state)]
        detector = EmptiedDetector.from_dict(json.loads(json.dumps(detector.to_dict())))
    return found


@pytest.mark.parametrize("full", [["a"], {"a": 1}, "text", ("a", "b"), {"short_term": ["x"]}])
@pytest.mark.parametrize("empty", [[], {}, "", None, {"short_term": [], "session": []}])
def test_what_was_filled_and_is_empty_is_told(full: Any, empty: Any) -> None:
    assert emptied({"memory": full}, {"memory": empty}) == ["memory"]


def test_it_is_told_once_and_not_again_for_a_field_that_is_emptied_now_and_then() -> None:
    full: dict[str, Any] = {"notes": ["a", "b", "c"]}
    empty: dict[str, Any] = {"notes": []}
    assert emptied(full, empty, empty, full, empty) == ["notes"]


def test_what_is_worked_off_may_become_empty() -> None:
    assert emptied({"steps": [1, 2, 3]}, {"steps": [1, 2]}, {"steps": []}) == []
    assert emptied({"pending_actions": ["a"]}, {"pending_actions": []}) == []


def test_each_thread_is_compared_with_itself() -> None:
    detector = EmptiedDetector()
    assert detector.update({"memory": ["a"]}, thread_id="one") == []
    assert detector.update({"memory": []}, thread_id="two") == []
    assert len(detector.update({"memory": []}, thread_id="one")) == 1


def test_a_field_that_is_gone_and_numbers_that_become_zero_are_not_empty() -> None:
    odd: Any = 7
    assert emptied({"memory": ["a"], "n": 5, odd: ["x"]}, {"n": 0, odd: []}) == []


def test_what_it_remembers_is_bounded() -> None:
    detector = EmptiedDetector()
    for number in range(200):
        state = {f"field {number} {n}": [1] for n in range(200)}
        detector.update(state, thread_id=f"thread {number}")
    assert len(json.dumps(detector.to_dict())) < 100_000
