"""The pages of drills take the same few queries for a thousand agents as for one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboard.models import (
    Agent,
    AgentDrill,
    AlertKind,
    Drill,
    DrillResult,
    ObjectiveAlert,
    RecoveryObjective,
    Source,
    User,
)
from dashboard.selectors.drills import drill_page, drills_page, list_drills
from dashboard.selectors.overview import overview_page
from dashboard.services import drills
from tests.dashboard.index import make_thread

pytestmark = pytest.mark.django_db
MANY = 1000


def count(read: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as queries:
        read()
    return len(queries)


def drill_many(agents: int, person: User, now: datetime) -> Drill:
    """Let a drill have proved one agent after the other."""
    source = Source.objects.get()
    names = [f"agent-{number}" for number in range(agents)]
    made = Agent.objects.bulk_create(
        Agent(source=source, agent_id=name, created_at=now) for name in names
    )
    drill = Drill.objects.create(source=source, created_at=now, finished_at=now)
    said = {"drill": drill, "outcome": "proven", "at": now}
    AgentDrill.objects.bulk_create(AgentDrill(agent=agent, **said) for agent in made)
    DrillResult.objects.bulk_create(
        DrillResult(agent=agent, thread_id="main", checkpoint_id="c", **said) for agent in made
    )
    ObjectiveAlert.objects.bulk_create(
        ObjectiveAlert(agent=agent, kind=AlertKind.DRILL_FAILED, since=now, opened_at=now)
        for agent in made
    )
    RecoveryObjective.objects.bulk_create(
        RecoveryObjective(agent=agent, minutes=5, changed_by=person, changed_at=now)
        for agent in made
    )
    return drill


def test_a_thousand_agents_take_as_many_queries_as_one(person: User, now: datetime) -> None:
    make_thread(now)
    drill = drill_many(1, person, now)
    reads: dict[str, Callable[[], object]] = {
        "drills": lambda: drills_page(user=person),
        "drill": lambda: drill_page(user=person, drill_pk=drill.pk),
        "list": lambda: list_drills(user=person),
        "overview": lambda: overview_page(user=person, now=now),
    }
    before = {name: count(read) for name, read in reads.items()}
    Agent.objects.filter(agent_id="agent-0").delete()
    drill = drill_many(MANY, person, now)
    assert {name: count(read) for name, read in reads.items()} == before


def test_the_worker_looks_at_a_thousand_objectives_in_a_few_queries(
    person: User, now: datetime
) -> None:
    make_thread(now)
    drill_many(MANY, person, now)
    assert count(lambda: drills.review(now=now)) <= 10
