"""Pages of storage take the same few queries however much there is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from checkpoints import RetentionPolicy as Rules
from dashboard.models import Operation, OperationState, TrashedBatch, User
from dashboard.selectors.policies import agent_policies_page, policies_page, policy_page
from dashboard.selectors.retention import find_target, target_of
from dashboard.selectors.schedules import schedules_of
from dashboard.selectors.selections import selection_page
from dashboard.selectors.storage import storage_page, trash_page
from dashboard.services import retention
from tests.dashboard.index import make_thread

pytestmark = pytest.mark.django_db


def count(read: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as queries:
        read()
    return len(queries)


def fill(person: User, now: datetime, name: str) -> None:
    """Add an agent with a policy and a schedule, and a prune of it that lies in the trash."""
    thread = make_thread(now, agent_id=name)
    agent = target_of(thread.agent)
    retention.set_policy(user=person, target=agent, name=name, policy=Rules.keep_last(3), now=now)
    wanted = retention.Wanted(name=name, every_hours=1)
    schedule = retention.add_schedule(user=person, target=agent, wanted=wanted, now=now)
    retention.run_now(user=person, schedule_pk=schedule.pk, now=now)
    operation = Operation.objects.create(
        kind="prune",
        state=OperationState.SUCCEEDED,
        source=thread.agent.source,
        agent=thread.agent,
        reason="r",
        plan={},
        plan_hash="0",
        idempotency_key=name,
        created_at=now,
    )
    TrashedBatch.objects.create(
        operation=operation,
        thread=thread,
        checkpoint_ids=["a", "b"],
        stored_bytes=5,
        trashed_at=now,
        due_at=now + timedelta(days=7),
    )


def test_pages_of_storage_take_a_constant_number_of_queries(person: User, now: datetime) -> None:
    fill(person, now, "first")
    agent = make_thread(now, agent_id="second").agent
    target = find_target(user=person, level="agent", pk=agent.pk)
    reads: dict[str, Callable[[], object]] = {
        "storage": lambda: storage_page(user=person),
        "trash": lambda: trash_page(user=person),
        "policies": lambda: policies_page(user=person),
        "agent": lambda: agent_policies_page(user=person, agent_pk=agent.pk),
        "policy": lambda: policy_page(user=person, target=target),
        "schedules": lambda: schedules_of(user=person),
        "selection": lambda: selection_page(user=person, text="agent:*", now=now),
    }
    before = {name: count(read) for name, read in reads.items()}
    for number in range(4):
        fill(person, now, f"agent-{number}")
        make_thread(now, agent_id="second", thread_id=f"thread-{number}")

    assert {name: count(read) for name, read in reads.items()} == before
    assert max(before.values()) <= 10


def test_what_lies_in_the_trash_is_counted_by_the_database(person: User, now: datetime) -> None:
    fill(person, now, "first")

    (row,) = trash_page(user=person).rows

    assert (row.threads, row.checkpoints, row.stored_bytes) == (1, 2, 5)
    assert storage_page(user=person).trashed_bytes == 5
