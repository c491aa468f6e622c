"""Journals, batches and erasing while a store is away, and who is told that it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from checkpoints.errors import (
    CheckpointNotFound,
    CorruptCheckpoint,
    HeadMoved,
    PermanentStoreError,
    TransientStoreError,
    UnsupportedState,
)
from checkpoints.records import JournalEntry
from checkpoints.stores.base import Store
from checkpoints.stores.decorators import Fallback, FallbackStore
from checkpoints.stores.folder import store as files
from checkpoints.stores.sqlite import store as sqlite
from checkpoints.stores.urls import parse_url
from checkpoints.testing import NOON, FaultyStore, draft, entry, save_chain

AWAY = TransientStoreError("the server does not answer")
FULL = PermanentStoreError("the disk is full")
EVERYTHING = (
    *("threads", "history", "get", "load", "raw", "head", "changes", "put", "put_many", "set_head"),
    *("erase", "record", "entries", "forget", "journals"),
)


@pytest.fixture
def home(tmp_path: Path) -> FaultyStore:
    return FaultyStore(sqlite.open_url(parse_url(f"sqlite:///{tmp_path}/home.db")))


@pytest.fixture
def aside(tmp_path: Path) -> FaultyStore:
    return FaultyStore(files.open_url(parse_url(f"file:///{tmp_path}/aside")))


@pytest.fixture
def told() -> list[Fallback]:
    return []


@pytest.fixture
def store(home: FaultyStore, aside: FaultyStore, told: list[Fallback]) -> FallbackStore:
    return FallbackStore(home, aside, on_fallback=told.append)


def leave(home: FaultyStore) -> None:
    home.fail(*EVERYTHING, error=AWAY)


def effects(store: Store) -> list[JournalEntry]:
    return store.entries("agent-1", "main", kind="effect")


def keys(store: Store) -> list[str]:
    return [found.key for found in effects(store)]


@pytest.mark.parametrize("error", [AWAY, FULL], ids=["away", "full"])
def test_an_entry_that_the_primary_cannot_take_goes_elsewhere(
    store: FallbackStore, home: FaultyStore, error: Exception
) -> None:
    store.record([entry("a")])
    home.fail("record", error=error)
    given = entry("b", data={"pair": (1, b"2")}, checkpoint_id="c1")
    assert store.record([given]) == 1
    assert effects(store) == [entry("a"), given]
    assert effects(home) == [entry("a")]


def test_what_was_recorded_elsewhere_comes_home_with_the_next_entry(
    store: FallbackStore, home: FaultyStore, aside: FaultyStore
) -> None:
    leave(home)
    given = [entry("b", data={"n": (1,)}), entry("a", kind="resume")]
    store.record(given)
    home.heal()
    store.record([entry("c")])
    assert effects(home) == [given[0], entry("c")]
    assert home.entries("agent-1", "main", kind="resume") == [given[1]]
    assert aside.journals() == []


@pytest.mark.parametrize("way", ["replay", "put"])
def test_what_was_recorded_elsewhere_comes_home_without_another_entry(
    store: FallbackStore, home: FaultyStore, aside: FaultyStore, way: str
) -> None:
    leave(home)
    store.record([entry("a")])
    home.heal()
    if way == "replay":
        assert store.replay() == 0
    else:
        store.put(draft(1), {}, expected_head=None)
    assert (keys(home), aside.journals()) == (["a"], [])


def test_an_entry_that_the_primary_holds_stays_as_it_was_first(
    store: FallbackStore, home: FaultyStore
) -> None:
    home.record([entry("a", data={"n": 1})])
    leave(home)
    assert store.record([entry("a", data={"n": 2})]) == 1
    home.heal()
    store.replay()
    assert [found.data for found in effects(home)] == [{"n": 1}]


@pytest.mark.parametrize(("minutes", "left"), [(1, 2), (-1, 1)])
def test_of_two_that_replace_each_other_the_later_stays(
    store: FallbackStore, home: FaultyStore, minutes: int, left: int
) -> None:
    home.record([entry("a", data={"n": 1})])
    leave(home)
    later = entry("a", data={"n": 2}, recorded_at=NOON + timedelta(minutes=minutes))
    store.record([later], replace=True)
    home.heal()
    assert [found.data for found in effects(store)] == [{"n": left}]
    store.replay()
    assert [found.data for found in effects(home)] == [{"n": left}]


def test_what_is_replaced_elsewhere_comes_home_as_it_was_last(
    store: FallbackStore, home: FaultyStore
) -> None:
    leave(home)
    for number in range(30):
        store.record([entry("a", data={"n": number})], replace=True)
    home.heal()
    store.replay()
    assert [found.data for found in effects(home)] == [{"n": 29}]


def test_an_entry_is_new_once_while_the_primary_is_away(
    store: FallbackStore, home: FaultyStore
) -> None:
    leave(home)
    assert store.record([entry("a"), entry("a"), entry("b")]) == 2
    assert store.record([entry("a", data={"n": 2}), entry("c")]) == 1
    home.heal()
    store.replay()
    assert [(found.key, found.data) for found in effects(home)] == [("a", {}), ("b", {}), ("c", {})]


def test_an_effect_never_looks_undone_because_a_store_is_away(
    store: FallbackStore, home: FaultyStore, aside: FaultyStore
) -> None:
    store.record([entry("done")])
    leave(home)
    store.record([entry("elsewhere")])
    with pytest.raises(TransientStoreError):
        effects(store)
    home.heal()
    aside.fail("entries", "journals", error=AWAY)
    with pytest.raises(TransientStoreError):
        effects(store)


def test_the_last_entries_are_cut_from_both_stores(store: FallbackStore, home: FaultyStore) -> None:
    store.record([entry(f"a{n}") for n in range(4)])
    home.fail("record", error=FULL)
    store.record([entry("a1x"), entry("a9"), entry("b")])
    found = store.entries("agent-1", "main", kind="effect", prefix="a", limit=3)
    assert [item.key for item in found] == ["a2", "a3", "a9"]
    assert store.entries("agent-1", "main", kind="effect", limit=0) == []


def test_forgetting_needs_the_primary_and_finds_what_waits(
    store: FallbackStore, home: FaultyStore
) -> None:
    leave(home)
    store.record([entry("a"), entry("b")])
    with pytest.raises(TransientStoreError):
        store.forget("agent-1", "main", kind="effect", keys=["a"])
    home.heal()
    assert store.forget("agent-1", "main", kind="effect", keys=["a"]) == 1
    assert keys(store) == ["b"]


def test_a_store_that_nobody_can_reach_says_so(
    store: FallbackStore, home: FaultyStore, aside: FaultyStore
) -> None:
    leave(home)
    leave(aside)
    with pytest.raises(TransientStoreError):
        store.record([entry("a")])


@pytest.mark.parametrize("method", ["entries", "journals"])
def test_what_waits_and_is_damaged_keeps_nobody_from_saving(
    store: FallbackStore, home: FaultyStore, aside: FaultyStore, method: str
) -> None:
    home.fail("record", error=AWAY, times=1)
    store.record([entry("a")])
    aside.fail(method, error=CorruptCheckpoint("torn"))
    assert store.record([entry("b")]) == 1
    assert store.put(draft(1), {}, expected_head=None).id == "c1"
    home.fail("record", error=AWAY, times=1)
    assert store.record([entry("c")]) == 1
    with pytest.raises(CorruptCheckpoint):
        store.replay()
    aside.heal()
    store.replay()
    assert keys(home) == ["a", "b", "c"]


def test_what_cannot_be_kept_goes_nowhere(store: FallbackStore, aside: FaultyStore) -> None:
    with pytest.raises(UnsupportedState):
        store.record([entry("a", data={"x": object()})])
    assert aside.journals() == []


def test_a_batch_that_the_primary_cannot_take_goes_elsewhere_in_order(
    store: FallbackStore, home: FaultyStore, aside: FaultyStore
) -> None:
    save_chain(store, 1)
    leave(home)
    batch = [(draft(n, parent=f"c{n - 1}"), {"n": n}) for n in range(2, 5)]
    assert [c.id for c in store.put_many(batch, expected_head="c1")] == ["c2", "c3", "c4"]
    home.heal()
    store.put(draft(5, parent="c4"), {}, expected_head="c4")
    assert [c.id for c in home.history("agent-1", "main")] == ["c5", "c4", "c3", "c2", "c1"]
    assert home.load(home.get("c3")) == {"n": 3}


def test_a_batch_that_the_primary_took_without_an_answer_is_saved_once(
    store: FallbackStore, home: FaultyStore, aside: FaultyStore
) -> None:
    home.fail("put_many", error=AWAY, times=1, after=True)
    batch = [(draft(1), {"n": 1}), (draft(2, parent="c1"), {"n": 2})]
    store.put_many(batch, expected_head=None)
    assert [c.id for c in store.history("agent-1", "main")] == ["c2", "c1"]
    with pytest.raises(CheckpointNotFound):
        aside.history("agent-1", "main")


def test_a_stale_batch_is_refused(store: FallbackStore) -> None:
    save_chain(store, 2)
    with pytest.raises(HeadMoved):
        store.put_many([(draft(3, parent="c1"), {})], expected_head="c1")


def test_what_is_erased_is_gone_from_every_store(
    store: FallbackStore, home: FaultyStore, aside: FaultyStore
) -> None:
    save_chain(store, 1)
    leave(home)
    store.put(draft(2, parent="c1"), {"secret": 1}, expected_head="c1")
    store.record([entry("k", checkpoint_id="c2"), entry("l")])
    home.heal()
    assert store.erase("agent-1", "main", ["c2"], now=NOON) == 1
    for one in (store, home):
        assert ([c.id for c in one.history("agent-1", "main")], keys(one)) == (["c1"], ["l"])
    assert list(aside.threads()) == []
    assert store.erase("agent-1", "main", now=NOON) == 1
    assert (list(store.threads()), store.journals()) == ([], [])


def test_who_listens_hears_when_the_primary_goes_and_when_it_is_back(
    store: FallbackStore, home: FaultyStore, told: list[Fallback]
) -> None:
    save_chain(store, 1)
    leave(home)
    for number in (2, 3):
        store.put(draft(number, parent=f"c{number - 1}"), {}, expected_head=f"c{number - 1}")
    store.record([entry("a")])
    assert told == [Fallback(away=True, error=AWAY)]
    home.heal()
    store.put(draft(4, parent="c3"), {}, expected_head="c3")
    assert told[1:] == [Fallback(away=False, checkpoints=2), Fallback(away=False, entries=1)]
    store.put(draft(5, parent="c4"), {}, expected_head="c4")
    assert len(told) == 3


def test_a_listener_that_fails_does_not_fail_the_save(
    home: FaultyStore, aside: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: Fallback) -> None:
        raise RuntimeError("the pager is down")

    store = FallbackStore(home, aside, on_fallback=fail)
    leave(home)
    assert store.put(draft(1), {}, expected_head=None).id == "c1"
    assert "the pager is down" in caplog.text
