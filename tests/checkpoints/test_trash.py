"""Trash of other frameworks' stores, kept in the journals of Holdfast's own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from checkpoints import (
    CorruptCheckpoint,
    JournalEntry,
    PermanentStoreError,
    Store,
    Trash,
    TrashItem,
    open_native_store,
)
from checkpoints.stores.entry_bytes import MAX_DATA
from checkpoints.testing import FakeClock
from checkpoints.trash import StoreTrash

KINDS = ("memory", "sqlite", "folder", "postgresql")


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    urls = {
        "memory": "memory://",
        "sqlite": f"sqlite:///{tmp_path}/trash.db",
        "folder": f"file:///{tmp_path}/trash",
    }
    kind = request.param
    url = urls[kind] if kind in urls else request.getfixturevalue("postgresql_url")
    with closing(open_native_store(url)) as opened:
        yield opened


def item(key: str, **data: object) -> TrashItem:
    return TrashItem(key=key, checkpoint_id=f"of {key}", data=data or {"n": 1})


EVERYTHING = item(
    "everything",
    none=None,
    text="\u00fc\x00\U0001f600",
    data=bytes(range(256)) * 40,
    number=-(2**63),
    fraction=1e-300,
    nested=[{"a": [b"", "", 0.0]}, True],
)


def test_it_is_a_trash(store: Store) -> None:
    trash: Trash = StoreTrash(store)
    assert trash.items("op", "t") == []
    assert trash.operations("t") == []


def test_items_come_back_as_they_were_given(store: Store) -> None:
    trash = StoreTrash(store)
    trash.keep("op", "t", [EVERYTHING, item("b")])
    found = {kept.key: kept for kept in trash.items("op", "t")}
    assert found == {"everything": EVERYTHING, "b": item("b")}
    kinds = {name: type(value) for name, value in found["everything"].data.items()}
    assert kinds == {name: type(value) for name, value in EVERYTHING.data.items()}


def test_items_come_in_the_order_in_which_they_were_kept(store: Store) -> None:
    clock = FakeClock()
    trash = StoreTrash(store, clock=clock)
    for key in ("c", "a", "b"):
        trash.keep("op", "t", [item(key)])
        clock.advance(seconds=1)
    assert [found.key for found in trash.items("op", "t")] == ["c", "a", "b"]


def test_what_is_there_already_stays(store: Store) -> None:
    trash = StoreTrash(store)
    for _ in range(2):
        trash.keep("op", "t", [item("a"), item("b")])
    assert sorted(found.key for found in trash.items("op", "t")) == ["a", "b"]


def test_a_key_taken_by_another_content_is_refused(store: Store) -> None:
    trash = StoreTrash(store)
    trash.keep("op", "t", [item("a", n=1)])
    with pytest.raises(PermanentStoreError, match="not what it was given"):
        trash.keep("op", "t", [item("a", n=2)])
    assert trash.items("op", "t") == [item("a", n=1)]


def test_operations_and_threads_and_sources_are_apart(store: Store) -> None:
    trash, other = StoreTrash(store), StoreTrash(store, source="other")
    trash.keep("op/1", "t", [item("a")])
    trash.keep("op", "1/t", [item("b")])
    trash.keep("op", "t", [item("c")])
    other.keep("op", "t", [item("d")])
    assert [found.key for found in trash.items("op/1", "t")] == ["a"]
    assert [found.key for found in trash.items("op", "1/t")] == ["b"]
    assert trash.operations("t") == ["op", "op/1"]
    assert trash.drop("op", "t", ["c", "d"]) == 1
    assert [found.key for found in other.items("op", "t")] == ["d"]
    assert trash.operations("t") == ["op/1"]


def test_dropping_takes_what_is_named_and_nothing_else(store: Store) -> None:
    trash = StoreTrash(store)
    trash.keep("op", "t", [item(key) for key in "abcd"])
    assert trash.drop("op", "t", ["a", "c", "unknown"]) == 2
    assert trash.drop("op", "t", ["a", "c"]) == 0
    assert sorted(found.key for found in trash.items("op", "t")) == ["b", "d"]
    assert trash.drop("op", "t", ["b", "d"]) == 2
    assert trash.items("op", "t") == []
    trash.keep("op", "t", [item("a")])
    assert trash.items("op", "t") == [item("a")]


def test_too_much_for_one_entry_is_refused_whole() -> None:
    with closing(open_native_store("memory://")) as store:
        trash = StoreTrash(store)
        with pytest.raises(PermanentStoreError, match=r"the thread 't'.*an entry takes"):
            trash.keep("op", "t", [item("a"), item("b", data=bytes(MAX_DATA))])
        assert trash.items("op", "t") == []


@pytest.mark.parametrize("dropped", ["sqlite", "folder"])
def test_nothing_of_what_is_dropped_is_left_in_the_files(tmp_path: Path, dropped: str) -> None:
    urls = {"sqlite": f"sqlite:///{tmp_path}/trash.db", "folder": f"file:///{tmp_path}/trash"}
    with closing(open_native_store(urls[dropped])) as store:
        trash = StoreTrash(store)
        trash.keep("op", "t", [item("a", text="the-first-secret"), item("b", text="the-other")])
        assert b"the-first-secret" in contents(tmp_path)
        trash.drop("op", "t", ["a"])
    if dropped == "sqlite":
        with closing(sqlite3.connect(tmp_path / "trash.db")) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"the-first-secret" not in contents(tmp_path)
    assert b"the-other" in contents(tmp_path)


def contents(root: Path) -> bytes:
    return b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())


class Stopped(Exception):
    """What an interrupted test store raises."""


@contextmanager
def stopping(store: Store, monkeypatch: pytest.MonkeyPatch, call: int) -> Iterator[None]:
    """Let a store's writing calls work until the one with this number, which never comes."""
    count = 0

    def counted(name: str) -> None:
        original = getattr(store, name)

        def replaced(*args: object, **values: object) -> object:
            nonlocal count
            count += 1
            if count > call:
                raise Stopped
            return original(*args, **values)

        monkeypatch.setattr(store, name, replaced)

    with monkeypatch.context() as patched:
        monkeypatch = patched
        for name in ("record", "erase"):
            counted(name)
        yield


