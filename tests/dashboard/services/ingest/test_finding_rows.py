"""Rows are found by their names, however many others their threads have."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import connection

from dashboard.models import Agent, Checkpoint, Source, Thread
from dashboard.services.ingest import statements
from dashboard.services.ingest.statements import KEY, find, key_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(now: datetime) -> list[Checkpoint]:
    """Checkpoints of two threads, whose ids are the same."""
    source = Source.objects.create(name="s", url="sqlite:////s", kind="sqlite", created_at=now)
    agent = Agent.objects.create(source=source, agent_id="a", created_at=now)
    threads = [Thread.objects.create(agent=agent, thread_id=name) for name in "tu"]
    made = [
        Checkpoint(thread=thread, checkpoint_id=f"c{n}", step=n, created_at=now, received_at=now)
        for thread in threads
        for n in range(5)
    ]
    statements.insert_checkpoints(made)
    return made


def test_only_what_bears_all_of_a_name_is_found(rows: list[Checkpoint]) -> None:
    wanted = [key_of(rows[1]), key_of(rows[7]), (rows[0].thread_id, "inner", "c1")]
    assert {row.pk for row in find(Checkpoint, KEY, wanted)} == {rows[1].pk, rows[7].pk}


def test_more_names_than_one_statement_takes_are_all_found(
    rows: list[Checkpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "_AT_ONCE", 3)
    found = find(Checkpoint, KEY, map(key_of, rows))
    assert [row.pk for row in found] == [row.pk for row in rows]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="it asks SQLite for its plan")
def test_a_long_thread_is_not_read_through_to_find_some_of_it(rows: list[Checkpoint]) -> None:
    fields = [Checkpoint._meta.get_field(name) for name in KEY]
    sql = statements._finding(Checkpoint, fields, 1, "r.*")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", key_of(rows[0]))
        plan = " ".join(str(step) for *_, step in cursor.fetchall())
    assert "thread_id=? AND namespace=? AND checkpoint_id=?" in plan
