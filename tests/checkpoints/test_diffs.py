"""The difference of two states."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from checkpoints.diffs import Change, diff_states

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
states = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


def seen(before: Any, after: Any) -> list[tuple[tuple[str | int, ...], str]]:
    return [(change.path, str(change.kind)) for change in diff_states(before, after)]


@given(states)
def test_a_state_does_not_differ_from_its_copy(state: Any) -> None:
    assert diff_states(state, copy.deepcopy(state)) == []


@given(states, states)
def test_no_change_means_equal(before: Any, after: Any) -> None:
    if not diff_states(before, after):
        assert repr(before) == repr(after) or before == after


def test_an_insertion_in_the_middle_is_one_change() -> None:
    log = [{"role": "user", "text": f"message {n}"} for n in range(100)]
    inserted = [*log[:40], {"role": "tool", "text": "new"}, *log[40:]]
    assert seen({"log": log}, {"log": inserted}) == [(("log", 40), "added")]


def test_an_item_that_is_known_by_its_id_is_followed_when_it_moves_and_changes() -> None:
    before = [{"id": 1, "done": False}, {"id": 2, "done": False}]
    after = [
        {"id": 9, "done": False},
        {"id": 1, "done": False},
        {"id": 2, "done": True},
    ]
    assert seen(before, after) == [((0,), "added"), ((2, "done"), "changed")]


def test_true_is_not_one() -> None:
    assert seen({"a": 1}, {"a": True}) == [(("a",), "changed")]
    assert seen({"a": [{"b": 1}]}, {"a": [{"b": True}]}) == [(("a", 0, "b"), "changed")]


def test_equal_sets_do_not_differ_whatever_their_order() -> None:
    assert seen({"s": {0, 8}}, {"s": {8, 0}}) == []
    assert seen({"s": {1}}, {"s": {True}}) == [(("s",), "changed")]


def test_removed_keys_come_with_their_value() -> None:
    assert diff_states({"a": 1, "b": 2}, {"b": 2}) == [
        Change(path=("a",), kind="removed", before=1)  # type: ignore[arg-type]
    ]


def test_two_long_lists_without_anything_in_common_end_soon() -> None:
    changes = diff_states(list(range(20_000)), [f"{n % 7}" for n in range(20_000)])
    assert len(changes) == 20_000
