"""Reading the folders that DreamOS's checkpoint managers wrote."""

from __future__ import annotations

import json
import os
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from checkpoints.connectors.dreamos import DreamosStore, recognise
from checkpoints.connectors.dreamos.names import parse_stem
from checkpoints.records import Kind, Status
from checkpoints.stores.urls import open_store
from tests.checkpoints.connectors.dreamos_rules import Agent, state_of
from tests.checkpoints.connectors.folders import copied, look_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
INSIDE = Path("runtime") / "agent_comms" / "checkpoints"


@pytest.fixture
def project(samples: Path, tmp_path: Path) -> Path:
    return copied(samples / "dreamos" / "default_retention", tmp_path / "project")


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    agent = Agent(tmp_path / "project", "agent-1")
    agent.folder.mkdir(parents=True)
    return agent


def kinds_of(store: DreamosStore) -> set[tuple[str | None, str]]:
    return {(finding.checkpoint_id, finding.kind) for finding in store.verify()}


def test_lists_each_agent_with_its_one_thread(project: Path) -> None:
    store = DreamosStore(project)
    assert {t.agent_id: (t.thread_id, t.head_id, t.checkpoints) for t in store.threads()} == {
        "agent-3": ("main", "agent-3_20250518210332_routine", 5),
        "agent-6": ("main", "agent-6_20250518212212_routine", 5),
    }
    assert list(store.verify()) == []


@pytest.mark.parametrize("inside", ["", "runtime", "runtime/agent_comms", str(INSIDE)])
def test_the_project_and_what_is_in_it_can_be_named(project: Path, inside: str) -> None:
    assert DreamosStore(project / inside).path == project / INSIDE
    assert recognise(project / inside) == "its files are named and written as DreamOS's checkpoints"


def test_a_record_has_its_kind_its_numbers_and_its_task(project: Path) -> None:
    record = DreamosStore(project).get("agent-6_20250518205107_pre_operation")
    assert (record.kind, record.step, record.step_name) == (Kind.PRE_OPERATION, 9, "TASK-002")
    assert record.status is Status.RUNNING
    assert record.parent_id == "agent-6_20250518202049_routine"
    assert record.metrics == {
        "progress_percentage": 0.0,
        "pending_count": 1.0,
        "cycle_count": 9.0,
        "memory_items": 18.0,
        "decisions": 9.0,
    }


def test_the_state_is_what_the_agent_has(project: Path) -> None:
    store = DreamosStore(project)
    state = store.load(store.get("agent-6_20250518212212_routine"))
    assert set(state) == {"current_task", "mailbox", "operational_context", "memory"}
    assert len(state["memory"]["short_term"]) == 10


def test_of_one_second_the_time_within_decides(samples: Path) -> None:
    history = DreamosStore(samples / "dreamos" / "base_manager").history("test-agent", "main")
    types = [record.metadata["checkpoint_type"] for record in history]
    assert types == ["recovery", "pre_operation", "routine", "session_start"]
    assert history[-1].kind is Kind.ROUTINE


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("agent-3_20250518160000_routine", "truncated"),
        ("agent-3_20250518163000_routine", "zero_length"),
        ("agent-3_20250518170000_routine", "wrong_id"),
        ("agent-3_20250518173000_routine", "wrong_id"),
        ("agent-3_20250518173000_routine", "unloadable"),
        (None, "leftover_file"),
    ],
)
def test_each_kind_of_damage_is_named(samples: Path, name: str | None, kind: str) -> None:
    assert (name, kind) in kinds_of(DreamosStore(samples / "dreamos" / "corrupt"))


def test_each_damaged_file_of_the_sample_has_a_finding(samples: Path) -> None:
    folder = samples / "dreamos" / "corrupt" / INSIDE
    messages = " ".join(finding.message for finding in DreamosStore(folder).verify())
    assert {path.name for path in folder.iterdir() if path.name not in messages} == set()
    [threads, *_] = [list(DreamosStore(folder).threads())]
    assert all(thread.head_id is None for thread in threads)


def test_an_agent_is_matched_exactly(agent: Agent) -> None:
    tenth = Agent(agent.project, "agent-10")
    one = agent.save(state_of(1), NOON)
    ten = tenth.save(state_of(2), NOON + MINUTE)
    store = DreamosStore(agent.project)
    assert [record.id for record in store.history("agent-1", "main")] == [one]
    assert [record.id for record in store.history("agent-10", "main")] == [ten]
    assert len(store.history(None, "main")) == 2


