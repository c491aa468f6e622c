"""A plan that has less and less to do with the goal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.drift.generators.groups import GOAL, plans
from benchmarks.drift.kinds import of_plans
from benchmarks.drift.labelled import scored
from checkpoints.drift.divergence import GoalDivergence, similarity
from checkpoints.drift.signals import Direction, SignalKind
from tests.checkpoints.drift.hostile import VALUES, cyclic, nested


@pytest.mark.parametrize(
    ("goal", "near", "far"),
    [
        ("Book a flight to Seattle in May", "search flights to Seattle, then book", "write a poem"),
        ("预订从北京到上海的航班", "搜索北京到上海的航班并付款", "写一首关于大海的诗"),
        ("Забронировать рейс Москва Казань", "найти рейсы Москва Казань", "написать стихи о море"),
        ("احجز رحلة إلى القاهرة", "ابحث عن رحلة إلى القاهرة", "اكتب قصيدة عن البحر"),
        ("จองเที่ยวบินไปเชียงใหม่", "ค้นหาเที่ยวบินไปเชียงใหม่", "แต่งกลอนทะเล"),
        (
            "Flug nach Köln buchen",
            "Flüge nach Köln suchen und Flug buchen",
            "ein Gedicht schreiben",
        ),
    ],
)
def test_what_speaks_of_the_goal_is_nearer_in_any_language(goal: str, near: str, far: str) -> None:
    assert similarity(goal, near) > 0.4
    assert similarity(goal, far) < 0.25
    assert similarity(goal, goal) == 1


def test_lists_and_mappings_are_read_as_their_texts() -> None:
    plan = [{"step": "search flights", "done": True}, {"step": "book the hotel"}]

    assert similarity("book flights", plan) == similarity(
        "book flights", "search flights book hotel"
    )


def test_plans_that_turn_to_something_else_are_found_without_false_alarms() -> None:
    score = scored(list(plans(61, each=40)), of_plans)["all"]

    assert score.f1 >= 0.6
    assert score.false_alarms <= 1


def test_a_signal_is_of_divergence_and_upwards() -> None:
    (row,) = [row for row in plans(62, each=20) if of_plans(row) and row["label"]][:1]
    detector = GoalDivergence()
    (signal, *_) = [signal for plan in row["x"] if (signal := detector.update(GOAL, plan))]

    assert (signal.kind, signal.direction) == (SignalKind.DIVERGENCE, Direction.UP)
    assert str(signal).startswith("the plan has moved away from the goal: divergence rose")


def test_a_plan_that_comes_nearer_or_stays_the_same_is_no_drift() -> None:
    nearer = [row["x"][::-1] for row in plans(63, each=10) if row["label"]]

    assert not [run for run in nearer if of_plans({"x": run})]
    assert not of_plans({"x": ["find a flight"] * 300})


def test_hostile_and_empty_values_tell_nothing() -> None:
    detector = GoalDivergence()
    for value in [*VALUES, nested(3000), cyclic()]:
        assert 0 <= similarity(value, "a plan") <= 1
        assert detector.update(value, value) is None
        assert detector.update("a goal", value, value) is None


@given(st.text(), st.text())
def test_similarity_is_a_share_and_the_same_both_ways(one: str, other: str) -> None:
    assert 0 <= similarity(one, other) <= 1
    assert similarity(one, other) == similarity(other, one)


def test_it_goes_on_exactly_where_it_was_stored_and_keeps_no_text() -> None:
    (row,) = [row for row in plans(64, each=20) if row["label"] and of_plans(row)][:1]
    detector, got = GoalDivergence(), []
    for place, plan in enumerate(row["x"]):
        got += [place] if detector.update(GOAL, plan) else []
        if place % 7 == 0:
            stored: dict[str, Any] = json.loads(json.dumps(detector.to_dict()))
            assert "flight" not in json.dumps(stored)
            detector = GoalDivergence.from_dict(stored)

    assert got == of_plans(row)
