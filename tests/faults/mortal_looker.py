"""The real worker, with short times, that falls asleep while it writes what it found of an agent.

``python -m tests.faults.mortal_looker MARKER`` writes the file MARKER and sleeps; while MARKER is
there, it does its work as ever. With ``lay COUNT`` it lays an agent that drifted into a new
installation, to be looked at.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from dashboard import rounds  # noqa: E402
from dashboard.celery import app  # noqa: E402
from dashboard.models import Agent, Checkpoint, Source, Thread  # noqa: E402
from dashboard.services.drift import detectors, watches  # noqa: E402
from dashboard.services.marking import mark  # noqa: E402
from dashboard.supervisor.programs import worker_command  # noqa: E402

FOR_EVER_SECONDS = 3600
DRIFTING = 12


def lay(count: int) -> None:
    """Lay an agent down whose last checkpoints took far longer than the others."""
    call_command("migrate", interactive=False, verbosity=0)
    now, random = timezone.now(), Random(7)
    source = Source.objects.create(name="s", url="memory://", kind="memory", created_at=now)
    source.connected = False
    source.save()
    agent = Agent.objects.create(source=source, agent_id="crawler", created_at=now)
    thread = Thread.objects.create(agent=agent, thread_id="main")
    Checkpoint.objects.bulk_create(
        Checkpoint(
            thread=thread,
            checkpoint_id=f"c{number}",
            step=number,
            status="completed" if number == count - 1 else "running",
            created_at=now - timedelta(seconds=5 * (count - number)),
            received_at=now,
            metrics={"latency": random.gauss(100, 4) * (2.5 if number >= count - DRIFTING else 1)},
        )
        for number in range(count)
    )
    with transaction.atomic():
        mark([agent.pk], now=now, hint=False)


def work(marker: Path) -> None:
    """Be the worker."""
    real = detectors.save

    def save(*args: Any, **values: Any) -> None:
        if not marker.exists():
            marker.touch()
            time.sleep(FOR_EVER_SECONDS)
        real(*args, **values)

    detectors.save = save
    watches.LEASE = timedelta(seconds=2)
    rounds.RECONCILE_EVERY_SECONDS = 0.5
    command = worker_command()
    app.worker_main(list(command[command.index("worker") :]))


if __name__ == "__main__":
    if sys.argv[1] == "lay":
        lay(int(sys.argv[2]))
    else:
        work(Path(sys.argv[1]))
