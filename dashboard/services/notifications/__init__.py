"""Telling people what happened: by mail, webhook and the services that Apprise knows."""

from dashboard.services.notifications.announcing import announce, settle
from dashboard.services.notifications.changing import (
    Kept,
    Wanted,
    WantedRule,
    add_channel,
    add_rule,
    change_channel,
    change_rule,
    pause_channel,
    remove_channel,
    remove_rule,
    resume_channel,
    test_channel,
)
from dashboard.services.notifications.composing import begin_due
from dashboard.services.notifications.delivering import deliver, forget_old
from dashboard.services.notifications.errors import NotificationRefused
from dashboard.services.notifications.happenings import SEVERITIES, Happening
from dashboard.services.notifications.kinds import KINDS

__all__ = [
    "KINDS",
    "SEVERITIES",
    "Happening",
    "Kept",
    "NotificationRefused",
    "Wanted",
    "WantedRule",
    "add_channel",
    "add_rule",
    "announce",
    "begin_due",
    "change_channel",
    "change_rule",
    "deliver",
    "forget_old",
    "pause_channel",
    "remove_channel",
    "remove_rule",
    "resume_channel",
    "settle",
    "test_channel",
]
