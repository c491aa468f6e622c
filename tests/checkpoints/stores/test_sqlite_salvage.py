"""SQLite files that SQLite itself can no longer read."""

from __future__ import annotations

import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from checkpoints import CheckpointError, PermanentStoreError, open_store
from checkpoints.stores.sqlite.pages import Pages
from checkpoints.stores.sqlite.store import SqliteStore
from checkpoints.testing import NOON, draft, save_chain

COUNT = 60


def opened(path: Path) -> SqliteStore:
    store = open_store(f"sqlite:///{path}")
    assert isinstance(store, SqliteStore)
    return store


def fill(path: Path, *, close: bool = True) -> SqliteStore:
    """Save short and long states, pin one, trash one, move a head back."""
    store = opened(path)
    parent = None
    for number in range(COUNT):
        text = f"{number} " + "many words of a long conversation " * (20 if number % 9 else 3000)
        state = {"n": number, "text": text}
        parent = store.put(draft(number, parent=parent), state, expected_head=parent).id
    store.put(draft(1000, thread_id="other"), {"n": 1000}, expected_head=None)
    store.pin(store.get("c7"), reason="golden", now=NOON)
    store.trash({"c3": "age"}, now=NOON)
    store.set_head(store.get("c50"), expected=parent, now=NOON, operation_id="op-1")
    if close:
        store.close()
    return store


def what_loads(store: SqliteStore) -> set[str]:
    """Return the ids whose states are as saved; fail for one that is another."""
    found = set()
    for record in store.changes(None, limit=10_000).checkpoints:
        try:
            state = store.load(record)
        except CheckpointError:
            continue
        assert record.id == f"c{state['n']}"
        found.add(record.id)
    return found


ALL = {f"c{n}" for n in (*range(COUNT), 1000)} - {"c3"}


def test_the_pages_of_a_sound_file_hold_what_sqlite_says(tmp_path: Path) -> None:
    fill(tmp_path / "store.db")
    with closing(sqlite3.connect(tmp_path / "store.db")) as db:
        rows = db.execute(
            "SELECT position, id, thread, base, trashed, record, frame FROM checkpoints"
        ).fetchall()
    found = {row.rowid: row.values for row in Pages(tmp_path / "store.db").rows()}
    for position, *values in rows:
        assert found[position] == (None, *values)


def test_what_lies_in_the_write_ahead_log_alone_is_read_too(tmp_path: Path) -> None:
    store = fill(tmp_path / "store.db", close=False)
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in tmp_path.glob("store.db*"):
        shutil.copy(file, copy)
    store.close()
    names = {row.values[1] for row in Pages(copy / "store.db").rows() if len(row.values) == 7}
    assert names >= {f"c{n}" for n in range(COUNT)}


@pytest.mark.parametrize(
    ("at", "length"),
    [
        pytest.param(0, 100, id="the file's header"),
        pytest.param(16, 2, id="the page size"),
        pytest.param(100, 1000, id="the schema"),
        pytest.param(68, 4, id="the application id"),
        pytest.param(0, 4096, id="the whole first page"),
    ],
)
def test_everything_comes_back_when_the_beginning_is_lost(
    tmp_path: Path, at: int, length: int
) -> None:
    path = tmp_path / "store.db"
    store = fill(path, close=False)
    cursor = store.changes(None, limit=10_000).cursor
    store.close()
    data = bytearray(path.read_bytes())
    data[at : at + length] = Random(1).randbytes(length)
    path.write_bytes(bytes(data))
    found = opened(path).repair(now=NOON)
    assert [f.kind for f in found] == ["salvaged"]
    store = opened(path)
    assert store.changes(cursor).reset
    assert what_loads(store) == ALL
    assert [p.checkpoint_id for p in store.pins()] == ["c7"]
    assert store.untrash(["c3"]) == 1
    head = store.head("agent-1", "main")
    assert head is not None
    assert (head.checkpoint_id, head.operation_id) == ("c50", "op-1")
    assert list(store.verify_deep()) == []
    store.put(draft(99, parent="c50"), {"n": 99}, expected_head="c50")
    (kept,) = tmp_path.glob("store.db.damaged-*")
    assert kept.read_bytes() == bytes(data)


def test_any_lost_page_costs_little_after_a_repair(tmp_path: Path) -> None:
    whole = tmp_path / "whole.db"
    fill(whole)
    data = whole.read_bytes()
    for number in range(len(data) // 4096):
        path = tmp_path / f"{number}.db"
        at = number * 4096
        path.write_bytes(data[:at] + b"\xaa" * 4096 + data[at + 4096 :])
        opened(path).repair(now=NOON)
        store = opened(path)
        assert len(what_loads(store)) >= 0.5 * len(ALL)
        assert [f for f in store.verify() if f.kind == "corrupt_checkpoint"] == []
        store.close()


def test_rows_of_free_pages_come_after_those_in_use(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    fill(path)
    data = bytearray(path.read_bytes())
    count = len(data) // 4096
    leaf = next(n for n in range(2, count) if data[(n - 1) * 4096] == 0x0D)
    trunk = struct.pack(">III", 0, 1, leaf) + bytes(4084)
    copy = bytes(data[(leaf - 1) * 4096 : leaf * 4096])
    before = list(Pages(path).rows())
    data[32:36] = struct.pack(">I", count + 1)
    path.write_bytes(bytes(data) + trunk + copy)
    rows = list(Pages(path).rows())
    gained = len(rows) - len(before)
    assert gained > 0
    assert rows[-gained:] == rows[-2 * gained : -gained] != before[-gained:]


def test_a_sound_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    fill(path)
    inode = path.stat().st_ino
    assert opened(path).repair(now=NOON) == []
    assert path.stat().st_ino == inode
    assert list(tmp_path.glob("*damaged*")) == []


@pytest.mark.parametrize("content", [b"not a database" * 1000, b"\x00" * 8192])
def test_a_file_that_never_was_a_store_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.db"
    path.write_bytes(content)
    with pytest.raises(PermanentStoreError, match="not a SQLite file"):
        opened(path).repair(now=NOON)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_another_programs_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE theirs (a, b, c, d, e, f, g)")
        db.execute("INSERT INTO theirs VALUES (NULL, 'c1', 1, 1, 1, x'00', x'00')")
    before = path.read_bytes()
    with pytest.raises(PermanentStoreError, match="another program"):
        opened(path).repair(now=NOON)
    assert path.read_bytes() == before


@pytest.mark.parametrize("seed", range(25))
def test_rubbish_in_pages_ends_in_errors_of_ours_alone(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    save_chain(opened(path), 12)
    random, data = Random(seed), bytearray(path.read_bytes())
    for _ in range(random.choice((3, 300))):
        data[random.randrange(len(data))] = random.randrange(256)
    path.write_bytes(bytes(data))
    try:
        opened(path).repair(now=NOON)
    except CheckpointError:
        return
    list(opened(path).verify_deep())
