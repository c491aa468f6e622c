"""The SQLite store and what can go wrong around its file."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from checkpoints import (
    CorruptCheckpoint,
    HeadMoved,
    PermanentStoreError,
    Store,
    TransientStoreError,
    open_store,
)
from checkpoints.stores.sqlite import file as sqlite_file
from checkpoints.stores.sqlite.store import SqliteStore
from checkpoints.testing import NOON, draft, save_chain


def _opened(url: str) -> SqliteStore:
    store = open_store(url)
    assert isinstance(store, SqliteStore)
    return store


def test_looking_creates_nothing(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    assert list(store.threads()) == []
    assert store.changes(None).checkpoints == ()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_store_that_must_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(PermanentStoreError, match="no store here"):
        open_store(f"sqlite:///{tmp_path}/store.db", must_exist=True)


def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (a)")
    before = path.read_bytes()
    with pytest.raises(PermanentStoreError, match="another program"):
        save_chain(_opened(f"sqlite:///{path}"), 1)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    assert len(before) == path.stat().st_size


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"\x00" * 4096])
def test_something_that_is_no_database_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.db"
    path.write_bytes(content)
    with pytest.raises(PermanentStoreError, match="not a SQLite file"):
        save_chain(_opened(f"sqlite:///{path}"), 1)
    assert path.read_bytes() == content


def test_a_folder_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(PermanentStoreError, match="is a folder"):
        save_chain(_opened(f"sqlite:///{tmp_path}"), 1)


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    store = _opened(f"sqlite:///{tmp_path}/store.db")
    save_chain(store, 1)
    store.close()
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(PermanentStoreError, match="format 99"):
        list(open_store(f"sqlite:///{tmp_path}/store.db").threads())


def test_a_store_that_a_newer_version_took_over_while_it_was_open_is_left_alone(
    tmp_path: Path,
) -> None:
    store = _opened(f"sqlite:///{tmp_path}/store.db")
    save_chain(store, 2)
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(PermanentStoreError, match="format 99"):
        store.put(draft(3, parent="c2"), {}, expected_head="c2")
    with sqlite3.connect(tmp_path / "store.db") as db:
        assert db.execute("SELECT count(*) FROM checkpoints").fetchone() == (2,)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("scheme", ["sqlite", "file"])
def test_a_place_that_may_not_be_written_is_named(scheme: str) -> None:
    with pytest.raises(PermanentStoreError, match="/proc/holdfast"):
        save_chain(cast(Store, open_store(f"{scheme}:////proc/holdfast/store.db")), 1)


def test_a_locked_store_is_worth_a_retry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.1)
    store = _opened(f"sqlite:///{tmp_path}/store.db")
    save_chain(store, 1)
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TransientStoreError, match="locked by another process"):
        store.put(draft(2, parent="c1"), {}, expected_head="c1")
    other.execute("ROLLBACK")
    store.put(draft(2, parent="c1"), {}, expected_head="c1")


def test_a_full_disk_loses_nothing_that_was_saved(tmp_path: Path) -> None:
    store = _opened(f"sqlite:///{tmp_path}/store.db")
    save_chain(store, 1)
    with store._file.writing() as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(PermanentStoreError, match="the disk is full"):
        store.put(draft(2, parent="c1"), {"x": os.urandom(100_000)}, expected_head="c1")
    again = _opened(f"sqlite:///{tmp_path}/store.db")
    assert again.load(again.get("c1"))["step"] == 1
    again.put(draft(2, parent="c1"), {}, expected_head="c1")


def test_reading_an_empty_file_leaves_it_empty(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch()
    assert list(open_store(f"sqlite:///{path}").threads()) == []
    assert path.stat().st_size == 0


def test_reading_a_file_of_another_program_leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (a)")
    before = path.read_bytes()
    with pytest.raises(PermanentStoreError, match="another program"):
        list(open_store(f"sqlite:///{path}").threads())
    assert path.read_bytes() == before


def test_a_forked_process_opens_the_file_anew(tmp_path: Path) -> None:
    store = _opened(f"sqlite:///{tmp_path}/store.db")
    save_chain(store, 1)
    child = os.fork()
    if child == 0:
        store.put(draft(2, parent="c1"), {}, expected_head="c1")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert [c.id for c in store.history("agent-1", "main")] == ["c2", "c1"]
    assert list(store.verify()) == []


def test_a_record_that_cannot_be_read_is_shown_as_damaged_and_the_list_goes_on(
    tmp_path: Path,
) -> None:
    store = _opened(f"sqlite:///{tmp_path}/store.db")
    save_chain(store, 3)
    with sqlite3.connect(tmp_path / "store.db") as db:
        db.execute("UPDATE checkpoints SET record = X'7B626164' WHERE id = 'c2'")
    listed = store.history("agent-1", "main")
    assert [(c.id, c.damage is not None) for c in listed] == [
        ("c3", False),
        ("c2", True),
        ("c1", False),
    ]
    assert [c.id for c in store.changes(None).checkpoints] == ["c1", "c2", "c3"]
    with pytest.raises(CorruptCheckpoint, match="record is damaged"):
        store.plan_restore(store.get("c2"))
    assert [f.checkpoint_id for f in store.verify()] == ["c2"]
    store.trash({"c2": "damaged"}, now=draft(1).created_at)
    store.put(draft(4, parent="c3"), {}, expected_head="c3")


def test_a_fork_while_another_thread_works_does_not_hang(tmp_path: Path) -> None:
    store = _opened(f"sqlite:///{tmp_path}/store.db")
    save_chain(store, 1)
    with store._file.writing():
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            other = threading.Thread(target=store.head, args=("agent-1", "main"))
            other.start()
            other.join()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0


def test_a_head_moved_by_another_connection_is_seen_by_the_next_save(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    agent, operator = _opened(url), _opened(url)
    save_chain(agent, 3)
    operator.set_head(operator.get("c1"), expected="c3", now=NOON, operation_id="op-1")
    with pytest.raises(HeadMoved):
        agent.put(draft(4, parent="c3"), {}, expected_head="c3")
    agent.put(draft(5, parent="c1"), {}, expected_head="c1")


def test_of_a_restore_and_a_save_at_once_only_one_moves_the_head(tmp_path: Path) -> None:
    store = _opened(f"sqlite:///{tmp_path}/store.db")
    save_chain(store, 2)
    for number in range(3, 60):
        head = store.head("agent-1", "main")
        assert head is not None
        moves: list[str] = []

        def attempt(move: Callable[[], object], moves: list[str] = moves) -> None:
            with contextlib.suppress(HeadMoved):
                move()
                moves.append("moved")

        seen = head.checkpoint_id
        target = store.get("c2" if seen == "c1" else "c1")
        movers = [
            partial(store.put, draft(number, parent=seen), {}, expected_head=seen),
            partial(store.set_head, target, expected=seen, now=NOON),
        ]
        threads = [threading.Thread(target=attempt, args=(mover,)) for mover in movers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert moves == ["moved"]
        now = store.head("agent-1", "main")
        assert now is not None
        assert now.version == head.version + 1


def test_a_save_that_was_acknowledged_before_is_found_again_by_the_same_connection(
    tmp_path: Path,
) -> None:
    store = _opened(f"sqlite:///{tmp_path}/store.db")
    first = store.put(draft(1), {"a": 1}, expected_head=None)
    second = store.put(draft(2, parent="c1"), {"a": 2}, expected_head="c1")
    assert store.put(draft(1), {"a": 1}, expected_head=None) == first
    assert store.put(draft(2, parent="c1"), {"a": 2}, expected_head="c2") == second
    assert len(store.history("agent-1", "main")) == 2


@pytest.mark.parametrize("statement", ["BEGIN", "BEGIN IMMEDIATE"])
def test_a_transaction_broken_off_as_it_begins_blocks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    store = _opened(f"sqlite:///{tmp_path}/store.db")
    first = store.put(draft(0), {"n": 0}, expected_head=None)
    execute = sqlite_file.Connection.execute

    def interrupted(self: sqlite_file.Connection, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        cursor = execute(self, sql, values)
        if sql == statement:
            raise KeyboardInterrupt
        return cursor

    monkeypatch.setattr(sqlite_file.Connection, "execute", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.fields(first) if statement == "BEGIN" else store.unpin(first)
    monkeypatch.undo()
    assert store.put(draft(1, parent=first.id), {"n": 1}, expected_head=first.id).step == 1
    assert _opened(store.url).load(first) == {"n": 0}


def test_a_transaction_that_a_second_interrupt_left_open_is_taken_back(tmp_path: Path) -> None:
    store = _opened(f"sqlite:///{tmp_path}/store.db")
    store.put(draft(1), {"n": 1}, expected_head=None)
    connection = store._file._connection
    assert connection is not None
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM checkpoints")
    store.put(draft(2, parent="c1"), {"n": 2}, expected_head="c1")
    assert [record.id for record in store.history("agent-1", "main")] == ["c2", "c1"]


@pytest.mark.parametrize("left", ["another", "nothing"])
def test_a_file_that_was_replaced_while_it_was_open_is_not_saved_into(
    left: str, tmp_path: Path
) -> None:
    path = tmp_path / "store.db"
    store = _opened(f"sqlite:///{path}")
    save_chain(store, 2)
    path.rename(tmp_path / "moved.db")
    if left == "another":
        save_chain(_opened(f"sqlite:///{path}"), 2, step_name="of another run")
    for _ in range(2):
        with pytest.raises(PermanentStoreError, match="replaced or removed"):
            store.put(draft(3, parent="c2"), {}, expected_head="c2")
    again = _opened(f"sqlite:///{path}")
    assert (again.head("agent-1", "main") is not None) == (left == "another")


def test_threads_of_one_name_and_several_agents_are_listed_newest_first(tmp_path: Path) -> None:
    store = _opened(f"sqlite:///{tmp_path}/store.db")
    heads: dict[str, str] = {}
    for number in range(6):
        agent = f"agent-{number % 2}"
        saved = store.put(draft(number, agent_id=agent), {}, expected_head=heads.get(agent))
        heads[agent] = saved.id
    assert [c.id for c in store.history(None, "main")] == ["c5", "c4", "c3", "c2", "c1", "c0"]
    assert [c.id for c in store.history(None, "main", limit=2)] == ["c5", "c4"]
