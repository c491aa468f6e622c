"""Restores and forks in folders of Agent Framework, proved by the real framework resuming."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import checkpoints
from checkpoints.connectors.agent_framework import AgentFrameworkStore
from checkpoints.plans import Edit
from checkpoints.records import Head, RestorePlan, Strategy
from tests.checkpoints.connectors.agent_workflows import (
    GRAPH,
    WORKFLOW,
    latest,
    listed,
    resume,
    run,
    saved,
)
from tests.checkpoints.connectors.folders import copied, files

ROOT = Path(__file__).resolve().parents[3]
FORK = "what-if"
TOTAL = 5 + 4 + 3 + 2 + 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "agent"
    folder.mkdir()
    return folder


def carry_out(store: AgentFrameworkStore, plan: RestorePlan, **more: Any) -> Head:
    ids = more.pop("written_ids", None) or store.choose_ids(plan)
    return store.restore(
        plan,
        written_ids=ids,
        operation_id=more.pop("operation_id", "op-1"),
        reason="it went wrong",
        now=datetime.now(UTC),
        **more,
    )


def restore(folder: Path, checkpoint_id: str, **more: Any) -> Head:
    store = AgentFrameworkStore(folder)
    return carry_out(store, store.plan_restore(store.get(checkpoint_id)), **more)


def fork(folder: Path, checkpoint_id: str, edits: Sequence[Edit] = ()) -> Head:
    store = AgentFrameworkStore(folder)
    plan = store.plan_fork(store.get(checkpoint_id), thread_id=FORK, edits=edits)
    ids = store.choose_fork_ids(plan)
    return store.fork(plan, written_ids=ids, operation_id="op-1", reason="r", now=datetime.now(UTC))


def text(folder: Path, checkpoint_id: str) -> str:
    return (folder / f"{checkpoint_id}.json").read_text()


@pytest.mark.parametrize("position", [0, 1, 3, 5])
def test_the_framework_resumes_from_what_was_restored(folder: Path, position: int) -> None:
    ids = run(folder)
    head = restore(folder, ids[position])
    found = latest(folder)
    assert found.checkpoint_id == head.checkpoint_id
    assert found.previous_checkpoint_id == ids[position]
    end = resume(folder)
    assert end.state["total"] == TOTAL
    assert end.checkpoint_id not in (*ids, head.checkpoint_id)


@pytest.mark.parametrize("position", [0, 1, 3, 5])
def test_a_fork_is_resumed_by_a_workflow_of_its_name(folder: Path, position: int) -> None:
    ids = run(folder)
    before = latest(folder).checkpoint_id
    head = fork(folder, ids[position])
    assert latest(folder, FORK).checkpoint_id == head.checkpoint_id
    assert resume(folder, FORK).state["total"] == TOTAL
    assert latest(folder).checkpoint_id == before
    assert [found.checkpoint_id for found in listed(folder)] == ids


def test_an_edited_fork_is_resumed_with_what_was_edited(folder: Path) -> None:
    ids = run(folder)
    fork(folder, ids[2], [Edit(path=("state", "total"), value=1000)])
    assert resume(folder, FORK).state["total"] == 1000 + 3 + 2 + 1
    restore(folder, ids[2])
    assert resume(folder).state["total"] == TOTAL


def test_what_was_pickled_stays_byte_for_byte(samples: Path, tmp_path: Path) -> None:
    copy = copied(samples / "agent_framework", tmp_path / "copy")
    [wanted] = [found for found in listed(copy) if found.iteration_count == 5]
    head = restore(copy, wanted.checkpoint_id)
    parts = [
        text(copy, name).partition('"messages"')[2].partition('"metadata"')[0]
        for name in (wanted.checkpoint_id, head.checkpoint_id)
    ]
    assert parts[0] == parts[1]
    found = latest(copy)
    assert (found.messages, found.state) == (wanted.messages, wanted.state)


def test_tuples_and_texts_of_all_scripts_come_back_as_they_were(folder: Path) -> None:
    state = {"pair": (1, "ü"), "emoji": "\U0001f600", "deep": [{"set": {1, 2}}], "huge": 10**30}
    first = saved(folder, state=state)
    saved(folder, state={})
    restore(folder, first)
    assert latest(folder).state == state
    assert "\U0001f600" in text(folder, latest(folder).checkpoint_id)


def test_halves_of_surrogate_pairs_are_copied_as_they_are(folder: Path) -> None:
    first = saved(folder, state={"a": 1})
    path = folder / f"{first}.json"
    path.write_text(path.read_text().replace('"a": 1', '"a": "\\ud800"'))
    saved(folder)
    head = restore(folder, first)
    assert latest(folder).state == {"a": "\ud800"}
    assert "\\ud800" in text(folder, head.checkpoint_id)


def test_the_file_looks_like_the_framework_s_own(folder: Path) -> None:
    ids = run(folder)
    for path in folder.iterdir():
        path.chmod(0o640)
    head = restore(folder, ids[2])
    path = folder / f"{head.checkpoint_id}.json"
    document = json.loads(path.read_text())
    assert path.read_text() == json.dumps(document, indent=2, ensure_ascii=False)
    assert list(document) == list(json.loads(text(folder, ids[2])))
    assert path.stat().st_mode & 0o777 == 0o640


def test_nothing_but_the_new_file_is_written(folder: Path) -> None:
    ids = run(folder)
    before = files(folder)
    head = restore(folder, ids[2])
    after = files(folder)
    assert after.keys() - before.keys() == {f"{head.checkpoint_id}.json"}
    assert {name: after[name] for name in before} == before


def test_a_restore_can_be_undone(folder: Path) -> None:
    ids = run(folder)
    end = latest(folder)
    restore(folder, ids[2])
    restore(folder, end.checkpoint_id, operation_id="op-2")
    assert latest(folder).state == end.state


def test_a_directive_and_a_reason_travel_in_the_metadata(folder: Path) -> None:
    ids = run(folder)
    directive = checkpoints.Directive(strategy=Strategy.SKIP_TO_NEXT, parameters={"n": 1})
    head = restore(folder, ids[2], directive=directive)
    assert (head.directive, head.reason) == (directive, "it went wrong")
    assert latest(folder).metadata["holdfast_directive"]["strategy"] == "skip_to_next"
    assert AgentFrameworkStore(folder).head("agent", WORKFLOW) == head


def test_requests_that_are_asked_again_are_said_before(folder: Path) -> None:
    first = saved(folder)
    path = folder / f"{first}.json"
    path.write_text(path.read_text().replace('_events": {}', '_events": {"r": 1}'))
    store = AgentFrameworkStore(folder)
    assert "1 requests for information are asked again" in (
        store.plan_restore(store.get(first)).warnings
    )


def test_a_graph_that_changed_is_said_before(folder: Path) -> None:
    first = saved(folder)
    path = folder / f"{first}.json"
    path.write_text(path.read_text().replace(GRAPH, "0" * 64))
    saved(folder)
    store = AgentFrameworkStore(folder)
    [warning] = store.plan_restore(store.get(first)).warnings
    assert "graph has changed" in warning


@pytest.mark.parametrize(
    ("timestamp", "why"),
    [
        ("2026-11-21T05:12:46", "time zone"),
        ("yesterday", "time zone"),
        ("2099-01-01T00:00:00+00:00", "clock"),
    ],
)
def test_where_the_framework_would_not_find_it_nothing_is_restored(
    folder: Path, timestamp: str, why: str
) -> None:
    ids = run(folder)
    path = folder / f"{ids[-1]}.json"
    document = json.loads(path.read_text()) | {"timestamp": timestamp}
    path.write_text(json.dumps(document))
    store = AgentFrameworkStore(folder)
    with pytest.raises(checkpoints.PlanRefused, match=why):
        store.plan_restore(store.get(ids[1]))


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        (("messages", "a"), [], "workflow's state"),
        (("iteration_count",), 3, "workflow's state"),
        (("state",), {}, "workflow's state"),
        (("state", "pair"), 3, "only the framework can build"),
        (("state", "pair", "__pickled__"), "gASV", "unpickle"),
        (("state", "x"), {"__pickled__": "gASV", "__type__": "os:system"}, "unpickle"),
        (("state", "x"), [[{"__type__": 1}]], "unpickle"),
        (("state", "nowhere", "x"), 1, "nowhere"),
        (("state", "x"), b"bytes", "JSON"),
    ],
)
def test_an_edit_that_the_framework_could_not_take_is_refused(
    folder: Path, path: tuple[str, ...], value: Any, why: str
) -> None:
    first = saved(folder, state={"pair": (1, 2)})
    before = files(folder)
    with pytest.raises(checkpoints.PlanRefused, match=why):
        fork(folder, first, [Edit(path=path, value=value)])
    assert files(folder) == before


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 300, WORKFLOW])
def test_a_name_that_cannot_be_a_new_workflow_is_refused(folder: Path, name: str) -> None:
    first = saved(folder)
    store = AgentFrameworkStore(folder)
    with pytest.raises(checkpoints.PlanRefused):
        store.plan_fork(store.get(first), thread_id=name)


def test_a_fork_to_another_agent_is_refused(folder: Path) -> None:
    store = AgentFrameworkStore(folder)
    record = store.get(saved(folder))
    with pytest.raises(checkpoints.PlanRefused, match="name the new workflow"):
        store.plan_fork(record, thread_id=FORK, agent_id="other")


@pytest.mark.parametrize("name", ["../outside", "a/b", "..", "", "a.json\0"])
def test_a_written_id_that_leads_elsewhere_is_refused(folder: Path, name: str) -> None:
    first = saved(folder)
    saved(folder)
    before = files(folder.parent)
    with pytest.raises(checkpoints.PlanRefused):
        restore(folder, first, written_ids=(name,))
    assert files(folder.parent) == before


def test_a_file_that_is_there_already_is_not_replaced(folder: Path) -> None:
    first = saved(folder)
    second = saved(folder)
    before = files(folder)
    with pytest.raises(checkpoints.PlanRefused, match="exists already"):
        restore(folder, first, written_ids=(second,))
    assert files(folder) == before


def test_what_cannot_be_loaded_is_not_restored(folder: Path) -> None:
    first = saved(folder)
    path = folder / f"{first}.json"
    path.write_text(path.read_text().replace('"version"', '"future_field": 1, "version"'))
    store = AgentFrameworkStore(folder)
    with pytest.raises(checkpoints.CorruptCheckpoint, match="future_field"):
        store.plan_restore(store.get(first))


def test_a_rehearsal_leaves_the_folder_as_it_is(folder: Path, tmp_path: Path) -> None:
    ids = run(folder)
    before = files(folder)
    apart = tmp_path / "apart"
    apart.mkdir()
    store = AgentFrameworkStore(folder)
    copy = store.copy_for_rehearsal(store.get(ids[1]), apart)
    head = carry_out(copy, copy.plan_restore(copy.get(ids[1])))
    assert latest(apart).checkpoint_id == head.checkpoint_id
    assert copy.load(copy.get(head.checkpoint_id)) == store.load(store.get(ids[1]))
    assert files(folder) == before


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from checkpoints.connectors.agent_framework import AgentFrameworkStore

def die(*_args, **_kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

store = AgentFrameworkStore(Path(sys.argv[1]))
plan = store.plan_restore(store.get(sys.argv[2]))
real = getattr(os, sys.argv[3])
setattr(os, sys.argv[3], (lambda *a, **k: (real(*a, **k), die())) if sys.argv[4] else die)
store.restore(plan, written_ids=("restored",), operation_id="op-1", reason="r",
              now=datetime.now(UTC))
"""