@pytest.mark.parametrize(
    ("agent_id", "kind"),
    [
        ("my_agent", "pre_operation"),
        ("a_20250101000000_b", "session_start"),
        ("agent", "x_20250101000000_y"),
        ("ägent Ω", "routine"),
        ("a.b", "routine.old"),
    ],
)
def test_agents_and_types_may_hold_anything(agent: Agent, agent_id: str, kind: str) -> None:
    name = Agent(agent.project, agent_id).save(state_of(1), NOON, kind=kind)
    store = DreamosStore(agent.project)
    record = store.get(name)
    assert (record.agent_id, record.metadata["checkpoint_type"]) == (agent_id, kind)
    assert list(store.verify()) == []


@pytest.mark.parametrize("stem", ["agent", "agent_2025_routine", "a_99999999999999_x", "_", ""])
def test_a_name_that_is_none_is_left_alone(stem: str) -> None:
    assert parse_stem(stem) is None
    assert parse_stem(stem, "agent") is None


def rewritten(agent: Agent, stem: str, **values: Any) -> DreamosStore:
    path = agent.folder / f"{stem}.checkpoint"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    return DreamosStore(agent.project)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"agent_id": "agent-9"}, "wrong_id"),
        ({"timestamp": "2026-01-01T13:00:00+00:00"}, "wrong_id"),
        ({"checkpoint_type": "recovery"}, "wrong_id"),
        ({"timestamp": "2026-01-01T12:00:00"}, "naive_time"),
        ({"timestamp": "2099-01-01T12:00:00+00:00"}, "future_id"),
        ({"state": {"current_task": {}}}, "unloadable"),
        ({"state": state_of(1, mailbox=[])}, "unloadable"),
        ({"state": []}, "unloadable"),
        ({"agent_id": None}, "unloadable"),
    ],
    ids=["agent", "time", "type", "naive", "future", "parts", "mailbox", "state", "no agent"],
)
def test_each_kind_of_odd_document_is_named(
    agent: Agent, values: dict[str, Any], kind: str
) -> None:
    stem = agent.save(state_of(1), NOON)
    assert (stem, kind) in kinds_of(rewritten(agent, stem, **values))


@pytest.mark.parametrize("timestamp", [None, "yesterday", 7, "0001-01-01T00:00:00+14:00"])
def test_where_a_file_says_no_time_its_name_does(agent: Agent, timestamp: Any) -> None:
    stem = agent.save(state_of(1), NOON)
    assert rewritten(agent, stem, timestamp=timestamp).get(stem).created_at == NOON


def test_a_memory_that_is_empty_after_a_full_one_is_poisoned(agent: Agent) -> None:
    empty: dict[str, list[Any]] = {"short_term": [], "session": []}
    first = agent.save(state_of(0, memory=empty), NOON)
    full = agent.save(state_of(1), NOON + MINUTE)
    lost = agent.save(state_of(2, memory=empty), NOON + 2 * MINUTE)
    store = DreamosStore(agent.project)
    [finding] = store.verify()
    assert (finding.kind, finding.checkpoint_id) == ("poisoned", lost)
    assert full in finding.message
    assert "its memory is empty" in store.plan_restore(store.get(first)).warnings


def test_one_agent_s_memory_says_nothing_of_another_s(agent: Agent) -> None:
    agent.save(state_of(1), NOON)
    Agent(agent.project, "other").save(state_of(2, memory={}), NOON + MINUTE)
    assert list(DreamosStore(agent.project).verify()) == []


@pytest.mark.parametrize("status", ["completed", "failed", "blocked", "in_progress", 3, None])
def test_a_task_says_how_a_run_stands(agent: Agent, status: Any) -> None:
    stem = agent.save(state_of(1, current_task={"id": "T", "status": status}), NOON)
    expected = {
        "completed": Status.COMPLETED,
        "failed": Status.FAILED,
        "blocked": Status.WAITING,
        "in_progress": Status.RUNNING,
    }.get(str(status), Status.UNKNOWN)
    assert DreamosStore(agent.project).get(stem).status is expected


def test_a_cycle_that_the_state_counts_is_the_step(agent: Agent) -> None:
    stem = agent.save(state_of(1, operational_context={"cycle_count": 301}), NOON)
    record = DreamosStore(agent.project).get(stem)
    assert (record.step, record.metrics["cycle_count"]) == (301, 301.0)


