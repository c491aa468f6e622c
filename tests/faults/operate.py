"""What an operator does, as a process of an installation.

``python -m tests.faults.operate URL THREAD`` registers a store and asks for a restore of the
thread's third checkpoint.
"""

from __future__ import annotations

import sys

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from dashboard.models import Source, Thread, User  # noqa: E402
from dashboard.services import operations, scans  # noqa: E402
from tests.dashboard.people import join  # noqa: E402


def main(url: str, thread_id: str) -> None:
    call_command("migrate", interactive=False, verbosity=0)
    now = timezone.now()
    source = Source.objects.create(name="agents", url=url, kind="store", created_at=now)
    scans.scan_source(source_id=source.pk, now=now)
    user = join(User.objects.create(username="operator"))
    thread = Thread.objects.get(thread_id=thread_id)
    row = thread.checkpoints.filter(namespace="").order_by("created_at", "pk")[2]
    preview = operations.preview_restore(user=user, checkpoint_pk=row.pk, now=now)
    operations.request_restore(
        user=user,
        checkpoint_pk=row.pk,
        plan_token=preview.plan_token,
        reason="it went astray",
        idempotency_key="the only click",
        now=now,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
