"""What happens is told once, by one message, to the channels whose rules want it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from dashboard.models import Notice, NotificationMessage, NotificationRule
from dashboard.services import notifications
from tests.dashboard.services.notifications.receivers import Receiver
from tests.dashboard.services.notifications.yard import Yard, happening


def titles(hook: Receiver) -> list[list[str]]:
    return [[item["key"] for item in one.data["items"]] for one in hook.got]


def test_one_happening_is_one_message(yard: Yard, hook: Receiver) -> None:
    yard.announce()
    yard.later(seconds=6)
    yard.later(hours=2)

    assert titles(hook) == [["drift-1"]]
    assert yard.messages()[0].state == "delivered"


def test_nothing_is_told_of_what_was_rolled_back(yard: Yard, hook: Receiver) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        yard.announce()
        _ = 1 / 0
    yard.later(seconds=6)

    assert hook.got == []


def test_the_same_happening_again_is_not_told_again(yard: Yard, hook: Receiver) -> None:
    yard.announce()
    yard.later(seconds=6)
    for _ in range(5):
        yard.announce()
        yard.later(minutes=5)

    assert titles(hook) == [["drift-1"]]
    assert Notice.objects.get().happened == 6


def test_a_severity_that_rises_is_told_again(yard: Yard, hook: Receiver) -> None:
    yard.announce(severity="low")
    yard.later(seconds=6)
    yard.announce(severity="high")
    yard.later(minutes=2)

    assert [one.data["severity"] for one in hook.got] == ["low", "high"]


def test_several_subjects_within_a_minute_are_one_message(yard: Yard, hook: Receiver) -> None:
    for number in range(3):
        yard.announce(f"drift-{number}")
    yard.later(seconds=6)
    yard.announce("drift-3")
    yard.later(seconds=10)
    yard.announce("drift-4")
    yard.later(seconds=60)

    assert titles(hook) == [["drift-0", "drift-1", "drift-2"], ["drift-3", "drift-4"]]


def test_an_end_is_told_to_who_was_told_of_the_beginning(yard: Yard, hook: Receiver) -> None:
    yard.announce("drift-9", kind="drift.resolved")
    yard.announce()
    yard.later(seconds=6)
    notifications.settle("drift-1", now=yard.clock.at)
    yard.announce(kind="drift.resolved", title="Over")
    yard.later(minutes=2)

    assert titles(hook) == [["drift-1"], ["drift-1"]]
    assert hook.got[1].data["title"] == "Over"


def test_what_begins_anew_after_its_end_is_told_anew(yard: Yard, hook: Receiver) -> None:
    yard.announce()
    yard.later(seconds=6)
    notifications.settle("drift-1", now=yard.clock.at)
    yard.announce()
    yard.later(minutes=2)

    assert titles(hook) == [["drift-1"], ["drift-1"]]


@pytest.mark.parametrize(
    ("rule", "happens", "told"),
    [
        ({"severity": "high"}, {"severity": "medium"}, False),
        ({"severity": "medium"}, {"severity": "high"}, True),
        ({"kinds": ["drill.failed"]}, {}, False),
        ({"kinds": ["drill.failed", "drift.opened"]}, {}, True),
        ({"agents": "crawl*"}, {}, False),
    ],
)
def test_a_rule_says_what_is_told(
    yard: Yard, hook: Receiver, rule: dict[str, Any], happens: dict[str, Any], told: bool
) -> None:
    NotificationRule.objects.update(**rule)
    yard.announce(**happens)
    yard.later(seconds=6)

    assert bool(hook.got) is told


def test_another_project_is_told_nothing(yard: Yard, hook: Receiver) -> None:
    elsewhere = happening(yard.clock.at, project_pk=yard.channel.project_id + 1)
    notifications.announce(elsewhere, now=yard.clock.at)
    yard.later(seconds=6)

    assert hook.got == []


def test_reminders_come_until_it_is_settled(yard: Yard, hook: Receiver) -> None:
    NotificationRule.objects.update(remind_hours=4)
    yard.announce()
    yard.later(seconds=6)
    for _ in range(9):
        yard.later(hours=1, seconds=1)
    notifications.settle("drift-1", now=yard.clock.at)
    for _ in range(9):
        yard.later(hours=1)

    assert [one.data["type"] for one in hook.got] == [
        "notification.news",
        "notification.reminder",
        "notification.reminder",
    ]


def test_quiet_hours_end_with_one_digest(yard: Yard, hook: Receiver) -> None:
    NotificationRule.objects.update(quiet_from=11 * 60, quiet_until=13 * 60, time_zone="UTC")
    yard.announce("drift-1")
    yard.announce("drift-2", severity="low")
    yard.later(minutes=5)
    assert hook.got == []

    yard.later(minutes=56)
    assert [one.data["type"] for one in hook.got] == ["notification.digest"]
    assert titles(hook) == [["drift-1", "drift-2"]]


def test_high_severity_is_let_through_quiet_hours(yard: Yard, hook: Receiver) -> None:
    NotificationRule.objects.update(quiet_from=11 * 60, quiet_until=13 * 60)
    yard.announce("drift-1", severity="high")
    yard.later(seconds=6)
    NotificationRule.objects.update(high_passes=False)
    yard.announce("drift-2", severity="high")
    yard.later(minutes=5)

    assert titles(hook) == [["drift-1"]]


def test_a_reminder_waits_for_the_end_of_quiet_hours(yard: Yard, hook: Receiver) -> None:
    NotificationRule.objects.update(quiet_from=13 * 60, quiet_until=20 * 60, remind_hours=2)
    yard.announce()
    yard.later(seconds=6)
    yard.later(hours=3)
    assert len(hook.got) == 1

    yard.later(hours=5)
    assert len(hook.got) == 2


def test_ten_thousand_happenings_at_once_are_one_message(yard: Yard, hook: Receiver) -> None:
    now = yard.clock.at
    Notice.objects.bulk_create(
        Notice(
            channel=yard.channel,
            rule=yard.channel.rules.get(),
            key=f"drift-{number}",
            kind="drift.opened",
            severity="high" if number == 9_999 else "low",
            title=f"Drift {number}",
            path=f"/drift/{number}/",
            since=now,
            changed_at=now,
            due_at=now,
        )
        for number in range(10_000)
    )
    yard.later(seconds=1)
    yard.later(hours=1)

    assert len(hook.got) == 1
    first = hook.got[0].data
    assert (first["items"][0]["key"], first["severity"]) == ("drift-9999", "high")
    assert (len(first["items"]), first["more"]) == (10, 9_990)
    assert len(hook.got[0].body) < 20_000


def test_a_flood_of_one_subject_is_one_row(yard: Yard) -> None:
    for _ in range(200):
        yard.announce()

    assert Notice.objects.count() == 1
    assert NotificationMessage.objects.count() == 0


def test_a_channel_sends_no_more_than_its_limit_in_an_hour(yard: Yard, hook: Receiver) -> None:
    type(yard.channel).objects.update(per_hour=4)
    for number in range(40):
        yard.announce(f"drift-{number}", severity="low")
        yard.later(seconds=61)
    assert len(hook.got) == 3, "a quarter is kept for high severity"

    yard.announce("drift-high", severity="high")
    yard.later(seconds=61)
    assert len(hook.got) == 4
    assert hook.got[3].data["items"][0]["key"] == "drift-high"
    assert hook.got[3].data["more"] == 28

    yard.clock.move(hours=1)
    yard.later(minutes=2)
    assert len(hook.got) == 4, "there was nothing left to tell"


def test_a_paused_channel_is_not_written_to(yard: Yard, hook: Receiver) -> None:
    yard.announce("drift-1")
    type(yard.channel).objects.update(paused_at=yard.clock.at)
    yard.announce("drift-2")
    yard.later(hours=1)
    assert hook.got == []

    type(yard.channel).objects.update(paused_at=None)
    yard.later(seconds=timedelta(minutes=1).total_seconds())
    assert titles(hook) == [["drift-1"]]
