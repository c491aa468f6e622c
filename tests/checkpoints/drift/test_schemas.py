"""A state's form is said to have changed when it stays changed, and not before."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.drift.generators.schemas import CHANGES, schema_differs, schema_series, states_of
from benchmarks.drift.kinds import of_states
from benchmarks.drift.labelled import scored
from checkpoints.drift.fields import MOST_FIELDS
from checkpoints.drift.schemas import SchemaDetector
from checkpoints.drift.signals import Signal, SignalKind
from tests.checkpoints.drift.hostile import TIMES, VALUES, cyclic, nested


def run(states: list[Any], detector: SchemaDetector | None = None) -> list[Signal]:
    detector = detector or SchemaDetector()
    return [signal for state in states if (signal := detector.update(state))]


@pytest.mark.parametrize("seed", [51, 52])
def test_changes_of_form_are_found_as_promised(seed: int) -> None:
    rows = list(schema_series(seed, each=4))
    score = scored(rows, of_states)["all"]

    assert score.f1 >= 0.97
    assert scored(rows, lambda row: schema_differs(row["x"]))["all"].f1 < 0.1


@pytest.mark.parametrize("name", CHANGES)
def test_a_single_exception_says_nothing(name: str) -> None:
    states = [{"step": 1, "goal": "g", "budget": 2, "plan": {"steps": []}, "messages": [],
               "config": {"limits": {"usd": 1}}} for _ in range(60)]  # fmt: skip
    for place in (30, 45):
        states[place] = json.loads(json.dumps(states[place]))
        CHANGES[name](states[place])

    assert run(states) == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"a": 1}, {"a": "1"}, "a is text, it was number in 40 of 40, in the last 4 states"),
        (
            {"a": 1},
            {},
            "a is missing, it was there in 40 of 40 states before, in the last 4 states",
        ),
        ({}, {"b": {}}, "b is new (mapping), in the last 4 states"),
        (
            {"a": {"b": 1}},
            {"a": None},
            "a is null, it was mapping in 40 of 40, in the last 4 states",
        ),
        ({"a": [1]}, {"a": ["x"]}, "a[] is text, it was number in 40 of 40, in the last 4 states"),
    ],
)
def test_a_lasting_change_is_said_once_in_words(before: Any, after: Any, words: str) -> None:
    (signal,) = run([before] * 40 + [after] * 40)

    assert (signal.kind, signal.onset) == (SignalKind.SCHEMA, 40)
    assert str(signal) == words


def test_changes_that_begin_together_are_one_signal_that_names_them() -> None:
    before = {"a": 1, "b": 2, "c": {"d": 1}}
    (signal,) = run([before] * 60 + [{"a": "x", "e": 1}] * 40)

    assert [
        name in str(signal) for name in ("a is text", "b is missing", "c is missing", "e is new")
    ]
    assert "c.d" not in str(signal)


def test_a_return_to_what_was_is_no_signal_and_a_second_loss_is() -> None:
    with_it, without = {"a": 1, "b": 2}, {"b": 2}
    signals = run([with_it] * 60 + [without] * 10 + [with_it] * 200 + [without] * 100)

    assert [signal.onset for signal in signals] == [60, 270]


def test_whole_numbers_fractions_and_empty_lists_are_no_change() -> None:
    assert not run([{"a": 1, "l": [1, 2]}] * 40 + [{"a": 0.5, "l": []}] * 40)


def test_what_may_be_null_or_missing_says_nothing() -> None:
    random = Random(3)
    states = [
        {"a": random.choice([None, "x"]), **({"o": 1} if random.random() < 0.5 else {})}
        for _ in range(600)
    ]

    assert not run(states)


@pytest.mark.parametrize("key", ["user-{0}", "{0:032x}", "name{0}x", "key_{1}"])
def test_keys_that_are_data_neither_alarm_nor_fill_the_memory(key: str) -> None:
    letters = [chr(97 + place % 26) * (1 + place // 26) for place in range(600)]
    ever_others = [
        {"users": {key.format(place * 7 + one, letters[place] + str(one % 2)): {"age": 1}
                   for one in range(3)}} for place in range(600)]  # fmt: skip
    growing: list[Any] = [
        {"users": {key.format(one, letters[one]): 1 for one in range(min(place // 3, 50))}}
        for place in range(300)
    ]

    for states in (ever_others, growing):
        detector = SchemaDetector()
        assert run(states, detector) == []
        assert len(detector.to_dict()["streaks"]) < 80


def test_paths_are_bounded() -> None:
    detector = SchemaDetector()
    random = Random(1)
    for _ in range(60):
        detector.update({f"{random.random()}x": {"a": {"b": 1}} for _ in range(300)})
        detector.update({chr(97 + n % 26) * (1 + n // 26): {"q": n} for n in range(900)})

    assert len(detector.to_dict()["streaks"]) <= MOST_FIELDS


def test_a_few_states_are_no_certainty() -> None:
    assert not run([{"a": 1}] * 5 + [{"b": 1}] * 5)


def test_not_drift_makes_the_present_form_the_usual() -> None:
    detector = SchemaDetector()
    run([{"a": 1}] * 40 + [{"a": "x"}] * 2, detector)
    detector.learn_normal()

    assert not run([{"a": "x"}] * 40, detector)


def test_no_value_of_a_state_is_kept() -> None:
    detector = SchemaDetector()
    signals = run([{"a": "sesame-4711"}] * 40 + [{"a": ["sesame-4711"]}] * 20, detector)

    assert "4711" not in json.dumps([detector.to_dict(), *(one.to_dict() for one in signals)])


def test_hostile_states_run_nothing() -> None:
    detector = SchemaDetector()
    for value in [*VALUES, nested(3000), cyclic()]:
        for at in TIMES:
            detector.update(value, at)
            detector.update({"a": value, "b": [value] * 20, "c": {"d": value}}, at)

    json.dumps(detector.to_dict())


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(0, 60))
def test_it_goes_on_exactly_where_it_was_stored(seed: int, cut: int) -> None:
    states = states_of(Random(seed), 40) + [{"goal": 1}] * 20
    whole, first = SchemaDetector(), SchemaDetector()
    expected = [whole.update(state, float(place)) for place, state in enumerate(states)]
    got = [first.update(state, float(place)) for place, state in enumerate(states[:cut])]
    second = SchemaDetector.from_dict(json.loads(json.dumps(first.to_dict())))
    got += [second.update(state, float(cut + at)) for at, state in enumerate(states[cut:])]

    assert got == expected
    assert second.to_dict() == whole.to_dict()
