"""What to keep, and why."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkpoints import Kind, RetentionPolicy
from checkpoints.retention import SEED_POLICY
from checkpoints.testing import NOON
from tests.checkpoints.retention.records import kept, plan, record, removed

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def test_the_last_of_a_kind_stay_and_the_reason_says_so() -> None:
    made = plan([record(n) for n in (5, 4, 3, 2, 1)], SEED_POLICY)
    assert kept(made) == {
        "c5": "routine 1 of the last 3",
        "c4": "routine 2 of the last 3",
        "c3": "routine 3 of the last 3",
    }
    assert set(removed(made).values()) == {"routine: not among the last 3"}


def test_recovery_checkpoints_stay_for_seven_days() -> None:
    records = [
        record(2, Kind.RECOVERY, ago=timedelta(days=6.9)),
        record(1, Kind.RECOVERY, ago=timedelta(days=7.1)),
    ]
    made = plan(records, SEED_POLICY)
    assert kept(made) == {"c2": "recovery younger than 7 days"}
    assert removed(made) == {"c1": "recovery: older than 7 days"}


def test_an_age_of_hours_is_told_in_hours() -> None:
    policy = RetentionPolicy(within={Kind.ROUTINE: timedelta(hours=6)})
    assert kept(plan([record(1)], policy)) == {"c1": "routine younger than 6:00:00"}


def test_a_kind_without_a_rule_stays() -> None:
    made = plan([record(1, Kind.PRE_OPERATION, ago=400 * DAY)], SEED_POLICY)
    assert kept(made) == {"c1": "no rule for pre_operation"}


def test_a_released_checkpoint_goes_unless_it_is_exempt() -> None:
    records = [record(2, Kind.PRE_OPERATION), record(1, Kind.PRE_OPERATION)]
    made = plan(records, SEED_POLICY, exempt={"c2": "the head"}, released={"c1", "c2"})
    assert kept(made) == {"c2": "the head"}
    assert removed(made) == {"c1": "its operation completed"}


def test_the_newest_of_a_thread_stay_whatever_their_kind() -> None:
    kinds = [Kind.RECOVERY, Kind.ROUTINE, Kind.PRE_OPERATION, Kind.ROUTINE]
    made = plan([record(9 - n, kind) for n, kind in enumerate(kinds)], RetentionPolicy.keep_last(3))
    assert kept(made) == {
        "c9": "1 of the newest 3",
        "c8": "2 of the newest 3",
        "c7": "3 of the newest 3",
    }
    assert removed(made) == {"c6": "routine: not among the newest 3"}


def test_what_several_rules_keep_is_given_all_their_reasons() -> None:
    policy = RetentionPolicy(last={Kind.ROUTINE: 1}, newest=2, daily=7)
    records = [record(3), record(2), record(1)]
    made = plan(records, policy)
    assert kept(made) == {
        "c3": "routine 1 of the last 1; 1 of the newest 2; newest of 2026-03-01, day 1 of 7",
        "c2": "2 of the newest 2",
    }
    assert removed(made) == {
        "c1": "routine: not among the last 1 and not among the newest 2 and not the newest of one "
        "of the last 7 days"
    }


@pytest.mark.parametrize(
    ("policy", "ago", "reasons"),
    [
        (
            RetentionPolicy(hourly=2),
            [timedelta(minutes=n) for n in (0, 1, 61, 62, 200)],
            {
                "c5": "newest of 2026-03-01 12:00, hour 1 of 2",
                "c4": "newest of 2026-03-01 11:00, hour 2 of 2",
            },
        ),
        (
            RetentionPolicy(daily=3),
            [timedelta(hours=n) for n in (0, 11, 13, 14, 100)],
            {
                "c5": "newest of 2026-03-01, day 1 of 3",
                "c3": "newest of 2026-02-28, day 2 of 3",
                "c1": "newest of 2026-02-25, day 3 of 3",
            },
        ),
        (
            RetentionPolicy(weekly=2),
            [timedelta(days=n) for n in (0, 6, 7, 8, 30)],
            {
                "c5": "newest of 2026-W09, week 1 of 2",
                "c3": "newest of 2026-W08, week 2 of 2",
            },
        ),
        (
            RetentionPolicy(monthly=12),
            [timedelta(days=n) for n in (0, 1, 2, 60, 61)],
            {
                "c5": "newest of 2026-03, month 1 of 12",
                "c4": "newest of 2026-02, month 2 of 12",
                "c2": "newest of 2025-12, month 3 of 12",
            },
        ),
    ],
    ids=["hourly", "daily", "weekly", "monthly"],
)
def test_the_newest_of_each_of_the_last_units_of_time_stays(
    policy: RetentionPolicy, ago: list[timedelta], reasons: dict[str, str]
) -> None:
    records = [record(5 - n, ago=age) for n, age in enumerate(ago)]
    assert kept(plan(records, policy)) == reasons


def test_the_year_of_an_iso_week_is_that_of_its_thursday() -> None:
    records = [record(1, ago=timedelta(days=59))]  # the 1st of January 2026, a Thursday
    assert kept(plan(records, RetentionPolicy(weekly=1))) == {
        "c1": "newest of 2026-W01, week 1 of 1"
    }


def test_a_budget_removes_the_oldest_until_the_rest_fits() -> None:
    records = [record(n, size=100) for n in (5, 4, 3, 2, 1)]
    made = plan(records, RetentionPolicy(max_bytes=250), exempt={"c2": "pinned: good"})
    assert list(kept(made)) == ["c5", "c2"]
    assert removed(made)["c4"] == (
        "500 stored bytes are above the budget of 250, and it is the oldest"
    )
    assert made.notes == ()


def test_a_budget_overrules_what_other_rules_keep() -> None:
    policy = RetentionPolicy(last={Kind.ROUTINE: 3}, max_bytes=150)
    assert list(kept(plan([record(n, size=100) for n in (3, 2, 1)], policy))) == ["c3"]


def test_a_budget_that_cannot_be_kept_says_so() -> None:
    made = plan([record(1, size=100)], RetentionPolicy(max_bytes=50), exempt={"c1": "the head"})
    assert kept(made) == {"c1": "the head"}
    [note] = made.notes
    assert note.startswith("100 stored bytes stay above the budget of 50: all that is left is")


def test_unknown_sizes_count_as_nothing_and_are_said() -> None:
    made = plan([record(2, size=40), record(1)], RetentionPolicy(max_bytes=50))
    assert list(kept(made)) == ["c2", "c1"]
    assert made.notes == ("the sizes of 1 checkpoints are not known and were counted as 0",)


def test_what_is_dated_in_the_future_stays_by_age_and_takes_no_place() -> None:
    ahead = record(3, ago=-400 * DAY)
    records = [record(4), ahead, record(2, ago=DAY)]
    by_age = RetentionPolicy(within={Kind.ROUTINE: HOUR})
    assert set(kept(plan(records, by_age))) == {"c4", "c3"}
    made = plan(records, RetentionPolicy(daily=2))
    assert kept(made) == {
        "c4": "newest of 2026-03-01, day 1 of 2",
        "c3": "dated in the future",
        "c2": "newest of 2026-02-28, day 2 of 2",
    }


def test_a_clock_that_went_back_removes_nothing_by_age() -> None:
    records = [record(n, ago=n * HOUR) for n in range(20)]
    policy = RetentionPolicy(within={Kind.ROUTINE: HOUR}, hourly=1)
    assert removed(plan(records, policy, now=NOON - 400 * DAY)) == {}


@pytest.mark.parametrize(
    "values",
    [
        {"newest": 0},
        {"hourly": -1},
        {"max_bytes": 0},
        {"last": {Kind.ROUTINE: -1}},
        {"last": {"hourly": 3}},
        {"within": {Kind.ROUTINE: timedelta(0)}},
    ],
)
def test_numbers_that_mean_nothing_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        RetentionPolicy(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values",
    [
        {"newest": True},
        {"daily": 1.5},
        {"daily": float("nan")},
        {"last": {Kind.ROUTINE: "3"}},
        {"within": {Kind.ROUTINE: 7}},
    ],
)
def test_what_is_no_number_or_age_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        RetentionPolicy(**values)  # type: ignore[arg-type]
