"""When a save is due."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoints.triggers import Due, Trigger


def counting(every_steps: int | None = None, every_seconds: float | None = None) -> Due:
    trigger = Trigger(every_steps=every_steps, every_seconds=every_seconds)
    return trigger.counting_from(step=0, now=100.0)


def test_every_so_many_steps() -> None:
    due = counting(every_steps=3)
    assert [due.due(step, 100.0) for step in (0, 1, 2, 3, 4)] == [False, False, False, True, True]


def test_every_so_many_seconds() -> None:
    due = counting(every_seconds=0.5)
    assert not due.due(9, 100.4)
    assert due.due(9, 100.5)


def test_either_whichever_comes_first() -> None:
    due = counting(every_steps=10, every_seconds=60)
    assert due.due(1, 160.0)
    assert due.due(10, 101.0)
    assert not due.due(9, 159.0)


def test_with_neither_it_is_never_due() -> None:
    assert not counting().due(10**9, 1e12)


def test_it_counts_from_the_last_save() -> None:
    due = counting(every_steps=3, every_seconds=60)
    due.count_from(4, 150.0)
    assert not due.due(6, 209.0)
    assert due.due(7, 209.0)
    assert due.due(6, 210.0)


def test_a_long_pause_makes_one_save_due() -> None:
    due = counting(every_seconds=60)
    assert due.due(1, 1e6)
    due.count_from(1, 1e6)
    assert not due.due(2, 1e6 + 59)


def test_after_a_step_back_it_counts_from_there() -> None:
    due = counting(every_steps=3)
    due.count_from(50, 100.0)
    assert not due.due(20, 100.0)
    assert [due.due(step, 100.0) for step in (21, 22, 23)] == [False, False, True]


def test_a_clock_that_went_back_holds_nothing_up() -> None:
    due = counting(every_seconds=60)
    assert not due.due(1, 5.0)
    assert due.due(1, 65.0)


@given(
    st.integers(1, 50),
    st.floats(0.1, 100),
    st.lists(st.tuples(st.integers(-5, 20), st.floats(-50, 200)), max_size=60),
)
def test_it_is_due_after_so_many_steps_or_seconds_whatever_jumped_before(
    every_steps: int, every_seconds: float, moves: list[tuple[int, float]]
) -> None:
    due, step, now = counting(every_steps, every_seconds), 0, 100.0
    for steps, seconds in moves:
        step, now = step + steps, now + seconds
        if due.due(step, now):
            due.count_from(step, now)
            assert not due.due(step, now)
    assert due.due(step + every_steps, now)
    assert due.due(step, now + every_seconds * 1.001)


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, -0.5])
def test_what_is_not_above_0_is_refused(value: float) -> None:
    with pytest.raises(
        ValueError, match="every_seconds .*checkpoint_interval.* is a number of seconds above 0"
    ):
        Trigger(every_seconds=value)


@pytest.mark.parametrize("value", [0, -3])
def test_steps_that_are_not_above_0_are_refused(value: int) -> None:
    with pytest.raises(
        ValueError, match="every_steps .*checkpoint_frequency.* is a whole number of steps above 0"
    ):
        Trigger(every_steps=value)


@pytest.mark.parametrize("value", [True, "10", 2.5, 2.0, math.nan])
def test_steps_that_are_not_whole_numbers_are_refused(value: object) -> None:
    with pytest.raises(
        TypeError, match="every_steps .*checkpoint_frequency.* is a whole number of steps, not"
    ):
        Trigger(every_steps=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [True, "60", None.__class__])
def test_seconds_that_are_no_numbers_are_refused(value: object) -> None:
    with pytest.raises(
        TypeError, match="every_seconds .*checkpoint_interval.* is a number of seconds, not"
    ):
        Trigger(every_seconds=value)  # type: ignore[arg-type]
