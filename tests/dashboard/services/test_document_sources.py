"""Folders of documents as sources: what their frameworks save and delete is followed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import checkpoints
from dashboard.models import Checkpoint, OperationState, Source, SourceFinding, Thread
from dashboard.models.sources import SourceHealth
from dashboard.services.scans import scan_source
from tests.benches import Clock, register
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


@pytest.mark.parametrize(
    ("scheme", "sample", "agent_id", "step"),
    [
        ("dreamos", "dreamos/default_retention", "agent-3", 8),
        ("agent-framework", "agent_framework", "agent_framework", 5),
    ],
    ids=["dreamos", "agent-framework"],
)
def test_a_restore_and_its_undo_are_carried_out_in_the_folder(
    db: None, samples: Path, tmp_path: Path, scheme: str, sample: str, agent_id: str, step: int
) -> None:
    folder = copied(samples / sample, tmp_path / Path(sample).name)
    url = f"{scheme}:///{folder}"
    store = checkpoints.open_store(url)
    thread_id = next(t.thread_id for t in store.threads() if t.agent_id == agent_id)
    if scheme == "dreamos":
        for path in store.path.glob("agent-6_*"):  # type: ignore[attr-defined]
            path.unlink()
    before = store.load(store.history(agent_id, thread_id)[0])
    bench = register(url, thread_id=thread_id, clock=Clock())
    row = next(row for row in bench.rows() if row.step == step)
    wanted = store.load(store.get(row.checkpoint_id))

    restored = bench.run(bench.request(row))
    assert restored.state == OperationState.SUCCEEDED, restored.message
    assert store.load(store.get(bench.head().checkpoint_id)) == wanted

    undone = bench.run(bench.undo(restored))
    assert undone.state == OperationState.SUCCEEDED, undone.message
    assert store.load(store.get(bench.head().checkpoint_id)) == before
