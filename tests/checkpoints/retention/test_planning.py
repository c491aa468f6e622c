"""What to keep, and why."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from checkpoints import Checkpoint, Kind, RetentionPolicy
from checkpoints.retention import SEED_POLICY, PrunePlan, plan_prune
from checkpoints.testing import NOON


def record(number: int, kind: Kind = Kind.ROUTINE, *, days_ago: float = 0) -> Checkpoint:
    at = NOON - timedelta(days=days_ago)
    return Checkpoint(
        id=f"c{number}", agent_id="a", thread_id="t", step=number, created_at=at, kind=kind
    )


def plan(records: list[Checkpoint], policy: RetentionPolicy, **values: object) -> PrunePlan:
    options = {"exempt": {}, **values}
    return plan_prune(records, policy, now=NOON, **options)  # type: ignore[arg-type]


def test_the_last_of_a_kind_stay_and_the_reason_says_so() -> None:
    made = plan([record(n) for n in (5, 4, 3, 2, 1)], SEED_POLICY)
    assert [(d.checkpoint_id, d.reason) for d in made.keep] == [
        ("c5", "routine 1 of the last 3"),
        ("c4", "routine 2 of the last 3"),
        ("c3", "routine 3 of the last 3"),
    ]
    assert {d.reason for d in made.remove} == {"routine: not among the last 3"}


def test_recovery_checkpoints_stay_for_seven_days() -> None:
    records = [record(2, Kind.RECOVERY, days_ago=6.9), record(1, Kind.RECOVERY, days_ago=7.1)]
    made = plan(records, SEED_POLICY)
    assert [d.checkpoint_id for d in made.keep] == ["c2"]
    assert made.remove[0].reason == "recovery: older than 7 days"


def test_an_age_of_hours_is_told_in_hours() -> None:
    policy = RetentionPolicy(within={Kind.ROUTINE: timedelta(hours=6)})
    assert plan([record(1)], policy).keep[0].reason == "routine younger than 6:00:00"


def test_a_kind_without_a_rule_stays() -> None:
    made = plan([record(1, Kind.PRE_OPERATION, days_ago=400)], SEED_POLICY)
    assert made.keep[0].reason == "no rule for pre_operation"


def test_a_released_checkpoint_goes_unless_it_is_exempt() -> None:
    records = [record(2, Kind.PRE_OPERATION), record(1, Kind.PRE_OPERATION)]
    made = plan(records, SEED_POLICY, exempt={"c2": "the head"}, released={"c1", "c2"})
    assert [(d.checkpoint_id, d.reason) for d in made.keep] == [("c2", "the head")]
    assert made.remove[0].reason == "its operation completed"


@given(st.lists(st.tuples(st.sampled_from(list(Kind)), st.integers(0, 30)), max_size=40))
def test_every_checkpoint_is_decided_once_and_what_is_exempt_stays(
    given_records: list[tuple[Kind, int]],
) -> None:
    records = [record(n, kind, days_ago=age) for n, (kind, age) in enumerate(given_records)]
    exempt = {r.id: "pinned" for r in records[::5]}
    made = plan(records, SEED_POLICY, exempt=exempt)
    decided = [d.checkpoint_id for d in (*made.keep, *made.remove)]
    assert sorted(decided) == sorted(r.id for r in records)
    assert exempt.keys() <= {d.checkpoint_id for d in made.keep}
    assert all(d.reason for d in (*made.keep, *made.remove))
