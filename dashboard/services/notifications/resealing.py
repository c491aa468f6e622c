"""Sealing channels anew after the key was changed."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from dashboard import access
from dashboard.credentials import is_current
from dashboard.models import NotificationChannel, User
from dashboard.services import audit
from dashboard.services.notifications import targets
from dashboard.services.notifications.errors import NotificationRefused


def reseal_channels(*, user: User, now: datetime) -> tuple[int, list[str]]:
    """Seal the addresses of all channels that one administers with the key that is first now.

    Return how many were, and the names of channels whose address no key here opens.
    """
    done, lost = 0, []
    rows = access.visible(user, NotificationChannel.objects.all(), right="admin")
    for channel in rows.order_by("pk"):
        if is_current(bytes(channel.target)):
            continue
        try:
            target = targets.unsealed(bytes(channel.target), project_id=channel.project_id)
        except NotificationRefused:
            lost.append(channel.name)
            continue
        _keep(user, channel, targets.sealed(target, project_id=channel.project_id), now)
        done += 1
    return done, lost


def _keep(user: User, channel: NotificationChannel, sealed: bytes, now: datetime) -> None:
    with transaction.atomic():
        NotificationChannel.objects.filter(pk=channel.pk).update(target=sealed)
        audit.record(
            user=user,
            action="channel.resealed",
            target=channel.name,
            details={"kind": channel.kind},
            now=now,
            project=channel.project_id,
        )
