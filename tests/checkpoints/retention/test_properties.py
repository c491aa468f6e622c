"""What holds of every plan, whatever the policy and the history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from checkpoints import Checkpoint, Kind, RetentionPolicy
from checkpoints.testing import NOON
from tests.checkpoints.retention.records import kept, plan, record, removed

KINDS = st.sampled_from(list(Kind))
AGES = st.timedeltas(min_value=timedelta(days=-3), max_value=timedelta(days=500))
COUNTS = st.none() | st.integers(1, 8)


@st.composite
def histories(draw: st.DrawFn) -> list[Checkpoint]:
    """Return a thread's records, newest first; the clock may have jumped in between."""
    made = st.tuples(KINDS, AGES, st.none() | st.integers(0, 300))
    rows = draw(st.lists(made, max_size=40))
    if draw(st.booleans()):
        rows.sort(key=lambda row: row[1])
    return [record(n, kind, ago=ago, size=size) for n, (kind, ago, size) in enumerate(rows)]


@st.composite
def policies(draw: st.DrawFn, *, max_bytes: st.SearchStrategy[int | None]) -> RetentionPolicy:
    ages = st.timedeltas(min_value=timedelta(hours=1), max_value=timedelta(days=90))
    return RetentionPolicy(
        last=draw(st.dictionaries(KINDS, st.integers(0, 8))),
        within=draw(st.dictionaries(KINDS, ages)),
        newest=draw(COUNTS),
        hourly=draw(COUNTS),
        daily=draw(COUNTS),
        weekly=draw(COUNTS),
        monthly=draw(COUNTS),
        max_bytes=draw(max_bytes),
    )


BUDGETS = st.none() | st.integers(1, 3000)
ANY = policies(max_bytes=BUDGETS)
UNLIMITED = policies(max_bytes=st.none())


def exempt_of(records: list[Checkpoint]) -> dict[str, str]:
    return {each.id: "pinned: good" for each in records[::7]}


@given(histories(), ANY)
def test_every_checkpoint_is_decided_once_with_a_reason(
    records: list[Checkpoint], policy: RetentionPolicy
) -> None:
    made = plan(records, policy, exempt=exempt_of(records))
    decided = [decision.checkpoint_id for decision in (*made.keep, *made.remove)]
    assert sorted(decided) == sorted(each.id for each in records)
    assert all(decision.reason for decision in (*made.keep, *made.remove))


@given(histories(), ANY)
def test_what_is_exempt_stays_with_its_reason(
    records: list[Checkpoint], policy: RetentionPolicy
) -> None:
    exempt = exempt_of(records)
    released = frozenset(exempt)
    made = plan(records, policy, exempt=exempt, released=released)
    assert exempt.items() <= kept(made).items()


@given(histories(), ANY)
def test_planning_again_over_what_stays_removes_nothing(
    records: list[Checkpoint], policy: RetentionPolicy
) -> None:
    exempt = exempt_of(records)
    first = kept(plan(records, policy, exempt=exempt))
    rest = [each for each in records if each.id in first]
    assert removed(plan(rest, policy, exempt=exempt)) == {}


@given(histories(), UNLIMITED, UNLIMITED)
def test_larger_numbers_and_ages_never_remove_more(
    records: list[Checkpoint], policy: RetentionPolicy, other: RetentionPolicy
) -> None:
    laxer = larger(policy, other)
    assert removed(plan(records, laxer)).keys() <= removed(plan(records, policy)).keys()


def larger(policy: RetentionPolicy, other: RetentionPolicy) -> RetentionPolicy:
    """Return ``policy`` with each of its numbers as large as in the other, or as it is."""
    units = ("newest", "hourly", "daily", "weekly", "monthly")
    set_here = {name: getattr(policy, name) for name in units if getattr(policy, name)}
    values: dict[str, Any] = {
        name: max(count, getattr(other, name) or 0) for name, count in set_here.items()
    }
    last = {kind: max(n, other.last.get(kind, 0)) for kind, n in policy.last.items()}
    within = {kind: max(age, other.within.get(kind, age)) for kind, age in policy.within.items()}
    return replace(policy, last=last, within=within, **values)


@given(histories(), UNLIMITED, st.integers(1, 3000), st.integers(0, 3000))
def test_a_larger_budget_never_removes_more(
    records: list[Checkpoint], policy: RetentionPolicy, budget: int, more: int
) -> None:
    tight, wide = replace(policy, max_bytes=budget), replace(policy, max_bytes=budget + more)
    assert removed(plan(records, wide)).keys() <= removed(plan(records, tight)).keys()


@given(histories(), UNLIMITED, st.integers(1, 3000))
def test_a_budget_holds_unless_all_that_is_left_is_protected(
    records: list[Checkpoint], policy: RetentionPolicy, budget: int
) -> None:
    exempt = exempt_of(records)
    made = kept(plan(records, replace(policy, max_bytes=budget), exempt=exempt))
    stored = sum(each.stored_size or 0 for each in records if each.id in made)
    assert stored <= budget or made.keys() <= exempt.keys()


@given(histories(), UNLIMITED, st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_a_clock_that_goes_back_never_makes_an_age_remove_more(
    records: list[Checkpoint], policy: RetentionPolicy, back: timedelta
) -> None:
    by_age = RetentionPolicy(within=policy.within)
    now = plan(records, by_age)
    before = plan(records, by_age, now=NOON - back)
    assert removed(before).keys() <= removed(now).keys()


@given(histories(), UNLIMITED)
def test_what_is_dated_in_the_future_never_makes_anything_else_go(
    records: list[Checkpoint], policy: RetentionPolicy
) -> None:
    by_time = replace(policy, last={}, newest=None)
    past = [each for each in records if each.created_at <= NOON]
    with_future = removed(plan(records, by_time)).keys()
    assert with_future == removed(plan(past, by_time)).keys()


@given(histories(), ANY)
def test_the_same_question_has_the_same_answer(
    records: list[Checkpoint], policy: RetentionPolicy
) -> None:
    assert plan(records, policy) == plan(records, policy)
