"""What opens a source: replaced, forgotten and sealed anew. It is never shown again."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from dashboard import access, queue
from dashboard.credentials import Credentials, CredentialsLost, is_current
from dashboard.models import Source, User
from dashboard.services.notifications.resealing import reseal_channels
from dashboard.services.source_tests import look_at
from dashboard.services.sources import SourceRefused, find_source, record, sealed
from dashboard.stores import credentials_of


def replace_credentials(
    *, user: User, source_id: int, credentials: Credentials, now: datetime
) -> Source:
    """Keep other credentials for a source, if they open it.

    Raises LoginTooOld, and SourceRefused with the old ones kept.
    """
    access.require_recent_login(user, now)
    source = find_source(user, source_id)
    if not credentials:
        raise SourceRefused("Nothing was entered; the credentials are as they were.")
    test = look_at(user=user, address=source.url, credentials=credentials, choice=source.url)
    if not test.ok:
        raise SourceRefused(f"{test.message} The credentials are as they were.", test)
    _keep(user, source, credentials, "source.credentials_replaced", now)
    return source


def forget_credentials(*, user: User, source_id: int, now: datetime) -> Source:
    """Delete what opens a source; it is opened again once others are entered.

    Raises LoginTooOld, SourceRefused.
    """
    access.require_recent_login(user, now)
    source = find_source(user, source_id)
    if not source.credentials:
        raise SourceRefused(f"No credentials are kept for {source.name}; nothing was changed.")
    _keep(user, source, Credentials(), "source.credentials_forgotten", now)
    return source


def reseal(*, user: User, now: datetime) -> tuple[int, list[str]]:
    """Seal every source's credentials and every channel's address with the key that is first now.

    Return how many were, and the names of those that no key here opens. Raises Forbidden,
    LoginTooOld.
    """
    access.require(user, "admin")
    access.require_recent_login(user, now)
    done, lost = 0, []
    rows = access.visible(user, Source.objects.select_related("project"), right="admin")
    for source in rows.exclude(credentials=b"").order_by("pk"):
        if is_current(bytes(source.credentials)):
            continue
        try:
            credentials = credentials_of(source)
        except CredentialsLost:
            lost.append(source.name)
            continue
        _keep(user, source, credentials, "source.credentials_resealed", now)
        done += 1
    channels, gone = reseal_channels(user=user, now=now)
    return done + channels, lost + gone


def _keep(user: User, source: Source, credentials: Credentials, action: str, now: datetime) -> None:
    with transaction.atomic():
        kept = sealed(source, credentials)
        Source.objects.filter(pk=source.pk).update(credentials=kept, next_scan_at=None)
        record(user, action, source, now)
        if source.connected:
            queue.enqueue_scan(source.pk)
    source.credentials = kept
