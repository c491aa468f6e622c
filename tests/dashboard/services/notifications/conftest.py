"""A channel to a webhook on this machine, and a clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from dashboard.models import User
from dashboard.services.notifications import targets
from tests.dashboard.services.notifications.receivers import (
    Mailbox,
    Receiver,
    mail_server,
    receiver,
)
from tests.dashboard.services.notifications.yard import Hand, Yard, make_channel


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as found:
        yield found


@pytest.fixture
def yard(person: User, now: datetime, hook: Receiver) -> Yard:
    target = targets.webhook(hook.url)
    channel = make_channel(person, target, now)
    return Yard(user=person, clock=Hand(now), channel=channel, secret=target.secret)
