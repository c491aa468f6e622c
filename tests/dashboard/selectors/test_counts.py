"""Pages take the same few queries however much there is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboard.models import User
from dashboard.selectors.agents import AgentFilter, agents_page
from dashboard.selectors.checkpoints import checkpoint_page
from dashboard.selectors.lanes import Span, drawing
from dashboard.selectors.operations import operations_page
from dashboard.selectors.overview import overview_page
from dashboard.selectors.sources import sources_page
from dashboard.selectors.timelines import RowFilter, timeline_page
from tests.dashboard.index import make_thread, save_rows

pytestmark = pytest.mark.django_db


def count(read: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as queries:
        read()
    return len(queries)


def test_every_page_takes_a_constant_number_of_queries(person: User, now: datetime) -> None:
    thread = make_thread(now)
    row = thread.checkpoints.get(step=1)
    reads: dict[str, Callable[[], object]] = {
        "overview": lambda: overview_page(user=person, now=now),
        "agents": lambda: agents_page(user=person, wanted=AgentFilter()),
        "timeline": lambda: timeline_page(
            user=person, agent_pk=thread.agent_id, thread_pk=None, wanted=RowFilter()
        ),
        "checkpoint": lambda: checkpoint_page(user=person, checkpoint_pk=row.pk),
        "operations": lambda: operations_page(user=person),
        "sources": lambda: sources_page(user=person),
    }
    before = {name: count(read) for name, read in reads.items()}
    for number in range(5):
        other = make_thread(now, agent_id=f"agent-{number}", thread_id=f"thread-{number}")
        save_rows(other, now, 10)
    save_rows(thread, now, 50)
    assert {name: count(read) for name, read in reads.items()} == before
    assert max(before.values()) <= 14


def test_no_list_reads_what_is_large_in_an_operation(person: User, now: datetime) -> None:
    thread = make_thread(now)
    with CaptureQueriesContext(connection) as queries:
        overview_page(user=person, now=now)
        operations_page(user=person)
        timeline_page(user=person, agent_pk=thread.agent_id, thread_pk=None, wanted=RowFilter())
        drawing(user=person, agent_pk=thread.agent_id, thread_pk=thread.pk, span=Span())
    for large in ("plan", "result"):
        column = f', "dashboard_operation"."{large}"'
        assert not [one["sql"] for one in queries if column in one["sql"]]


def test_the_latest_checkpoints_are_those_saved_last_whenever_they_were_indexed(
    person: User, now: datetime
) -> None:
    make_thread(now, agent_id="live", thread_id="main")
    make_thread(now - timedelta(days=9), agent_id="old", thread_id="main")

    latest = overview_page(user=person, now=now).latest

    times = [row.created_at for row in latest]
    assert times == sorted(times, reverse=True)
    assert latest[0].thread.agent.agent_id == "live"
