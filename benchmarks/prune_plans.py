"""Planning a prune of a large store through the dashboard, and the pages that show the plan."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import django

from benchmarks.measure import Row, median_ms, seconds

CHECKPOINTS = 100_000
CHUNK = 2_000
MINUTES_BETWEEN = 5
GOAL_SECONDS = 2.0
PAGE_GOAL_MS = 500.0


def rows() -> Iterator[Row]:
    """Fill a native store and its index, then draft a prune of almost all of it."""
    with tempfile.TemporaryDirectory() as folder:
        _set_up(folder)
        url = f"sqlite:///{folder}/agents.db"
        now = datetime.now(UTC)
        _fill_store(url, now)
        user, source = _fill_index(url, now)
        yield from _plan(user, source, now)
        yield from _pages(user)


def _set_up(folder: str) -> None:
    os.environ["HOLDFAST_DATA_DIR"] = folder
    os.environ["HOLDFAST_ALLOWED_HOSTS"] = "testserver"
    os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def _fill_store(url: str, now: datetime) -> None:
    import checkpoints

    store = checkpoints.open_native_store(url)
    head = None
    for start in range(0, CHECKPOINTS, CHUNK):
        drafts = [(_draft(n, now), {"step": n, "cell": n % 7}) for n in range(start, start + CHUNK)]
        head = store.put_many(drafts, expected_head=head)[-1].id
    store.close()


def _draft(number: int, now: datetime) -> Any:
    import checkpoints

    age = timedelta(minutes=MINUTES_BETWEEN * (CHECKPOINTS - number))
    return checkpoints.Draft(
        id=f"c{number:08}",
        agent_id="bench",
        thread_id="main",
        step=number,
        created_at=now - age,
        parent_id=f"c{number - 1:08}" if number else None,
    )


def _fill_index(url: str, now: datetime) -> tuple[Any, Any]:
    """Index the source as one with a policy that keeps few, and an operator."""
    import checkpoints
    from dashboard.models import Agent, Checkpoint, Source, Thread, User
    from dashboard.selectors.retention import target_of
    from dashboard.services import retention

    user = User.objects.create_superuser("bench")
    user.authenticated_at = now
    source = Source.objects.create(name="bench", url=url, kind="sqlite", created_at=now)
    agent = Agent.objects.create(source=source, agent_id="bench", created_at=now)
    thread = Thread.objects.create(agent=agent, thread_id="main", checkpoint_count=CHECKPOINTS)
    drafts = (_draft(number, now) for number in range(CHECKPOINTS))
    made = [
        Checkpoint(
            thread=thread,
            checkpoint_id=draft.id,
            step=draft.step,
            created_at=draft.created_at,
            received_at=now,
        )
        for draft in drafts
    ]
    Checkpoint.objects.bulk_create(made, batch_size=CHUNK)
    policy = checkpoints.RetentionPolicy(newest=100, hourly=24, daily=14, monthly=12)
    retention.set_policy(user=user, target=target_of(source), name="few", policy=policy, now=now)
    return user, source


def _plan(user: Any, source: Any, now: datetime) -> Iterator[Row]:
    from dashboard.selectors.retention import target_of
    from dashboard.services import retention

    keys = iter(range(1000))

    def draft() -> None:
        retention.draft_by_policies(
            user=user, target=target_of(source), idempotency_key=str(next(keys)), now=now
        )

    took = min(seconds(draft) for _ in range(3))
    name = f"draft of a prune of {CHECKPOINTS:,} checkpoints"
    yield Row(name=name, value=took, unit="s", goal=GOAL_SECONDS)


def _pages(user: Any) -> Iterator[Row]:
    from django.test import Client

    from dashboard.models import Operation

    client = Client()
    client.force_login(user)
    operation = Operation.objects.defer("plan").latest("created_at")
    paths = {
        "the draft's page": f"/operations/{operation.pk}/",
        "a page of its entries": f"/operations/{operation.pk}/plan/",
        "its last entries": f"/operations/{operation.pk}/plan/?after={CHECKPOINTS - 1000}",
    }
    for name, path in paths.items():
        assert client.get(path).status_code == 200, path
        took = median_ms(partial(client.get, path), 7)
        yield Row(name=f"page: {name}", value=took, unit="ms", goal=PAGE_GOAL_MS)
