"""Reading what CrewAI's providers wrote, in a SQLite file and in a folder."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from checkpoints.connectors.crewai import (
    CrewAIFolderStore,
    CrewAISqliteStore,
    jsonb,
    recognise,
)
from checkpoints.connectors.crewai.sqlite.exact import ExactRows
from checkpoints.connectors.sqlite_files.database import Database
from checkpoints.records import Status
from checkpoints.stores.urls import open_store
from checkpoints.testing import NOON
from tests.checkpoints.connectors.crewai_stores import make_file, new_id, save_file, save_row, state

Store = CrewAIFolderStore | CrewAISqliteStore


@pytest.fixture(params=["checkpoints.db", "checkpoints"])
def sample(request: pytest.FixtureRequest, samples: Path, tmp_path: Path) -> Path:
    """A copy of a sample, with the times of its files."""
    source, target = samples / "crewai" / str(request.param), tmp_path / str(request.param)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


def opened(path: Path) -> Store:
    store = open_store(f"crewai:///{path}")
    assert isinstance(store, CrewAIFolderStore | CrewAISqliteStore)
    return store


def kinds(store: Store) -> dict[str, str | None]:
    return {found.kind: found.checkpoint_id for found in store.verify()}


def test_branches_are_threads_of_the_crew(sample: Path) -> None:
    threads = {thread.thread_id: thread for thread in opened(sample).threads()}
    assert {name: thread.checkpoints for name, thread in threads.items()} == {
        "main": 6,
        "fork/retry-1": 1,
    }
    assert {thread.agent_id for thread in threads.values()} == {"research_crew"}
    assert threads["main"].next_steps == ("task 5",)


def test_a_branch_is_listed_in_the_order_of_its_lineage(sample: Path) -> None:
    store = opened(sample)
    history = store.history(None, "main")
    assert [record.step for record in history] == [5, 4, 3, 2, 1, 0]
    assert [record.parent_id for record in history] == [*(r.id for r in history[1:]), None]
    assert history[0].metadata["topic"] == "refunds"
    assert history[0].step_name == "task 4"
    [forked] = store.history(None, "fork/retry-1")
    assert forked.parent_id == history[0].id


def test_states_are_whole(sample: Path) -> None:
    store = opened(sample)
    for record in store.history(None, "main"):
        loaded = store.load(record)
        assert loaded["parent_id"] == record.parent_id
        assert loaded["event_record"]["nodes"]


def test_the_url_may_name_the_agent(sample: Path) -> None:
    named = open_store(f"crewai:///{sample}?agent=researcher")
    assert {thread.agent_id for thread in named.threads()} == {"researcher"}


def test_a_crew_without_a_name_is_named_by_the_file_or_folder(tmp_path: Path) -> None:
    content = state(1)
    content["entities"][0]["name"] = "crew"
    save_row(tmp_path / "nightly.db", content)
    save_file(tmp_path / "nightly", content)
    for path in (tmp_path / "nightly.db", tmp_path / "nightly"):
        assert {thread.agent_id for thread in opened(path).threads()} == {"nightly"}


@pytest.mark.parametrize(
    ("trigger", "status"),
    [
        ("crew_kickoff_completed", Status.COMPLETED),
        ("task_failed", Status.FAILED),
        ("human_feedback_requested", Status.WAITING),
        ("SIGTERM", Status.INTERRUPTED),
        ("task_completed", Status.RUNNING),
    ],
)
def test_what_triggered_a_checkpoint_says_how_the_run_stands(
    tmp_path: Path, trigger: str, status: Status
) -> None:
    save_row(tmp_path / "c.db", {**state(1), "trigger": trigger})
    [record] = CrewAISqliteStore(tmp_path / "c.db").history(None, "main")
    assert record.status is status


def test_a_flow_is_counted_by_its_methods_and_may_hold_crews(tmp_path: Path) -> None:
    flow = {
        "entity_type": "flow",
        "name": "Research",
        "checkpoint_completed_methods": ["gather", "draft"],
        "checkpoint_state": {"topic": "x"},
    }
    save_row(tmp_path / "c.db", {**state(1), "entities": [*state(1)["entities"], flow]})
    [record] = CrewAISqliteStore(tmp_path / "c.db").history(None, "main")
    assert (record.agent_id, record.step) == ("Research", 2)


def test_json_text_in_the_column_is_read_restored_and_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    save_row(path, state(0), data=json.dumps(state(0)))
    save_row(path, state(1))
    store = CrewAISqliteStore(path)
    record = store.history(None, "main")[-1]
    plan = store.plan_restore(record)
    store.restore(
        plan, written_ids=store.choose_ids(plan), operation_id="op", reason="drift", now=NOON
    )
    with closing(sqlite3.connect(path)) as connection:
        told = connection.execute("SELECT typeof(data) FROM checkpoints ORDER BY rowid").fetchall()
    assert told == [("text",), ("blob",), ("text",)]
    assert store.load(store.history(None, "main")[0])["entities"] == state(0)["entities"]


def test_nothing_is_wrong_with_the_samples(sample: Path) -> None:
    assert kinds(opened(sample)).keys() <= {"lost_times"}


def test_a_folder_that_was_copied_without_its_times_is_named(samples: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    shutil.copytree(samples / "crewai" / "checkpoints", folder, copy_function=shutil.copyfile)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    [first] = folder.glob("main/*_p-none.json")
    os.utime(first)
    store = CrewAIFolderStore(folder)
    assert kinds(store) == {"lost_times": first.name.partition("_p-")[0]}
    assert [record.step for record in store.history(None, "main")] == [5, 4, 3, 2, 1, 0]
    plan = store.plan_restore(store.history(None, "main")[0])
    ids = store.choose_ids(plan)
    now = store.clock()
    store.restore(plan, written_ids=ids, operation_id="op", reason="order", now=now)
    assert kinds(store) == {}


def test_each_kind_of_damage_in_a_file_is_named(tmp_path: Path) -> None:
    path, odd = tmp_path / "c.db", state(2, branch="elsewhere")
    body = jsonb.encode(state(1))
    names = {
        "truncated": save_row(path, state(0), data=body[: len(body) // 2]),
        "zero_length": save_row(path, state(0), data=b""),
        "undecodable": save_row(path, state(0), data=body[:-1] + b"\xff"),
        "wrong_id": save_row(path, state(0), data=jsonb.encode(odd)),
        "future_id": save_row(path, state(0), checkpoint_id=new_id(NOON + timedelta(days=90_000))),
    }
    assert kinds(CrewAISqliteStore(path)) == names


def test_each_kind_of_damage_in_a_folder_is_named(tmp_path: Path) -> None:
    names: dict[str, str] = {}
    text = json.dumps(state(1))
    contents = {"truncated": text[:200], "zero_length": "", "undecodable": '{"entities": 7}'}
    for number, (kind, content) in enumerate(contents.items()):
        names[kind] = save_file(tmp_path, state(number))
        [path] = tmp_path.rglob(f"{names[kind]}*")
        path.write_text(content)
    names["wrong_id"] = save_file(tmp_path, state(5))
    [path] = tmp_path.rglob(f"{names['wrong_id']}*")
    path.write_text(json.dumps(state(5, branch="elsewhere")))
    (tmp_path / "main" / f".{new_id()}_p-none.json.holdfast-tmp").touch()
    found = kinds(CrewAIFolderStore(tmp_path))
    assert found.pop("leftover_file", "") is None
    assert found == names


def test_a_branch_whose_beginning_is_gone_is_named(tmp_path: Path) -> None:
    for branch in ("main", "fork/a"):
        save_row(tmp_path / "c.db", state(1, parent_id="20260101T000000_00000000", branch=branch))
    found = [found.kind for found in CrewAISqliteStore(tmp_path / "c.db").verify()]
    assert found == ["missing_parent", "missing_parent"]


def test_two_rows_of_one_id_are_named(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE checkpoints (id, created_at, parent_id, branch, data)")
        for _ in range(2):
            values = ("twice", "x", None, "main", jsonb.encode(state(1)))
            connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?)", values)
    assert kinds(CrewAISqliteStore(path)) == {"duplicate_id": "twice"}


def test_reading_changes_nothing_and_imports_nothing(sample: Path) -> None:
    files = [sample] if sample.is_file() else [p for p in sample.rglob("*") if p.is_file()]
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    list(opened(sample).verify())
    modules = set(sys.modules)
    store = opened(sample)
    for thread in store.threads():
        for record in store.history(None, thread.thread_id):
            store.load(record)
            store.raw(record)
    store.changes(None)
    list(store.verify())
    store.close()
    assert set(sys.modules) == modules
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files} == before


def test_a_restore_makes_another_branch_what_crewai_resumes_and_says_so(sample: Path) -> None:
    store = opened(sample)
    if sample.is_dir():
        os.utime(next(sample.glob("fork/*/*.json")))
    target = store.history(None, "main")[2]
    plan = store.plan_restore(target)
    assert plan.rerun_steps == ("task 3", "task 4")
    assert any("'fork/retry-1'" in warning for warning in plan.warnings)
    assert plan.superseded == tuple(record.id for record in store.history(None, "main")[:2])


def test_a_put_back_row_stands_where_it_stood_after_vacuum(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    make_file(path)
    ids = [save_row(path, state(done)) for done in range(6)]
    exact = _exact(path, ids[1]), _exact(path, ids[3])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM checkpoints WHERE id IN (?, ?)", (ids[1], ids[3]))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")
    _insert(path, *reversed(exact))
    assert [r.id for r in CrewAISqliteStore(path).history(None, "main")] == ids[::-1]


def _exact(path: Path, checkpoint_id: str) -> Any:
    database = Database(path)
    found = ExactRows(database).find(checkpoint_id)
    database.close()
    return found


def _insert(path: Path, *rows: Any) -> None:
    database = Database(path, writable=True)
    with database.writing():
        for row in rows:
            ExactRows(database).insert(row)
    database.close()


def test_a_restore_is_rehearsed_on_a_copy_as_it_would_be_here(sample: Path, tmp_path: Path) -> None:
    store = opened(sample)
    target = store.history(None, "main")[3]
    folder = tmp_path / "rehearsal"
    folder.mkdir()
    copy = store.copy_for_rehearsal(target, folder)
    plan = copy.plan_restore(copy.get(target.id))
    assert plan.expected_head == store.plan_restore(target).expected_head
    ids, now = copy.choose_ids(plan), store.clock()
    head = copy.restore(plan, written_ids=ids, operation_id="op", reason="drill", now=now)
    restored = copy.load(copy.get(head.checkpoint_id))
    assert restored["entities"] == store.load(target)["entities"]
    assert len(store.history(None, "main")) == 6


def test_what_grows_is_told_by_field(sample: Path) -> None:
    store = opened(sample)
    sizes = {size.field: size for size in store.field_sizes(None, "main")}
    assert next(iter(sizes)) == "entities"
    assert sizes["entities"].checkpoints == 6
    assert (store.space().stored or 0) > sizes["entities"].size


def test_what_is_listed_is_counted_without_bodies(samples: Path, tmp_path: Path) -> None:
    shutil.copy2(samples / "crewai" / "checkpoints.db", tmp_path / "c.db")
    store = CrewAISqliteStore(tmp_path / "c.db")
    assert store.counts() == {"main": 6, "fork/retry-1": 1}
    assert store.names("main") == {("", r.id) for r in store.history(None, "main")}


def test_a_store_is_recognised_where_it_lies_and_not_above(sample: Path, tmp_path: Path) -> None:
    assert recognise(sample)
    assert recognise(sample.parent) is None
    (tmp_path / "other").mkdir()
    assert recognise(tmp_path / "other") is None
    assert recognise(tmp_path / "nowhere") is None
