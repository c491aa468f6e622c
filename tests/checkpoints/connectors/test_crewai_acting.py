"""What operations on CrewAI's stores leave, and what they do not, whatever ends them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import checkpoints
from checkpoints.connectors.crewai import CrewAIFolderStore, CrewAISqliteStore
from checkpoints.plans import Doomed, Edit, ThreadErasure, ThreadPrune
from checkpoints.records import Checkpoint, Directive, RestoreTarget, Strategy
from checkpoints.stores.operable import TrashItem
from checkpoints.stores.urls import open_store
from checkpoints.testing import NOON
from checkpoints.trash import StoreTrash
from tests.checkpoints.connectors.crewai_stores import (
    newest_file,
    newest_row,
    save_file,
    save_row,
    state,
)

SECRET = "the customer's own words"


class FailingTrash(StoreTrash):
    """Keeps what it is given, and then the process is gone."""

    def keep(self, operation_id: str, thread_id: str, items: Iterable[TrashItem]) -> None:
        super().keep(operation_id, thread_id, items)
        raise checkpoints.TransientStoreError("the disk went away")


@pytest.fixture
def trash_store(tmp_path: Path) -> Iterator[checkpoints.Store]:
    store = open_store(f"sqlite:///{tmp_path / 'trash.db'}")
    assert isinstance(store, checkpoints.Store)
    yield store
    store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "c.db"
    ids: list[str | None] = [None]
    for done in range(5):
        ids.append(save_row(path, state(done, parent_id=ids[-1])))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "checkpoints"
    ids: list[str | None] = [None]
    for done in range(5):
        ids.append(save_file(folder, state(done, parent_id=ids[-1])))
    return folder


def prune_of(records: list[Checkpoint]) -> ThreadPrune:
    doomed = (Doomed(checkpoint_id=r.id, reason="age", sha256=r.sha256) for r in records)
    return ThreadPrune(
        agent_id="research_crew",
        thread_id="main",
        expected_head=None,
        keep=(),
        remove=tuple(doomed),
    )


def erasure_of(records: list[Checkpoint], *, whole: bool = False) -> ThreadErasure:
    targets = (RestoreTarget(checkpoint_id=r.id, namespace="", sha256=r.sha256) for r in records)
    return ThreadErasure(
        agent_id="research_crew", thread_id="main", targets=tuple(targets), whole=whole
    )


def test_a_prune_that_breaks_off_after_the_trash_moves_nothing_and_goes_on_later(
    path: Path, trash_store: checkpoints.Store
) -> None:
    store = CrewAISqliteStore(path)
    before = store.history(None, "main")
    prune = prune_of(before[2:])
    with pytest.raises(checkpoints.TransientStoreError):
        store.remove(prune, operation_id="op", now=NOON, trash=FailingTrash(trash_store))
    assert store.history(None, "main") == before
    done = store.remove(prune, operation_id="op", now=NOON, trash=StoreTrash(trash_store))
    assert set(done.removed) == {record.id for record in before[2:]}
    assert store.history(None, "main") == before[:2]


def test_what_is_not_the_newest_goes_and_comes_back_in_its_place(
    path: Path, trash_store: checkpoints.Store
) -> None:
    store, trash = CrewAISqliteStore(path), StoreTrash(trash_store)
    before = store.history(None, "main")
    middle = [before[1], before[3]]
    store.remove(prune_of(middle), operation_id="op", now=NOON, trash=trash)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")
    ids = [record.id for record in middle]
    assert store.put_back(None, "main", ids, operation_id="op", trash=trash) == {}
    assert store.history(None, "main") == before
    assert newest_row(path) == (before[0].id, "main")


def test_where_a_branch_began_stays(path: Path, trash_store: checkpoints.Store) -> None:
    store = CrewAISqliteStore(path)
    history = store.history(None, "main")
    save_row(path, state(2, parent_id=history[3].id, branch="fork/a"))
    prune = prune_of(history[1:])
    done = store.remove(prune, operation_id="op", now=NOON, trash=StoreTrash(trash_store))
    assert set(done.stayed) == {history[3].id}


def test_of_an_erased_row_no_byte_is_left(path: Path) -> None:
    content = state(1)
    content["entities"][0]["tasks"][0]["output"] = {"raw": SECRET}
    save_row(path, content)
    save_row(path, state(2))
    store = CrewAISqliteStore(path)
    erasure = erasure_of(store.history(None, "main")[1:2])
    store.close()
    done = CrewAISqliteStore(path).erase_thread(erasure, operation_id="op", now=NOON)
    assert done.remaining == {}
    log = path.with_name(f"{path.name}-wal")
    left = path.read_bytes() + (log.read_bytes() if log.exists() else b"")
    assert SECRET.encode() not in left


def test_with_a_branch_go_its_damaged_files_and_what_operations_left(folder: Path) -> None:
    first, *others = sorted((folder / "main").iterdir())
    os.truncate(first, 30)
    leftover = folder / "main" / f".{others[0].name}.holdfast-tmp"
    leftover.write_text(SECRET)
    store = CrewAIFolderStore(folder)
    erasure = erasure_of(store.history(None, "main"), whole=True)
    done = store.erase_thread(erasure, operation_id="op", now=NOON)
    assert done.remaining == {}
    assert list((folder / "main").iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_crewai_resumes_next_is_what_was_restored(kind: str, path: Path, folder: Path) -> None:
    save_row(path, state(3, branch="fork/newer"))
    save_file(folder, state(3, branch="fork/newer"))
    store = CrewAISqliteStore(path) if kind == "file" else CrewAIFolderStore(folder)
    plan = store.plan_restore(store.history(None, "main")[-1])
    directive = Directive(strategy=Strategy.SKIP_TO_NEXT, parameters={"n": 1})
    head = store.restore(
        plan,
        written_ids=store.choose_ids(plan),
        operation_id="op",
        reason="drift",
        now=store.clock(),
        directive=directive,
    )
    assert (head.operation_id, head.reason, head.directive) == ("op", "drift", directive)
    found = newest_row(path)[0] if kind == "file" else newest_file(folder).name
    assert found.startswith(head.checkpoint_id)


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize(
    "edit",
    [
        Edit(path=("branch",), value="elsewhere"),
        Edit(path=("parent_id",), value=None),
        Edit(path=("holdfast",), value={}),
        Edit(path=("entities",), remove=True),
        Edit(path=("entities", 0, "name"), value=float("nan")),
        Edit(path=("entities", 0, "name"), value=b"bytes"),
    ],
    ids=range(6),
)
def test_an_edit_that_would_mislead_crewai_is_refused(
    kind: str, edit: Edit, path: Path, folder: Path
) -> None:
    store = CrewAISqliteStore(path) if kind == "file" else CrewAIFolderStore(folder)
    record = store.history(None, "main")[1]
    with pytest.raises(checkpoints.PlanRefused, match="nothing was written"):
        store.plan_fork(record, thread_id="fork/x", edits=(edit,))


def test_a_row_with_the_last_number_there_is_is_named_and_nothing_is_put_behind_it(
    path: Path,
) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        last = "(SELECT max(rowid) FROM checkpoints)"
        sql = f"UPDATE checkpoints SET rowid = ? WHERE rowid = {last}"
        connection.execute(sql, (2**63 - 1,))
    store = CrewAISqliteStore(path)
    assert [found.kind for found in store.verify()] == ["future_id"]
    plan = store.plan_restore(store.history(None, "main")[-1])
    with pytest.raises(checkpoints.PlanRefused, match="no room"):
        store.restore(plan, written_ids=["x"], operation_id="op", reason="r", now=NOON)
