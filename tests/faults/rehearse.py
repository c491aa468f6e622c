"""Register a store in a new installation and ask for a drill of it.

``python -m tests.faults.rehearse URL`` prints the drill's number.
"""

from __future__ import annotations

import sys

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from dashboard.models import User  # noqa: E402
from dashboard.services import drills, scans, sources  # noqa: E402
from tests.dashboard.people import join  # noqa: E402


def main(url: str) -> None:
    call_command("migrate", verbosity=0)
    now = timezone.now()
    user = join(User.objects.create(username="operator"))
    user.authenticated_at = now
    source = sources.add_source(user=user, url=url, name="agents", now=now)
    scans.scan_source(source_id=source.pk, now=now)
    drill = drills.rehearse_now(user=user, source_pk=source.pk, per_agent=3, now=now)
    print(drill.pk)


if __name__ == "__main__":
    main(sys.argv[1])
