"""What must be done before the web server answers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from dashboard.data_folder import keep_private, warn_if_shared
from dashboard.services import login, operations

_MIGRATION_LOCK = 4_715_320_981
"""Any fixed number; it only has to be the same in every process."""


def prepare() -> None:
    """Bring the database up to date and send the hints that were lost.

    From here on all that is created is private; a data folder that is not is warned about.
    """
    keep_private()
    warn_if_shared(settings.DATA_DIR)
    with _alone():
        call_command("migrate", interactive=False, verbosity=0)
    operations.reconcile(now=timezone.now())
    connection.close()


def first_link() -> str | None:
    """Return the path of a link to log in with; None once there is a password or a passkey."""
    try:
        return login.make_link(now=timezone.now())
    except login.LinkRefused:
        return None
    finally:
        connection.close()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let one process at a time migrate a database that several share."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATION_LOCK])
