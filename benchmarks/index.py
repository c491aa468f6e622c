"""Pages over a large index, timed within the process."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urljoin

import django

from benchmarks.measure import Row, median_ms

CHECKPOINTS = 100_000
THREADS = 1
_NEXT_ROWS = re.compile(r'hx-get="([^"]*after=[^"]*)"')


def rows() -> Iterator[Row]:
    """Fill an index, then ask for its pages."""
    with tempfile.TemporaryDirectory() as folder:
        set_up(folder)
        yield from _pages(_fill())


def set_up(folder: str) -> None:
    """Make an empty index in a folder, for this process."""
    os.environ["HOLDFAST_DATA_DIR"] = folder
    os.environ["HOLDFAST_ALLOWED_HOSTS"] = "testserver"
    os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def _fill() -> Any:
    """Index 100,000 checkpoints of one agent and return one of its threads."""
    from dashboard.models import Agent, Source, Thread

    now = datetime.now(UTC)
    source = Source.objects.create(
        name="bench", url="sqlite:////bench", kind="sqlite", created_at=now
    )
    agent = Agent.objects.create(source=source, agent_id="bench", created_at=now)
    threads = [
        Thread.objects.create(agent=agent, thread_id=f"t{n}", last_checkpoint_at=now)
        for n in range(THREADS)
    ]
    for thread in threads:
        _fill_thread(thread, now)
    return threads[0]


def _fill_thread(thread: Any, now: datetime) -> None:
    from dashboard.models import Checkpoint

    count = CHECKPOINTS // THREADS
    made = [
        Checkpoint(
            thread=thread,
            checkpoint_id=f"{thread.thread_id}-{n}",
            parent_id=f"{thread.thread_id}-{n - 1}",
            step=n,
            step_name=("search", "fetch", "extract")[n % 3],
            created_at=now - timedelta(seconds=30 * (count - n)),
            received_at=now,
            size=9_000 + n,
            stored_size=2_000,
            sha256=f"{n:064x}",
            metrics={"tokens": 400 + n % 50},
        )
        for n in range(count)
    ]
    Checkpoint.objects.bulk_create(made, batch_size=2_000)
    thread.head = Checkpoint.objects.get(thread=thread, step=count - 1)
    thread.checkpoint_count = count
    thread.save()


def _pages(thread: Any) -> Iterator[Row]:
    from django.test import Client

    from dashboard.models import User

    client = Client()
    client.force_login(User.objects.create_superuser("bench", password=None))
    timeline = f"/agents/{thread.agent_id}/bench/threads/{thread.pk}/"
    deep = _deep(client, timeline)
    pages = {"timeline": timeline, "20 pages down": deep, "agents": "/agents/", "overview": "/"}
    for name, url in pages.items():
        took = median_ms(partial(_get, client, url), 15)
        note = f"{CHECKPOINTS:,} indexed checkpoints, server time"
        yield Row(name=f"page: {name}", value=took, unit="ms", goal=100, note=note)


def _get(client: Any, url: str) -> str:
    response = client.get(url)
    if response.status_code != 200:
        raise RuntimeError(f"{url} answered {response.status_code}")
    return str(response.content.decode())


def _deep(client: Any, url: str) -> str:
    """Return the address of the rows that an operator reaches after scrolling for long."""
    for _ in range(20):
        found = _NEXT_ROWS.search(_get(client, url))
        if found is None:
            raise RuntimeError(f"{url} offers no further rows")
        url = urljoin(url, found[1].replace("&amp;", "&"))
    return url
