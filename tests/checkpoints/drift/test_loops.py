"""Circles of calls are found; what only looks like one is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.drift.generators.calls import LOOKALIKES, LOOPS, Call, call_runs, names_repeat
from benchmarks.drift.kinds import of_calls
from benchmarks.drift.labelled import scored
from benchmarks.drift.tau import successful_runs
from checkpoints.drift.loops import LoopDetector
from checkpoints.drift.signals import Signal, SignalKind
from checkpoints.drift.sketches import parsed, sketch
from tests.checkpoints.drift.hostile import TIMES, VALUES, cyclic, nested

Told = tuple[str, Any, Any]


def run(calls: Sequence[Told], sensitivity: float = 0.5) -> list[Signal]:
    detector = LoopDetector(sensitivity=sensitivity)
    return [signal for call in calls if (signal := detector.update(*call))]


def steps(count: int) -> list[Told]:
    return [("search", {"q": f"thing {place}"}, f"found {place * 7}") for place in range(count)]


@pytest.mark.parametrize("sensitivity", [0.25, 0.5, 0.75, 1.0])
def test_no_alarm_on_any_successful_run_of_tau_bench(data_dir: Path, sensitivity: float) -> None:
    runs = [
        [(call.tool, call.arguments, call.result) for call in calls] for calls in successful_runs()
    ]

    assert len(runs) == 84
    assert [signal for calls in runs for signal in run(calls, sensitivity)] == []
    assert sum(bool(names_repeat(calls)) for calls in successful_runs()) / len(runs) > 0.16


def test_loops_that_were_put_into_runs_are_found_as_promised(data_dir: Path) -> None:
    rows = list(call_runs(31, count=300, real=[calls for calls in successful_runs() if calls]))
    scores = scored(rows, of_calls)

    assert scores["all"].f1 >= 0.95
    assert scores["all"].false_alarms == 0
    assert all(scores[name].hits >= 0.8 * scores[name].drifted for name in LOOPS)
    assert scored(rows, lambda row: names_repeat(row["x"]))["all"].f1 < 0.5


@pytest.mark.parametrize("name", LOOKALIKES)
def test_what_only_looks_like_a_loop_is_none(name: str) -> None:
    from random import Random

    runs = [LOOKALIKES[name](Random(seed)) for seed in range(60)]

    assert not [run([(c.tool, c.arguments, c.result) for c in calls]) for calls in runs if
                run([(c.tool, c.arguments, c.result) for c in calls])]  # fmt: skip


@pytest.mark.parametrize("period", range(1, 13))
def test_a_circle_of_any_length_up_to_twelve_is_said_once(period: int) -> None:
    signals = run([*steps(9), *steps(period) * 12, *steps(30)[20:]])

    (signal,) = signals
    assert (signal.kind, signal.onset) == (SignalKind.LOOP, 9 if period < 9 else 0 + signal.onset)
    assert signal.evidence.observed == period


def test_a_loop_says_what_goes_round_and_since_when() -> None:
    detector = LoopDetector()
    calls = [*steps(5), *[("read", {"path": "a"}, "no"), ("think", "hm", "ok")] * 4]
    signals = [
        signal
        for place, call in enumerate(calls)
        if (signal := detector.update(*call, 100.0 + place))
    ]

    (signal,) = signals
    assert str(signal) == "read → think went round 3 times with the same arguments and results"
    assert (signal.onset, signal.onset_at, signal.at) == (5, 105.0, 110.0)


def test_a_second_loop_is_said_again() -> None:
    assert [signal.onset for signal in run([*steps(3), *steps(1) * 8, *steps(20)[10:],
                                            *[("x", 1, 2)] * 8])] == [3, 21]  # fmt: skip


def test_the_name_of_a_tool_alone_says_nothing() -> None:
    assert not run([("search", None, None)] * 50)
    assert not run([("search", "", "")] * 50)


def test_calls_without_known_results_need_twice_as_many() -> None:
    (signal,) = run([("read", {"path": "a"}, None)] * 20)

    assert signal.index == 6
    assert "nothing known of results" in str(signal)


def test_sketches_say_what_values_say() -> None:
    calls = [
        *steps(4),
        *[("read", {"path": "a", "ts": 1.76e9 + n}, {"took_ms": n}) for n in range(9)],
    ]
    sketched = [(tool, str(sketch(asked)), str(sketch(result))) for tool, asked, result in calls]

    assert [s.index for s in run(sketched)] == [s.index for s in run(calls)] == [7]


def test_other_peoples_digests_are_taken_as_they_are() -> None:
    assert not run([("read", f"{place:016x}", f"{place * 3:016x}") for place in range(20)])
    assert run([("read", "0123456789abcdef", "fedcba9876543210")] * 9)


def test_a_sketch_is_read_back_exactly() -> None:
    for value in [*VALUES, nested(500), cyclic(), {"progress": 1e300}, {"share": -0.25}]:
        made = sketch(value)
        assert parsed(str(made)) == made
        assert len(str(made)) < 110


def test_the_order_of_keys_and_sets_does_not_matter() -> None:
    assert sketch({"a": 1, "b": 2}) == sketch({"b": 2, "a": 1}) == sketch('{"b": 2, "a": 1}')
    assert sketch({"x", "y", "z"}) == sketch({"z", "y", "x"})
    assert sketch([1, 2]).exact != sketch([2, 1]).exact


def test_hostile_values_run_nothing() -> None:
    detector = LoopDetector()
    for value in [*VALUES, nested(3000), cyclic()]:
        for at in TIMES:
            detector.update(value, value, value, at)

    json.dumps(detector.to_dict())


def test_ten_megabytes_of_arguments_make_a_sketch_of_a_hundred_characters() -> None:
    text, many = "x y" * 3_500_000, [{"row": place} for place in range(1_000_000)]
    signals = run([("write", text, many)] * 6)

    assert len(signals) == 1
    assert sketch(text) != sketch(text + "!")
    assert len(str(sketch(text))) < 110


names = st.sampled_from(["a", "b"])
values = st.sampled_from([None, 1, "x y", {"k": 1}, {"progress": 3}])


@settings(max_examples=60)
@given(st.lists(st.tuples(names, values, values), max_size=60), st.integers(0, 60))
def test_it_goes_on_exactly_where_it_was_stored(calls: list[Told], cut: int) -> None:
    whole, first = LoopDetector(), LoopDetector()
    expected = [whole.update(*call, float(place)) for place, call in enumerate(calls)]
    got = [first.update(*call, float(place)) for place, call in enumerate(calls[:cut])]
    second = LoopDetector.from_dict(json.loads(json.dumps(first.to_dict())))
    got += [second.update(*call, float(cut + at)) for at, call in enumerate(calls[cut:])]

    assert got == expected
    assert second.to_dict() == whole.to_dict()


def test_its_state_does_not_grow() -> None:
    detector = LoopDetector()
    for call in steps(2000):
        detector.update(*call)

    assert len(json.dumps(detector.to_dict())) < 6_000


def test_a_made_up_run_is_the_same_each_time() -> None:
    first, second = (list(call_runs(5, count=6)) for _ in range(2))

    assert first == second
    assert isinstance(first[0]["x"][0], Call)