@pytest.mark.parametrize("after", ["", "after"], ids=["before", "after"])
@pytest.mark.parametrize("call", ["fchmod", "fsync", "link", "unlink"])
def test_a_kill_in_the_middle_leaves_old_or_new(folder: Path, call: str, after: str) -> None:
    ids = run(folder)
    command = [sys.executable, "-c", KILLED, str(folder), ids[1], call, after]
    ended = subprocess.run(command, cwd=ROOT, check=False, timeout=60, env=dict(os.environ))
    assert ended.returncode == -signal.SIGKILL
    assert latest(folder).checkpoint_id in (ids[-1], "restored")
    store = AgentFrameworkStore(folder)
    if latest(folder).checkpoint_id != "restored":
        plan = store.plan_restore(store.get(ids[1]))
        assert carry_out(store, plan, written_ids=("restored",)).checkpoint_id == "restored"
    else:
        plan = RestorePlan(
            agent_id="agent",
            thread_id=WORKFLOW,
            mode=checkpoints.RestoreMode.APPEND,
            targets=(),
            expected_head=ids[-1],
        )
        assert carry_out(store, plan, written_ids=("restored",)).checkpoint_id == "restored"
    assert resume(folder).state["total"] == TOTAL
    assert not list(folder.glob(".*"))


def test_a_time_in_the_head_that_is_just_past_is_no_reason_to_refuse(folder: Path) -> None:
    first = saved(folder)
    head = latest(folder)
    moment = datetime.fromisoformat(head.timestamp) + timedelta(microseconds=1)
    store = AgentFrameworkStore(folder, clock=lambda: moment)
    plan = store.plan_restore(store.get(first))
    store.restore(plan, written_ids=("restored",), operation_id="op-1", reason="r", now=moment)
    assert latest(folder).checkpoint_id == "restored"