def test_numbers_that_are_none_are_left_out(agent: Agent) -> None:
    task = {"id": "T", "progress_percentage": float("nan")}
    stem = agent.save(state_of(1, current_task=task, mailbox={"pending_count": 10**400}), NOON)
    record = DreamosStore(agent.project).get(stem)
    assert record.metrics.keys() == {"cycle_count", "memory_items", "decisions"}
    assert json.dumps(record.to_dict(), allow_nan=False)


def test_links_and_pipes_are_never_opened(project: Path, tmp_path: Path) -> None:
    folder, outside = project / INSIDE, tmp_path / "outside"
    outside.mkdir()
    name = "agent-3_20250518210332_routine.checkpoint"
    shutil.copyfile(folder / name, outside / name)
    (folder / "agent-3_20250518210333_routine.checkpoint").symlink_to(outside / name)
    os.mkfifo(folder / "agent-3_20250518210334_routine.checkpoint")
    assert len(DreamosStore(project).history(None, "main")) == 10


def test_no_link_leads_from_a_project_to_other_checkpoints(project: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile"
    (hostile / "runtime").mkdir(parents=True)
    (hostile / "runtime" / "agent_comms").symlink_to(project / "runtime" / "agent_comms")
    assert DreamosStore(hostile).path == hostile
    assert list(DreamosStore(hostile).threads()) == []
    assert recognise(hostile) is None


def test_reading_changes_nothing(project: Path) -> None:
    before = look_of(project)
    store = DreamosStore(project)
    for record in store.history(None, "main"):
        store.load(record)
    store.changes(None)
    list(store.verify())
    recognise(project)
    assert look_of(project) == before


def test_what_retention_deletes_is_told_as_removed(agent: Agent) -> None:
    names = [agent.save(state_of(n), NOON + n * MINUTE) for n in range(3)]
    cursor = DreamosStore(agent.project).changes(None).cursor
    new = agent.save(state_of(3), NOON + 3 * MINUTE, retain=True)
    changes = DreamosStore(agent.project).changes(cursor)
    assert [record.id for record in changes.checkpoints] == [new]
    assert [removal.checkpoint_id for removal in changes.removals] == [names[0]]
    assert not changes.reset


def test_a_save_that_replaced_another_s_file_is_listed_again(agent: Agent) -> None:
    stem = agent.save(state_of(1), NOON)
    cursor = DreamosStore(agent.project).changes(None).cursor
    agent.save(state_of(2), NOON)
    [record] = DreamosStore(agent.project).changes(cursor).checkpoints
    assert (record.id, record.step) == (stem, 2)


def test_flipped_bytes_and_truncations_raise_nothing_but_our_own_errors(project: Path) -> None:
    chance = random.Random(7)
    paths = sorted((project / INSIDE).iterdir())
    for _ in range(150):
        path = chance.choice(paths)
        content = path.read_bytes()
        kept = len(content) if chance.random() < 0.7 else chance.randrange(len(content))
        damaged = bytearray(content[:kept])
        for _ in range(chance.choice((0, 1, 8)) if damaged else 0):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        store = DreamosStore(project)
        for record in store.changes(None).checkpoints:
            store.load(record)
        list(store.verify())
        list(store.threads())
        path.write_bytes(content)


def test_other_folders_are_not_recognised(samples: Path, tmp_path: Path) -> None:
    for other in ("agent_framework", "crewai", "kaizen/flat", "sifaka"):
        assert recognise(samples / other) is None
    assert recognise(tmp_path / "nowhere") is None
    assert recognise(tmp_path) is None
    (tmp_path / "agent_20250518210332_routine.checkpoint").write_bytes(b"\xff\0")
    assert recognise(tmp_path) is None


def test_a_url_opens_it(project: Path) -> None:
    store = open_store(f"dreamos:///{project}")
    assert isinstance(store, checkpoints.RestorableStore)
    assert len(list(store.threads())) == 2


def test_a_project_without_checkpoints_yet_is_empty(tmp_path: Path) -> None:
    store = DreamosStore(tmp_path)
    assert (list(store.threads()), list(store.verify())) == ([], [])
    with pytest.raises(checkpoints.PermanentStoreError, match="does not exist"):
        DreamosStore(tmp_path / "nowhere")
