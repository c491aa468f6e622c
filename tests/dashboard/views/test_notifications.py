"""Pages of notifications: adding, changing, testing and removing channels and their rules."""

from __future__ import annotations

import pytest
from django.test import Client

from dashboard.models import (
    AuditEvent,
    Membership,
    NotificationChannel,
    NotificationMessage,
    NotificationRule,
    Role,
    User,
)
from tests.dashboard.people import join, log_in

HOSTILE = """<img src=x onerror=alert(1)>"'{{7*7}}</script>"""
ADD = "/settings/notifications/add/"
FORM = {
    "kind": "webhook",
    "name": "on call",
    "address": "http://127.0.0.1:9/s3cr3t-path",
    "per_hour": "20",
    "severity": "medium",
    "kinds": ["drift.opened"],
    "agents": "crawler-*",
    "quiet_from": "22:00",
    "quiet_until": "07:00",
    "time_zone": "Europe/Berlin",
    "high_passes": "on",
    "remind_hours": "4",
}


@pytest.fixture
def admin(person: User) -> Client:
    join(person, Role.ADMIN)
    return log_in(person)


@pytest.fixture
def channel(admin: Client) -> NotificationChannel:
    assert admin.post(ADD, FORM).status_code == 200
    return NotificationChannel.objects.get()


def path(channel: NotificationChannel, act: str = "") -> str:
    return f"/settings/notifications/{channel.pk}/{act}"


def test_the_secret_is_shown_once_and_the_address_never(admin: Client) -> None:
    first = admin.post(ADD, FORM).content.decode()
    channel = NotificationChannel.objects.get()
    again = admin.get(path(channel)).content.decode()

    assert "whsec_" in first
    assert "whsec_" not in again
    assert "s3cr3t" not in first + again
    assert "http://127.0.0.1:9/…" in again
    assert not AuditEvent.objects.filter(details__icontains="s3cr3t").exists()


def test_a_rule_is_kept_as_it_was_typed(channel: NotificationChannel) -> None:
    rule = channel.rules.get()

    assert (rule.severity, rule.kinds, rule.agents) == ("medium", ["drift.opened"], "crawler-*")
    assert (rule.quiet_from, rule.quiet_until, rule.time_zone) == (1320, 420, "Europe/Berlin")
    assert (rule.high_passes, rule.remind_hours) == (True, 4)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"address": "http://169.254.169.254/latest"}, "HOLDFAST_NOTIFICATION_HOSTS"),
        ({"address": "ftp://example.com"}, "no address of a webhook"),
        ({"kind": "email", "address": "ada@example.com"}, "HOLDFAST_EMAIL_URL"),
        ({"kind": "service", "address": "syslog://"}, "not one of those"),
        ({"time_zone": "Mars/Olympus"}, "no time zone"),
        ({"quiet_until": ""}, "a beginning and an end"),
        ({"name": ""}, "This field is required"),
        ({"per_hour": "0"}, "greater than or equal to 1"),
        ({"kinds": ["nothing.known"]}, "not one of the available choices"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(
    admin: Client, changes: dict[str, object], says: str
) -> None:
    answer = admin.post(ADD, {**FORM, **changes})

    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not NotificationChannel.objects.exists()


def test_a_name_is_taken_once(admin: Client, channel: NotificationChannel) -> None:
    assert admin.post(ADD, FORM).status_code == 422
    assert NotificationChannel.objects.count() == 1


def test_names_are_shown_as_text(admin: Client) -> None:
    admin.post(ADD, {**FORM, "name": HOSTILE})
    pages = [
        admin.get("/settings/notifications/"),
        admin.get(path(NotificationChannel.objects.get())),
    ]

    for page in pages:
        assert "<img src=x" not in page.content.decode()
        assert "&lt;img src=x" in page.content.decode()


def test_a_channel_is_tested_paused_resumed_and_removed(
    admin: Client, channel: NotificationChannel
) -> None:
    admin.post(path(channel, "test/"))
    assert NotificationMessage.objects.get().kind == "test"
    assert "Holdfast reaches on call" in admin.get(path(channel)).content.decode()

    admin.post(path(channel, "pause/"))
    channel.refresh_from_db()
    assert channel.paused_at is not None
    admin.post(path(channel, "test/"))
    assert NotificationMessage.objects.count() == 1

    admin.post(path(channel, "resume/"))
    assert NotificationChannel.objects.filter(paused_at=None).exists()

    admin.post(path(channel, "remove/"))
    assert not NotificationChannel.objects.exists()
    actions = list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))
    assert actions[-5:] == [
        "channel.added",
        "channel.tested",
        "channel.paused",
        "channel.resumed",
        "channel.removed",
    ]


def test_rules_are_added_changed_and_removed(admin: Client, channel: NotificationChannel) -> None:
    admin.post(path(channel, "rules/add/"), {"severity": "high", "time_zone": "UTC"})
    rule = NotificationRule.objects.order_by("pk").last()
    assert rule is not None
    assert rule.severity == "high"

    where = f"/settings/notifications/rules/{rule.pk}/"
    assert admin.get(where).status_code == 200
    admin.post(where, {"severity": "low", "time_zone": "UTC", "remind_hours": "2"})
    rule.refresh_from_db()
    assert (rule.severity, rule.remind_hours) == ("low", 2)

    admin.post(f"{where}remove/")
    assert channel.rules.count() == 1


def test_an_address_is_replaced_and_an_empty_one_keeps_it(
    admin: Client, channel: NotificationChannel
) -> None:
    before = bytes(channel.target)
    admin.post(path(channel), {"name": "night shift", "per_hour": "5", "address": ""})
    channel.refresh_from_db()
    assert (channel.name, channel.per_hour, bytes(channel.target)) == ("night shift", 5, before)

    changed = {"name": "night shift", "per_hour": "5", "address": "http://127.0.0.1:8/x"}
    assert "whsec_" in admin.post(path(channel), changed).content.decode()
    channel.refresh_from_db()
    assert channel.shown == "http://127.0.0.1:8/…"


def test_adding_a_channel_takes_a_recent_login(person: User) -> None:
    join(person, Role.ADMIN)
    answer = log_in(person, minutes_ago=60).post(ADD, FORM)

    assert answer.status_code in (302, 403)
    assert not NotificationChannel.objects.exists()


def test_a_viewer_is_not_shown_the_way_there(person: User, channel: NotificationChannel) -> None:
    Membership.objects.filter(user=person).update(role=Role.VIEWER)
    browser = log_in(person)

    assert browser.get(path(channel)).status_code == 403
    assert "/settings/notifications/" not in browser.get("/").content.decode()
