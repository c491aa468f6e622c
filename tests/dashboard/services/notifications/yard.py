"""Channels that go to servers on this machine, and a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from dashboard.models import (
    DeliveryAttempt,
    NotificationChannel,
    NotificationMessage,
    NotificationRule,
    Project,
    User,
)
from dashboard.models.access import default_project
from dashboard.services import notifications
from dashboard.services.notifications import Happening, targets
from dashboard.services.notifications.sending import shown


@dataclass(slots=True)
class Hand:
    """A clock that stands still until it is moved."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at


@dataclass(slots=True)
class Yard:
    """One channel, and what can be done to it."""

    user: User
    clock: Hand
    channel: NotificationChannel
    share: float = 1.0
    secret: str = field(default="", repr=False)

    def announce(self, key: str = "drift-1", **changes: Any) -> None:
        notifications.announce(happening(self.clock.at, key=key, **changes), now=self.clock.at)

    def compose(self) -> list[UUID]:
        return notifications.begin_due(now=self.clock.at)

    def deliver(self) -> None:
        for message in self.messages():
            notifications.deliver(message_id=message.pk, now=self.clock, share=lambda: self.share)

    def later(self, **by: float) -> list[UUID]:
        """Let time pass, then put together what is due and try it once."""
        self.clock.move(**by)
        made = self.compose()
        self.deliver()
        return made

    def messages(self) -> list[NotificationMessage]:
        return list(NotificationMessage.objects.filter(channel=self.channel).order_by("created_at"))

    def tries(self) -> list[DeliveryAttempt]:
        rows = DeliveryAttempt.objects.filter(message__channel=self.channel)
        return list(rows.order_by("message__created_at", "number"))


def happening(now: datetime, *, key: str = "drift-1", **changes: Any) -> Happening:
    values: dict[str, Any] = {
        "kind": "drift.opened",
        "key": key,
        "project_pk": default_project(),
        "agent_pk": None,
        "severity": "medium",
        "title": f"Drift in crawler ({key})",
        "text": "error rate 0.4, usually 0.02",
        "path": "/drift/1/",
        "at": now,
    }
    return Happening(**{**values, **changes})


def make_channel(
    user: User,
    target: targets.Target,
    now: datetime,
    *,
    rules: Iterable[dict[str, Any]] = ({},),
    **values: Any,
) -> NotificationChannel:
    project = Project.objects.get(pk=default_project())
    channel = NotificationChannel.objects.create(
        project=project,
        name=values.pop("name", "on call"),
        kind=target.kind,
        target=targets.sealed(target, project_id=project.pk),
        shown=shown(target),
        next_message_at=now,
        created_by=user,
        created_at=now,
        **values,
    )
    for rule in rules:
        NotificationRule.objects.create(channel=channel, **rule)
    return channel
