"""What grows within threads becomes one series without jumps."""

from __future__ import annotations

import json

from checkpoints.drift.continuity import Continuity

SIZE = (None, "state_size")
TOKENS = (None, "tokens")
OWN = (None, "rows")


def test_in_one_thread_a_series_is_the_metric_itself() -> None:
    joins = Continuity()
    told = [joins.joined(SIZE, "main", value) for value in (10.0, 14.0, 11.0)]
    assert [point and point.value for point in told] == [10, 14, 11]


def test_a_further_thread_changes_nothing_by_beginning() -> None:
    joins = Continuity()
    for value in (100.0, 110.0, 120.0):
        joins.joined(SIZE, "one", value)
    assert joins.joined(SIZE, "two", 10.0) is None
    point = joins.joined(SIZE, "two", 20.0)
    assert point is not None
    assert point.value == 130
    point = joins.joined(SIZE, "one", 130.0)
    assert point is not None
    assert point.value == 140


def test_what_one_step_took_is_told_as_it_is_in_any_thread() -> None:
    joins = Continuity()
    told = [joins.joined(TOKENS, f"t{n}", 500.0 + n) for n in range(5)]
    assert [point and point.value for point in told] == [500, 501, 502, 503, 504]


def test_that_a_metric_grows_is_learnt_from_what_it_does() -> None:
    joins = Continuity()
    for number in range(20):
        joins.joined(OWN, "one", float(number))
    assert joins.joined(OWN, "two", 0.0) is None
    point = joins.joined(OWN, "two", 1.0)
    assert point is not None
    assert point.value == 20


def test_a_conversation_that_begins_anew_in_its_thread_is_no_fall() -> None:
    joins, key = Continuity(), (None, "conversation_length")
    for value in (2.0, 4.0, 6.0):
        joins.joined(key, "main", value)
    assert joins.joined(key, "main", 0.0) is None
    point = joins.joined(key, "main", 2.0)
    assert point is not None
    assert point.value == 8


def test_a_size_that_falls_is_told_since_something_may_be_lost() -> None:
    joins = Continuity()
    joins.joined(SIZE, "main", 1000.0)
    point = joins.joined(SIZE, "main", 10.0)
    assert point is not None
    assert point.value == 10


def test_after_json_it_goes_on_and_forgets_old_threads() -> None:
    joins = Continuity()
    for number in range(3000):
        joins.joined(SIZE, f"t{number}", 5.0)
    values = json.loads(json.dumps(joins.to_dict()))
    again = Continuity.from_dict(values)
    assert again.to_dict() == joins.to_dict()
    assert len(values["last"]) == 1024
    assert again.joined(SIZE, "t2999", 8.0) == joins.joined(SIZE, "t2999", 8.0)
