"""Folders of documents as sources: what their frameworks save and delete is followed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dashboard.models import Checkpoint, Source, SourceFinding, Thread
from dashboard.models.sources import SourceHealth
from dashboard.services.scans import scan_source
from tests.checkpoints.connectors.dreamos_rules import Agent, state_of
from tests.checkpoints.connectors.folders import copied

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    agent = Agent(tmp_path / "project", "agent-1")
    for number in range(3):
        agent.save(state_of(number), NOON + number * MINUTE)
    return agent


def scanned(url: str, now: datetime) -> Source:
    source = Source.objects.filter(url=url).first() or Source.objects.create(
        name="store", url=url, kind="store", created_at=now
    )
    scan_source(source_id=source.pk, now=now)
    source.refresh_from_db()
    return source


def test_what_an_agent_s_retention_deletes_is_shown_as_gone(
    db: None, agent: Agent, now: datetime
) -> None:
    url = f"dreamos:///{agent.project}"
    assert scanned(url, now).health == SourceHealth.HEALTHY
    agent.save(state_of(3), NOON + 3 * MINUTE, retain=True)
    Source.objects.update(next_scan_at=None)
    scanned(url, now)
    thread = Thread.objects.get()
    assert (thread.checkpoint_count, thread.head.step if thread.head else None) == (3, 3)
    gone = Checkpoint.objects.exclude(removed_at=None)
    assert [row.checkpoint_id for row in gone] == ["agent-1_20260101120000_routine"]


def test_the_damage_in_a_folder_is_shown_and_the_rest_taken_in(
    db: None, samples: Path, tmp_path: Path, now: datetime
) -> None:
    project = copied(samples / "dreamos" / "corrupt", tmp_path / "project")
    source = scanned(f"dreamos:///{project}", now)
    assert source.health == SourceHealth.ATTENTION
    kinds = set(SourceFinding.objects.values_list("kind", flat=True))
    assert {"truncated", "zero_length", "wrong_id", "leftover_file"} <= {
        kind.rpartition(":")[2] for kind in kinds
    }


def test_the_workflows_of_a_folder_are_the_threads_of_one_agent(
    db: None, samples: Path, now: datetime
) -> None:
    scanned(f"agent-framework:///{samples / 'agent_framework'}", now)
    thread = Thread.objects.select_related("agent", "head").get()
    assert (thread.thread_id, thread.agent.agent_id) == ("counter-workflow", "agent_framework")
    assert (thread.checkpoint_count, thread.head.step if thread.head else None) == (16, 15)
    assert Checkpoint.objects.exclude(parent_id="").count() == 15
