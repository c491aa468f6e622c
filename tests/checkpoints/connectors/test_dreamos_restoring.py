"""Restores, forks and prunes in folders of DreamOS.

DreamOS is not published as a package: what its agents would do is proved against an implementation
of its rules, tests/checkpoints/connectors/dreamos_rules.py.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from checkpoints.connectors.dreamos import DreamosStore
from checkpoints.plans import Doomed, Edit, ThreadErasure, ThreadPrune
from checkpoints.records import Head, RestoreTarget
from checkpoints.stores.urls import open_store
from checkpoints.trash import StoreTrash
from tests.checkpoints.connectors.dreamos_rules import Agent, state_of
from tests.checkpoints.connectors.folders import copied, files

ROOT = Path(__file__).resolve().parents[3]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOW = NOON + timedelta(hours=1, microseconds=700_000)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    agent = Agent(tmp_path / "project", "agent-1")
    for number in range(4):
        agent.save(state_of(number), NOON + number * MINUTE)
    return agent


@pytest.fixture
def trash(tmp_path: Path) -> Iterator[StoreTrash]:
    store = open_store(f"sqlite:///{tmp_path / 'trash.db'}")
    assert isinstance(store, checkpoints.Store)
    yield StoreTrash(store)
    store.close()


def name_of(number: int, kind: str = "routine") -> str:
    return f"agent-1_2026010112{number:02}00_{kind}"


def restore(agent: Agent, name: str, *, now: datetime = NOW, operation: str = "op-1") -> Head:
    store = DreamosStore(agent.project, clock=lambda: now)
    plan = store.plan_restore(store.get(name))
    ids = store.choose_ids(plan)
    return store.restore(plan, written_ids=ids, operation_id=operation, reason="drift", now=now)


def fork(agent: Agent, name: str, new: str, edits: Sequence[Edit] = ()) -> Head:
    store = DreamosStore(agent.project, clock=lambda: NOW)
    plan = store.plan_fork(store.get(name), thread_id="main", agent_id=new, edits=edits)
    ids = store.choose_fork_ids(plan)
    return store.fork(plan, written_ids=ids, operation_id="op-1", reason="r", now=NOW)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_the_agent_restores_what_was_restored(agent: Agent, number: int) -> None:
    head = restore(agent, name_of(number))
    latest = agent.latest()
    assert latest is not None
    assert latest.stem == head.checkpoint_id
    assert agent.restore()
    assert agent.runtime()["memory"] == state_of(number)["memory"]
    assert agent.runtime()["task"]["progress_percentage"] == number


@pytest.mark.parametrize("kind", ["recovery", "pre_operation", "session_start"])
def test_a_checkpoint_of_another_type_comes_back_as_the_routine_one_that_agents_ask_for(
    agent: Agent, kind: str
) -> None:
    wanted = agent.save(state_of(50), NOON - MINUTE, kind=kind)
    restore(agent, wanted)
    assert agent.restore()
    assert agent.runtime()["task"]["progress_percentage"] == 50


def test_the_samples_agents_restore_too(samples: Path, tmp_path: Path) -> None:
    project = copied(samples / "dreamos" / "default_retention", tmp_path / "project")
    third = Agent(project, "agent-3")
    store = DreamosStore(project)
    oldest = store.history("agent-3", "main")[-1]
    wanted = store.load(oldest)
    restore(third, oldest.id, now=datetime(2026, 1, 1, tzinfo=UTC))
    assert third.restore()
    assert third.runtime()["memory"] == wanted["memory"]
    assert third.runtime()["context"] == wanted["operational_context"]


def test_a_restore_takes_a_second_that_is_past(agent: Agent) -> None:
    head = restore(agent, name_of(1))
    assert head.checkpoint_id == "agent-1_20260101125959_routine"
    agent.save(state_of(9), NOW)
    assert DreamosStore(agent.project).head("agent-1", "main") != head
    assert len(list(agent.folder.iterdir())) == 6


def test_a_second_that_is_taken_is_never_written_to(agent: Agent) -> None:
    agent.save(state_of(7), NOW, kind="recovery")
    before = files(agent.folder)
    head = restore(agent, name_of(1))
    assert head.checkpoint_id == "agent-1_20260101130001_routine"
    assert {name: files(agent.folder)[name] for name in before} == before


def test_restores_within_one_second_are_told_apart(agent: Agent) -> None:
    heads = [restore(agent, name_of(n % 4), operation=f"op-{n}") for n in range(4)]
    assert len({head.checkpoint_id for head in heads}) == 4
    assert agent.restore()
    assert agent.runtime()["task"]["progress_percentage"] == 3


def test_a_head_that_is_dated_ahead_of_the_clock_is_refused(agent: Agent) -> None:
    agent.save(state_of(9), NOW + 10 * SECOND)
    with pytest.raises(checkpoints.PlanRefused, match="clock"):
        restore(agent, name_of(1))


def test_a_name_that_is_ahead_of_the_clock_is_refused(agent: Agent) -> None:
    path = agent.folder / f"{name_of(3)}.checkpoint"
    path.rename(agent.folder / "agent-1_99991231235959_routine.checkpoint")
    with pytest.raises(checkpoints.PlanRefused, match="clock"):
        restore(agent, name_of(1))


def test_the_file_says_where_it_came_from_and_looks_like_the_others(agent: Agent) -> None:
    for path in agent.folder.iterdir():
        path.chmod(0o640)
    head = restore(agent, name_of(1))
    path = agent.folder / f"{head.checkpoint_id}.checkpoint"
    document = json.loads(path.read_text())
    assert path.read_text() == json.dumps(document, indent=2)
    assert document["metadata"]["restored_from"] == name_of(1)
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(DreamosStore(agent.project).verify()) == []


def test_nothing_but_the_new_file_is_written(agent: Agent) -> None:
    before = files(agent.project)
    head = restore(agent, name_of(1))
    after = files(agent.project)
    assert {Path(name).stem for name in after.keys() - before.keys()} == {head.checkpoint_id}
    assert {name: after[name] for name in before} == before


def test_what_dreamos_would_give_up_on_is_not_restored(samples: Path, tmp_path: Path) -> None:
    project = copied(samples / "dreamos" / "corrupt", tmp_path / "project")
    store = DreamosStore(project)
    for record in store.history(None, "main"):
        assert not Agent(project, "agent-3").restore(store.path / f"{record.id}.checkpoint")
        with pytest.raises(checkpoints.CorruptCheckpoint):
            store.plan_restore(record)


@pytest.mark.parametrize("name", ["../agent-1_20260101130000_routine", "restored", "", "a/b_1_c"])
def test_a_written_id_that_dreamos_would_not_find_is_refused(agent: Agent, name: str) -> None:
    store = DreamosStore(agent.project, clock=lambda: NOW)
    plan = store.plan_restore(store.get(name_of(1)))
    before = files(agent.project)
    with pytest.raises(checkpoints.PlanRefused):
        store.restore(plan, written_ids=(name,), operation_id="op", reason="r", now=NOW)
    assert files(agent.project) == before


def test_a_fork_is_restored_by_an_agent_of_its_name(agent: Agent) -> None:
    edit = Edit(path=("current_task", "progress_percentage"), value=77)
    head = fork(agent, name_of(1), "what-if", [edit])
    other = Agent(agent.project, "what-if")
    assert head.agent_id == "what-if"
    assert other.restore()
    assert other.runtime()["task"]["progress_percentage"] == 77
    assert other.runtime()["memory"] == state_of(1)["memory"]
    assert [path.stem for path in agent.found()] == [name_of(n) for n in range(4)]


def test_the_retention_of_neither_takes_the_other_s(agent: Agent) -> None:
    fork(agent, name_of(1), "what-if")
    other = Agent(agent.project, "what-if")
    for number in range(5):
        agent.save(state_of(number), NOW + number * MINUTE, retain=True)
        other.save(state_of(number), NOW + number * MINUTE, retain=True)
    assert len(agent.found()) == len(other.found()) == 3


@pytest.mark.parametrize("name", ["agent-10", "agent-1-fork", "agent", "a"])
def test_a_name_that_dreamos_would_take_for_another_s_is_refused(agent: Agent, name: str) -> None:
    with pytest.raises(checkpoints.PlanRefused, match="one name begins with the other"):
        fork(agent, name_of(1), name)


@pytest.mark.parametrize("name", [" ", "../x", "x/y", "x\n", ".x", "ü" * 101])
def test_a_name_that_can_be_no_file_is_refused(agent: Agent, name: str) -> None:
    before = files(agent.project.parent)
    with pytest.raises(checkpoints.PlanRefused, match="cannot name an agent"):
        fork(agent, name_of(1), name)
    assert files(agent.project.parent) == before


@pytest.mark.parametrize(
    "edit",
    [
        Edit(path=("memory",), remove=True),
        Edit(path=("mailbox",), value=[]),
        Edit(path=("nowhere", "x"), value=1),
        Edit(path=("memory", "x"), value={1, 2}),
        Edit(path=(), value={}),
    ],
    ids=["removed", "no map", "nowhere", "no JSON", "whole"],
)
def test_an_edit_that_dreamos_could_not_take_is_refused(agent: Agent, edit: Edit) -> None:
    before = files(agent.project)
    with pytest.raises(checkpoints.PlanRefused):
        fork(agent, name_of(1), "what-if", [edit])
    assert files(agent.project) == before


def prune(agent: Agent, names: Sequence[str], trash: StoreTrash) -> Any:
    store = DreamosStore(agent.project, clock=lambda: NOW)
    doomed = (
        Doomed(checkpoint_id=name, reason="old", sha256=store.get(name).sha256) for name in names
    )
    plan = ThreadPrune(
        agent_id="agent-1", thread_id="main", expected_head=None, keep=(), remove=tuple(doomed)
    )
    return store.remove(plan, operation_id="op-1", now=NOW, trash=trash)


def test_what_the_agent_would_restore_by_itself_stays(agent: Agent, trash: StoreTrash) -> None:
    recovery = agent.save(state_of(9), NOON + 9 * MINUTE, kind="recovery")
    done = prune(agent, [name_of(n) for n in range(4)], trash)
    assert done.removed == tuple(name_of(n) for n in range(3))
    assert "routine" in done.stayed[name_of(3)]
    assert DreamosStore(agent.project).head("agent-1", "main").checkpoint_id == recovery  # type: ignore[union-attr]
    assert agent.restore()


def test_what_a_fork_began_at_stays(agent: Agent, trash: StoreTrash) -> None:
    fork(agent, name_of(1), "what-if")
    done = prune(agent, [name_of(0), name_of(1)], trash)
    assert done.removed == (name_of(0),)
    assert "what-if" in done.stayed[name_of(1)]


def test_a_prune_without_a_trash_moves_nothing(agent: Agent) -> None:
    store = DreamosStore(agent.project)
    plan = ThreadPrune(agent_id="agent-1", thread_id="main", expected_head=None, keep=(), remove=())
    with pytest.raises(checkpoints.PlanRefused, match="DreamOS"):
        store.remove(plan, operation_id="op", now=NOW)


def erase(agent: Agent, names: Sequence[str], *, whole: bool = False) -> Any:
    store = DreamosStore(agent.project)
    targets = tuple(
        RestoreTarget(checkpoint_id=name, namespace="", sha256=store.get(name).sha256)
        for name in names
    )
    erasure = ThreadErasure(agent_id="agent-1", thread_id="main", targets=targets, whole=whole)
    return store.erase_thread(erasure, operation_id="op", now=NOW)


def test_copies_and_parts_that_saves_left_are_erased_with_their_checkpoint(agent: Agent) -> None:
    path = agent.folder / f"{name_of(1)}.checkpoint"
    copy = agent.folder / f"{path.name}.backup"
    copy.write_bytes(path.read_bytes())
    of_another = agent.folder / f"{name_of(2)}.checkpoint.backup"
    of_another.write_bytes((agent.folder / f"{name_of(2)}.checkpoint").read_bytes())
    part = agent.folder / "tmpx7k2a"
    part.write_bytes(path.read_bytes()[:200])
    done = erase(agent, [name_of(1)])
    assert not path.exists()
    assert not copy.exists()
    assert of_another.exists()
    assert set(done.remaining) == {"tmpx7k2a"}


def test_a_whole_agent_is_erased_with_all_that_its_saves_left(agent: Agent) -> None:
    other = Agent(agent.project, "other")
    other.save(state_of(1), NOON)
    part = agent.folder / "tmpx7k2a"
    part.write_bytes((agent.folder / f"{name_of(1)}.checkpoint").read_bytes()[:200])
    done = erase(agent, [name_of(n) for n in range(4)], whole=True)
    assert done.remaining == {}
    assert [path.stem for path in agent.folder.iterdir()] == ["other_20260101120000_routine"]


def test_a_rehearsal_leaves_the_project_as_it_is(agent: Agent, tmp_path: Path) -> None:
    before = files(agent.project)
    apart = tmp_path / "apart"
    apart.mkdir()
    store = DreamosStore(agent.project, clock=lambda: NOW)
    copy = store.copy_for_rehearsal(store.get(name_of(1)), apart)
    plan = copy.plan_restore(copy.get(name_of(1)))
    head = copy.restore(
        plan, written_ids=copy.choose_ids(plan), operation_id="op", reason="r", now=NOW
    )
    assert copy.load(copy.get(head.checkpoint_id)) == state_of(1)
    assert files(agent.project) == before


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from checkpoints.connectors.dreamos import DreamosStore

def die(*_args, **_kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

now = datetime.fromisoformat(sys.argv[3])
store = DreamosStore(Path(sys.argv[1]), clock=lambda: now)
plan = store.plan_restore(store.get(sys.argv[2]))
ids = store.choose_ids(plan)
real = getattr(os, sys.argv[4])
setattr(os, sys.argv[4], (lambda *a, **k: (real(*a, **k), die())) if sys.argv[5] else die)
store.restore(plan, written_ids=ids, operation_id="op-1", reason="r", now=now)
"""


@pytest.mark.parametrize("after", ["", "after"], ids=["before", "after"])
@pytest.mark.parametrize("call", ["fchmod", "fsync", "link", "unlink"])
def test_a_kill_in_the_middle_leaves_old_or_new(agent: Agent, call: str, after: str) -> None:
    before = files(agent.folder)
    store = DreamosStore(agent.project, clock=lambda: NOW)
    plan = store.plan_restore(store.get(name_of(1)))
    ids = store.choose_ids(plan)
    arguments = [str(agent.project), name_of(1), NOW.isoformat(), call, after]
    command = [sys.executable, "-c", KILLED, *arguments]
    ended = subprocess.run(command, cwd=ROOT, check=False, timeout=60, env=dict(os.environ))
    assert ended.returncode == -signal.SIGKILL
    assert agent.restore()
    assert agent.runtime()["task"]["progress_percentage"] in (1, 3)
    store.restore(plan, written_ids=ids, operation_id="op-1", reason="r", now=NOW)
    assert agent.restore()
    assert agent.runtime()["task"]["progress_percentage"] == 1
    kept = files(agent.folder)
    assert kept.keys() - before.keys() == {f"{ids[0]}.checkpoint"}
    assert {name: kept[name] for name in before} == before
