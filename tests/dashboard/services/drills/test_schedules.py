"""Drills begin by themselves, once for each time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from dashboard.models import Drill, DrillSchedule, Source
from dashboard.services import drills
from tests.dashboard.services.drills.yard import DrillYard, make_drill_yard

pytestmark = pytest.mark.django_db


@pytest.fixture
def yard(tmp_path: Path) -> DrillYard:
    return make_drill_yard(tmp_path)


def begin(yard: DrillYard) -> list[int]:
    return drills.begin_due(now=yard.clock())


def test_a_connected_source_is_drilled_daily_with_two_of_each_agent(yard: DrillYard) -> None:
    begin(yard)
    schedule = DrillSchedule.objects.get()
    assert (schedule.source, schedule.rhythm, schedule.per_agent) == (yard.source, "daily", 2)


def test_a_source_that_is_only_reported_gets_none(yard: DrillYard) -> None:
    Source.objects.update(connected=False)
    begin(yard)
    assert not DrillSchedule.objects.exists()


def test_the_first_drill_comes_soon_and_the_next_a_day_later(yard: DrillYard) -> None:
    begin(yard)
    assert not Drill.objects.exists()
    yard.clock.pass_by(600)
    (first,) = begin(yard)
    yard.carry_out(Drill.objects.get(pk=first))
    yard.clock.pass_by(23 * 3600)
    assert begin(yard) == []
    yard.clock.pass_by(3600)
    assert len(begin(yard)) == 1


def test_what_was_missed_is_made_up_for_by_one(yard: DrillYard) -> None:
    begin(yard)
    yard.clock.pass_by(10 * 86400)
    assert len(begin(yard)) == 1
    yard.carry_out(Drill.objects.get())
    assert begin(yard) == []


def test_two_workers_begin_one(yard: DrillYard) -> None:
    begin(yard)
    yard.clock.pass_by(600)
    begin(yard)
    DrillSchedule.objects.update(next_run_at=yard.clock())
    assert begin(yard) == []
    assert Drill.objects.count() == 1


def test_a_hint_that_nobody_took_up_is_sent_again(yard: DrillYard) -> None:
    drill = yard.ask()
    assert begin(yard) == []
    yard.clock.pass_by(16)
    assert begin(yard) == [drill.pk]


def test_a_schedule_that_is_switched_off_begins_nothing(yard: DrillYard) -> None:
    wanted = drills.Wanted(every_hours=1, enabled=False)
    drills.change_schedule(
        user=yard.user, source_pk=yard.source.pk, wanted=wanted, now=yard.clock()
    )
    yard.clock.pass_by(86400)
    assert begin(yard) == []


@pytest.mark.parametrize("hours", [0, 10**6])
def test_a_rhythm_that_cannot_be_is_refused(yard: DrillYard, hours: int) -> None:
    with pytest.raises(drills.DrillRefused):
        drills.change_schedule(
            user=yard.user,
            source_pk=yard.source.pk,
            wanted=drills.Wanted(every_hours=hours),
            now=yard.clock() + timedelta(0),
        )
