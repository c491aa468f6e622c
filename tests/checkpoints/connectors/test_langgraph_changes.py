"""What a scan of a LangGraph file finds after an earlier one."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from langgraph.types import Command

from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from checkpoints.records import Status
from tests.checkpoints.connectors import graphs


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own.sqlite"


def run(path: Path, thread_id: str = "t") -> None:
    with graphs.saver(path) as saver:
        graphs.counter(saver).invoke({"n": 0, "log": []}, graphs.config(thread_id))


def execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_only_what_is_new_is_listed(path: Path) -> None:
    run(path)
    store = LangGraphSqliteStore(path)
    cursor = store.changes(None).cursor
    run(path, "other")
    page = store.changes(cursor)
    assert {record.thread_id for record in page.checkpoints} == {"other"}
    assert [thread.thread_id for thread in page.threads] == ["other"]
    assert len(page.checkpoints) == 8


def test_records_come_in_the_order_of_writing(path: Path) -> None:
    run(path)
    records = LangGraphSqliteStore(path).changes(None).checkpoints
    assert [record.step for record in records] == list(range(-1, 7))


def test_how_a_thread_stands_is_told_with_its_head(path: Path) -> None:
    run(path, "early")
    run(path, "late")
    store = LangGraphSqliteStore(path)
    told, cursor = [], None
    while True:
        page = store.changes(cursor, limit=4)
        told.append([(thread.thread_id, thread.head_id) for thread in page.threads])
        cursor = page.cursor
        if page.complete:
            break
    heads = {
        name: head.checkpoint_id for name in ("early", "late") if (head := store.head(None, name))
    }
    assert told == [[], [("early", heads["early"])], [], [("late", heads["late"])]]


def test_a_thread_whose_head_was_told_is_told_again_when_more_of_it_comes(path: Path) -> None:
    run(path)
    execute(path, "UPDATE checkpoints SET rowid = 100 - rowid")  # the head is the first row
    page = LangGraphSqliteStore(path).changes(None, limit=1)
    following = LangGraphSqliteStore(path).changes(page.cursor, limit=1)
    assert [thread.head_id for thread in following.threads] == [page.checkpoints[0].id]


def test_an_interrupt_that_comes_after_the_scan_is_told_later(path: Path) -> None:
    with graphs.saver(path) as saver:
        graph = graphs.fan(saver)
        graph.invoke({"seen": []}, graphs.config("t"))
        store = LangGraphSqliteStore(path)
        head = store.head(None, "t")
        assert head
        kept = sqlite3.connect(path)
        rows = kept.execute(
            "SELECT * FROM writes WHERE checkpoint_id = ?", (head.checkpoint_id,)
        ).fetchall()
        kept.execute("DELETE FROM writes WHERE checkpoint_id = ?", (head.checkpoint_id,))
        kept.commit()
        before = store.changes(None)
        marks = ", ".join("?" * len(rows[0]))
        kept.executemany(f"INSERT INTO writes VALUES ({marks})", rows)
        kept.commit()
        kept.close()
        page = store.changes(before.cursor)
        assert [record.id for record in page.checkpoints] == [head.checkpoint_id]
        assert page.checkpoints[0].status == Status.WAITING
        assert [thread.status for thread in page.threads] == [Status.WAITING]
        graph.invoke(Command(resume="yes"), graphs.config("t"))
        following = store.changes(page.cursor)
        assert {r.id: r.status for r in following.checkpoints}[head.checkpoint_id] == Status.RUNNING
        assert following.threads[0].status == Status.COMPLETED


def test_a_replaced_file_resets_the_listing(path: Path, tmp_path: Path) -> None:
    run(path)
    cursor = LangGraphSqliteStore(path).changes(None).cursor
    other = tmp_path / "other.sqlite"
    run(other, "u")
    shutil.copyfile(other, tmp_path / "copy.sqlite")
    (tmp_path / "copy.sqlite").replace(path)
    page = LangGraphSqliteStore(path).changes(cursor)
    assert page.reset
    assert {record.thread_id for record in page.checkpoints} == {"u"}


def test_renumbered_rows_reset_the_listing(path: Path) -> None:
    run(path)
    run(path, "u")
    store = LangGraphSqliteStore(path)
    cursor = store.changes(None).cursor
    execute(path, "DELETE FROM checkpoints WHERE thread_id = 't'")
    execute(path, "UPDATE checkpoints SET rowid = rowid - 8")  # as VACUUM may do
    page = store.changes(cursor)
    assert page.reset
    assert len(page.checkpoints) == 8


def test_a_number_that_was_used_again_resets_the_listing(path: Path) -> None:
    run(path)
    store = LangGraphSqliteStore(path)
    cursor = store.changes(None).cursor
    execute(path, "DELETE FROM checkpoints")
    execute(path, "DELETE FROM writes")
    run(path, "u")
    page = store.changes(cursor)
    assert page.reset
    assert {record.thread_id for record in page.checkpoints} == {"u"}


@pytest.mark.parametrize("cursor", ["", "null", "[]", "{", '{"file": 1}', "rowid=5", "\0"])
def test_a_cursor_that_is_none_of_ours_starts_anew(path: Path, cursor: str) -> None:
    run(path)
    page = LangGraphSqliteStore(path).changes(cursor)
    assert page.reset
    assert len(page.checkpoints) == 8


def test_small_pages_come_to_an_end(path: Path) -> None:
    run(path)
    store = LangGraphSqliteStore(path)
    cursor, steps = None, []
    for _ in range(8):
        page = store.changes(cursor, limit=1)
        cursor = page.cursor
        steps += [record.step for record in page.checkpoints]
    assert page.complete
    assert steps == list(range(-1, 7))
