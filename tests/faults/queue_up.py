"""``python -m tests.faults.queue_up THREADS PER_THREAD`` lays waiting operations into the database.

They are there to be claimed, not to be carried out.
"""

from __future__ import annotations

import sys

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from dashboard.models import Agent, Operation, Source, Thread, User  # noqa: E402


def main(threads: int, per_thread: int) -> None:
    call_command("migrate", interactive=False, verbosity=0)
    now = timezone.now()
    source = Source.objects.create(name="s", url="memory://", kind="memory", created_at=now)
    agent = Agent.objects.create(source=source, agent_id="agent", created_at=now)
    user = User.objects.create(username="operator")
    for thread_number in range(threads):
        thread = Thread.objects.create(agent=agent, thread_id=str(thread_number))
        for number in range(per_thread):
            Operation.objects.create(
                kind="restore",
                source=source,
                thread=thread,
                target_id="c1",
                requested_by=user,
                reason="race",
                plan={},
                plan_hash="",
                idempotency_key=f"{thread_number}-{number}",
                created_at=now,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