@pytest.mark.parametrize("call", range(4))
def test_a_drop_that_is_interrupted_loses_nothing_else(
    monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    with closing(open_native_store("memory://")) as store:
        trash = StoreTrash(store)
        trash.keep("op", "t", [item(key) for key in "abcd"])
        with stopping(store, monkeypatch, call), pytest.raises(Stopped):
            trash.drop("op", "t", ["a", "c"])
        assert {"b", "d"} <= {found.key for found in trash.items("op", "t")}
        assert trash.operations("t") == ["op"]
        trash.keep("op", "t", [item("e")])
        trash.drop("op", "t", ["a", "c"])
        assert {found.key for found in trash.items("op", "t")} == {"b", "d", "e"}


def test_a_drop_that_slept_brings_nothing_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_native_store(f"sqlite:///{tmp_path}/trash.db")) as store:
        sleeper, other = StoreTrash(store), StoreTrash(store)
        sleeper.keep("op", "t", [item("a"), item("b")])
        forget = store.forget

        def after_a_while(*args: Any, **values: Any) -> int:
            monkeypatch.undo()
            other.drop("op", "t", ["a", "b"])
            return forget(*args, **values)

        monkeypatch.setattr(store, "forget", after_a_while)
        assert sleeper.drop("op", "t", ["a"]) == 0
        assert other.items("op", "t") == []


def test_what_does_not_read_back_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(open_native_store("memory://")) as store:
        monkeypatch.setattr(store, "record", lambda entries, **_: len(entries))
        with pytest.raises(PermanentStoreError, match="nothing was deleted"):
            StoreTrash(store).keep("op", "t", [item("a")])


def test_an_item_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with closing(open_native_store(f"sqlite:///{tmp_path}/trash.db")) as store:
        trash = StoreTrash(store)
        trash.keep("op", "t", [item("a")])
        with closing(sqlite3.connect(tmp_path / "trash.db", isolation_level=None)) as db:
            db.execute("UPDATE entries SET body = substr(body, 1, 20)")
        with pytest.raises(CorruptCheckpoint, match="'a'"):
            trash.items("op", "t")


def test_items_are_ordinary_entries_of_the_journal() -> None:
    with closing(open_native_store("memory://")) as store:
        StoreTrash(store).keep("op", "t", [item("a")])
        found: Sequence[JournalEntry] = store.entries("trash", "op/t", kind="trashed")
        assert [(entry.key, entry.checkpoint_id) for entry in found] == [("a", "of a")]
