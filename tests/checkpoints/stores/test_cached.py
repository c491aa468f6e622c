"""A cache that is never believed over the store."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from checkpoints.errors import CheckpointError, CorruptCheckpoint
from checkpoints.stores.base import Store
from checkpoints.stores.decorators.cached import ENTRY, CachedStore
from checkpoints.stores.sqlite import store as sqlite
from checkpoints.stores.urls import parse_url
from checkpoints.testing import NOON, FaultyStore, draft, save_chain


@pytest.fixture
def other(tmp_path: Path) -> Store:
    """The same store, as another process opens it."""
    return sqlite.open_url(parse_url(f"sqlite:///{tmp_path}/store.db"))


@pytest.fixture
def inner(tmp_path: Path) -> FaultyStore:
    return FaultyStore(sqlite.open_url(parse_url(f"sqlite:///{tmp_path}/store.db")))


@pytest.fixture
def store(inner: FaultyStore) -> CachedStore:
    return CachedStore(inner)


def test_a_state_is_fetched_once(store: CachedStore, inner: FaultyStore) -> None:
    saved = store.put(draft(1), {"when": NOON, "pair": (1, 2)}, expected_head=None)
    states = [store.load(saved) for _ in range(3)]
    assert states == [{"when": NOON, "pair": (1, 2)}] * 3
    assert inner.calls["load"] == 1


def test_what_a_caller_does_to_a_state_harms_nobody_else(store: CachedStore) -> None:
    saved = store.put(draft(1), {"log": [1], "raw": bytearray(b"a")}, expected_head=None)
    for _ in range(3):
        state = store.load(saved)
        assert state == {"log": [1], "raw": bytearray(b"a")}
        state["log"].append(2)
        state["raw"].extend(b"b")
        state.clear()


def test_what_another_process_removed_is_not_given_from_memory(
    store: CachedStore, other: Store
) -> None:
    first, *_ = save_chain(store, 2)
    store.load(first)
    other.trash({"c1": "age"}, now=NOON)
    other.sweep(before=NOON + timedelta(days=1))
    with pytest.raises(CorruptCheckpoint):
        store.load(first)
    assert store.cached_bytes == 0


def test_what_another_process_saved_anew_under_an_id_is_read(
    store: CachedStore, other: Store
) -> None:
    first, *_ = save_chain(store, 2)
    store.load(first)
    other.trash({"c1": "age"}, now=NOON)
    other.sweep(before=NOON + timedelta(days=1))
    again = other.put(draft(1, parent="c2"), {"new": True}, expected_head="c2")
    assert store.load(store.get("c1")) == {"new": True}
    assert store.load(again) == {"new": True}


def test_a_head_that_another_process_moved_is_seen(store: CachedStore, other: Store) -> None:
    first, *_ = save_chain(store, 2)
    assert store.head("agent-1", "main") is not None
    moved = other.set_head(first, expected="c2", now=NOON, operation_id="op-1")
    assert store.head("agent-1", "main") == moved


def test_the_least_recently_read_states_make_room(inner: FaultyStore) -> None:
    store = CachedStore(inner, max_bytes=2 * (ENTRY + 1100))
    for n in range(1, 4):
        store.put(draft(n, thread_id=f"t{n}"), {"text": "x" * 1000}, expected_head=None)
    one, two, three = (inner.get(f"c{n}") for n in (1, 2, 3))
    for record in (one, two, one, three):
        store.load(record)
        assert store.cached_bytes <= store.max_bytes
    before = inner.calls["load"]
    store.load(one)
    store.load(three)
    assert inner.calls["load"] == before
    store.load(two)
    assert inner.calls["load"] == before + 1


def test_a_state_that_is_larger_than_the_cache_is_read_past_it(inner: FaultyStore) -> None:
    store = CachedStore(inner, max_bytes=2000)
    saved = store.put(draft(1), {"text": "x" * 5000}, expected_head=None)
    assert store.load(saved) == store.load(saved) == {"text": "x" * 5000}
    assert store.cached_bytes == 0


def test_threads_share_a_cache(inner: FaultyStore) -> None:
    store = CachedStore(inner, max_bytes=3 * (ENTRY + 200))
    saved = save_chain(store, 8)
    wrong: list[Any] = []

    def read(turn: int) -> None:
        for n in range(60):
            record = saved[(n * turn) % len(saved)]
            if store.load(record)["step"] != record.step:
                wrong.append(record)

    readers = [threading.Thread(target=read, args=(turn,)) for turn in (1, 3, 5, 7)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert 0 < store.cached_bytes <= store.max_bytes


def test_a_forked_child_begins_anew_though_a_thread_held_the_lock(store: CachedStore) -> None:
    saved = store.put(draft(1), {"n": 1}, expected_head=None)
    store.load(saved)
    with store._lock:
        child = os.fork()
        if child == 0:
            try:
                right = store.cached_bytes == 0 and store.load(saved) == {"n": 1}
            except CheckpointError:
                right = False
            os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.cached_bytes > 0
