"""Schedules: run exactly once per due time, and never further than they may."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from checkpoints import RetentionPolicy as Rules
from dashboard.access import Forbidden, LoginTooOld
from dashboard.models import (
    AuditEvent,
    Operation,
    OperationState,
    Project,
    PruneSchedule,
    Role,
    ScheduledPrune,
    ScheduledRun,
    User,
)
from dashboard.selectors.retention import target_of
from dashboard.services import operations, retention
from dashboard.services.retention import runs
from tests.dashboard.people import join
from tests.dashboard.yards import Yard

HOUR = 3600
SEVEN = Rules.keep_last(7)
"""Lets one of billing's eight checkpoints go, and none of crawler's four."""


@pytest.fixture
def schedule(yard: Yard) -> int:
    yard.set(yard.target(), SEVEN)
    return yard.hourly()


def test_what_is_due_is_pruned_by_itself_in_holdfasts_name(yard: Yard, schedule: int) -> None:
    yard.clock.pass_by(HOUR)

    (prune,) = yard.round()

    assert prune.outcome == "pruning"
    operation = prune.operation
    assert operation is not None
    assert (operation.state, operation.requested_by, operation.target_id) == (
        "queued",
        None,
        "the schedule tidy",
    )
    assert yard.run(operation).state == OperationState.SUCCEEDED
    assert yard.thread("billing").checkpoints.filter(removed_at=None).count() == 7


def test_a_schedule_whose_maker_may_no_longer_operate_asks_for_nothing(
    yard: Yard, schedule: int
) -> None:
    join(PruneSchedule.objects.get(pk=schedule).created_by, Role.VIEWER)
    yard.clock.pass_by(HOUR)

    (prune,) = yard.round()

    assert prune.operation is None
    assert "may no longer operate here" in prune.message


def test_nothing_runs_before_it_is_due(yard: Yard, schedule: int) -> None:
    yard.clock.pass_by(HOUR - 1)

    assert yard.round() == []


def test_two_workers_begin_one_run(yard: Yard, schedule: int) -> None:
    yard.clock.pass_by(HOUR)
    stale = PruneSchedule.objects.get(pk=schedule)

    assert len(retention.begin_due(now=yard.clock())) == 1
    assert runs._begin(stale, yard.clock()) is None
    assert ScheduledRun.objects.count() == 1


def test_two_workers_carry_one_run_out_once(yard: Yard, schedule: int) -> None:
    yard.clock.pass_by(HOUR)
    (run,) = retention.begin_due(now=yard.clock())

    retention.carry_out(run_pk=run, now=yard.clock)
    retention.carry_out(run_pk=run, now=yard.clock)

    assert Operation.objects.count() == ScheduledPrune.objects.count() == 1


def test_a_worker_that_slept_past_its_lease_asks_for_nothing_a_second_time(
    yard: Yard, schedule: int
) -> None:
    yard.clock.pass_by(HOUR)
    (run_pk,) = retention.begin_due(now=yard.clock())
    asleep = runs._claim(run_pk, yard.clock())
    assert asleep is not None
    yard.clock.pass_by(runs.LEASE.total_seconds() + 1)
    retention.carry_out(run_pk=run_pk, now=yard.clock)

    runs._in_source(asleep, yard.source, yard.clock())

    asked = Operation.objects.exclude(state=OperationState.DRAFT)
    assert asked.count() == ScheduledPrune.objects.count() == 1


def test_a_killed_workers_run_is_taken_up_again_after_its_lease(
    yard: Yard, schedule: int, hints: list[UUID | int]
) -> None:
    yard.clock.pass_by(HOUR)
    (run_pk,) = retention.begin_due(now=yard.clock())
    assert runs._claim(run_pk, yard.clock()) is not None
    hints.clear()

    assert yard.round() == []
    yard.clock.pass_by(runs.LEASE.total_seconds() + 1)

    assert [prune.outcome for prune in yard.round()] == ["pruning"]


def test_a_run_that_never_ends_is_given_up(yard: Yard, schedule: int) -> None:
    yard.clock.pass_by(HOUR)
    retention.begin_due(now=yard.clock())
    ScheduledRun.objects.update(attempts=runs.MAX_ATTEMPTS)
    yard.clock.pass_by(60)

    (prune,) = yard.round()

    assert (prune.outcome, prune.operation) == ("refused", None)
    assert ScheduledRun.objects.get().finished_at is not None


def test_what_was_missed_is_run_once(yard: Yard, schedule: int) -> None:
    yard.clock.pass_by(50 * HOUR + 60)

    yard.round()
    yard.round()

    assert ScheduledRun.objects.count() == 1
    ahead = PruneSchedule.objects.get(pk=schedule).next_run_at - yard.clock()
    assert timedelta(0) < ahead <= timedelta(hours=1)


def test_a_run_that_would_remove_nothing_is_noted_and_is_no_operation(
    yard: Yard, schedule: int
) -> None:
    yard.set(yard.target(), Rules.keep_last(20))
    yard.clock.pass_by(HOUR)

    (prune,) = yard.round()

    assert (prune.outcome, prune.operation) == ("nothing", None)
    assert not Operation.objects.exists()


def test_where_no_policy_applies_a_run_removes_nothing(yard: Yard) -> None:
    yard.hourly()
    yard.clock.pass_by(HOUR)

    assert [(p.outcome, p.message) for p in yard.round()] == [
        ("nothing", "The policies keep everything here.")
    ]


def test_a_run_that_would_remove_too_much_waits_for_a_person(yard: Yard) -> None:
    yard.set(yard.target(), Rules.keep_last(2))
    yard.hourly()
    yard.clock.pass_by(HOUR)

    (prune,) = yard.round()

    operation = prune.operation
    assert operation is not None
    assert (prune.outcome, operation.state) == ("held", "pending_approval")
    assert "would remove 8 of the source's 12 checkpoints, more than the 50 %" in operation.message
    approved = operations.approve(
        user=yard.user,
        operation_id=operation.pk,
        plan_hash=operation.plan_hash,
        now=yard.clock(),
    )
    assert yard.run(approved).state == OperationState.SUCCEEDED


def test_a_schedule_may_be_allowed_more(yard: Yard) -> None:
    yard.set(yard.target(), Rules.keep_last(2))
    yard.hourly(most_percent=67)
    yard.clock.pass_by(HOUR)

    assert [prune.outcome for prune in yard.round()] == ["pruning"]


def test_a_project_that_wants_approval_wants_it_of_schedules_too(yard: Yard, schedule: int) -> None:
    Project.objects.update(requires_approval=True)
    yard.clock.pass_by(HOUR)

    (prune,) = yard.round()

    assert prune.outcome == "held"
    assert prune.operation is not None
    assert prune.operation.state == OperationState.PENDING_APPROVAL


def test_while_an_earlier_prune_waits_no_other_is_asked_for(yard: Yard) -> None:
    yard.set(yard.target(), Rules.keep_last(2))
    yard.hourly()
    for _ in range(2):
        yard.clock.pass_by(HOUR)
        prunes = yard.round()

    assert [prune.outcome for prune in prunes] == ["held", "skipped"]
    assert Operation.objects.count() == 1


def test_a_paused_schedule_does_not_run_and_makes_up_for_nothing(yard: Yard, schedule: int) -> None:
    retention.pause(user=yard.user, schedule_pk=schedule, now=yard.clock())
    yard.clock.pass_by(5 * HOUR)
    assert yard.round() == []

    yard.user.authenticated_at = yard.clock()
    retention.resume(user=yard.user, schedule_pk=schedule, now=yard.clock())

    assert yard.round() == []
    yard.clock.pass_by(HOUR)
    assert len(yard.round()) == 1


def test_run_now_runs_once_and_leaves_the_next_time_as_it_is(yard: Yard, schedule: int) -> None:
    before = PruneSchedule.objects.get(pk=schedule).next_run_at
    run = retention.run_now(user=yard.user, schedule_pk=schedule, now=yard.clock())
    with pytest.raises(retention.RetentionRefused, match="has not ended yet"):
        retention.run_now(user=yard.user, schedule_pk=schedule, now=yard.clock())

    retention.carry_out(run_pk=run.pk, now=yard.clock)

    assert [prune.outcome for prune in run.prunes.all()] == ["pruning"]
    assert PruneSchedule.objects.get(pk=schedule).next_run_at == before


def test_a_store_that_cannot_be_opened_is_noted_with_the_reason(yard: Yard, schedule: int) -> None:
    yard.source.url = "sqlite:////nowhere/at/all.db"
    yard.source.save()
    yard.clock.pass_by(HOUR)

    (prune,) = yard.round()

    assert prune.outcome == "refused"
    assert "Nothing was asked for" in prune.message


def test_a_schedule_of_an_agent_leaves_the_others_alone(yard: Yard) -> None:
    yard.set(yard.target(), Rules.keep_last(3))
    yard.hourly(yard.target("crawler"))
    yard.clock.pass_by(HOUR)

    (prune,) = yard.round()

    assert prune.operation is not None
    yard.run(prune.operation)
    assert yard.thread("billing").checkpoints.filter(removed_at=None).count() == 8
    assert yard.thread("crawler").checkpoints.filter(removed_at=None).count() == 3


def test_a_schedule_of_a_project_reaches_each_connected_source(yard: Yard) -> None:
    yard.set(target_of(yard.project), SEVEN)
    yard.hourly(target_of(yard.project))
    yard.clock.pass_by(HOUR)

    assert [prune.source for prune in yard.round()] == [yard.source]


@pytest.mark.parametrize(
    ("rhythm", "problem"),
    [
        ({}, "every so many hours, or"),
        ({"every_hours": 1, "minute_of_day": 5}, "every so many hours, or"),
        ({"every_hours": 0}, "every 1 to"),
        ({"minute_of_day": 1440}, "from 00:00 to 23:59"),
        ({"every_hours": 1, "weekday": 1}, "goes with a time"),
        ({"minute_of_day": 1, "weekday": 7}, "goes with a time"),
        ({"every_hours": 1, "most_percent": 0}, "from 1 to 100"),
    ],
)
def test_a_rhythm_that_cannot_be_is_refused(
    yard: Yard, rhythm: dict[str, int], problem: str
) -> None:
    with pytest.raises(retention.RetentionRefused, match=problem):
        retention.add_schedule(
            user=yard.user,
            target=yard.target(),
            wanted=retention.Wanted(name="odd", **rhythm),
            now=yard.clock(),
        )


def test_only_operators_with_a_recent_login_let_things_run_by_themselves(
    yard: Yard, schedule: int
) -> None:
    viewer = join(User.objects.create_user("viewer"), Role.VIEWER)
    with pytest.raises(Forbidden):
        retention.pause(user=viewer, schedule_pk=schedule, now=yard.clock())
    yard.user.authenticated_at = None
    with pytest.raises(LoginTooOld):
        yard.hourly()
    with pytest.raises(LoginTooOld):
        retention.run_now(user=yard.user, schedule_pk=schedule, now=yard.clock())


def test_what_is_done_to_a_schedule_is_audited(yard: Yard, schedule: int) -> None:
    wanted = retention.Wanted(name="nightly", minute_of_day=180, weekday=6)
    now = yard.clock()
    retention.change_schedule(user=yard.user, schedule_pk=schedule, wanted=wanted, now=now)
    retention.pause(user=yard.user, schedule_pk=schedule, now=now)
    retention.resume(user=yard.user, schedule_pk=schedule, now=now)
    retention.run_now(user=yard.user, schedule_pk=schedule, now=now)
    assert retention.remove_schedule(user=yard.user, schedule_pk=schedule, now=now) == "nightly"

    actions = AuditEvent.objects.filter(action__startswith="schedule.").order_by("sequence")
    assert [event.action.partition(".")[2] for event in actions] == [
        "added",
        "changed",
        "paused",
        "resumed",
        "run",
        "removed",
    ]
    assert actions[1].details["rhythm"] == "every Sunday at 03:00 UTC"
