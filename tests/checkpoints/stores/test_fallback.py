"""Saving elsewhere while a store is away, and coming home without losing or doubling anything."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from checkpoints.errors import (
    CheckpointNotFound,
    CorruptCheckpoint,
    HeadMoved,
    PermanentStoreError,
    PlanRefused,
    TransientStoreError,
    UnsupportedState,
)
from checkpoints.manager import CheckpointManager
from checkpoints.records import Checkpoint, Status
from checkpoints.stores.base import Store
from checkpoints.stores.decorators.fallback import FallbackStore
from checkpoints.stores.folder import store as files
from checkpoints.stores.memory import MemoryStore
from checkpoints.stores.sqlite import store as sqlite
from checkpoints.stores.urls import parse_url
from checkpoints.testing import NOON, FaultyStore, draft, save_chain

AWAY = TransientStoreError("the server does not answer")
FULL = PermanentStoreError("the disk is full")
EVERYTHING = (
    *("threads", "history", "get", "load", "raw", "head", "changes", "verify", "put", "set_head"),
    *("take_directive", "pin", "unpin", "pins", "trash", "untrash", "sweep"),
)


@pytest.fixture
def home(tmp_path: Path) -> FaultyStore:
    return FaultyStore(sqlite.open_url(parse_url(f"sqlite:///{tmp_path}/home.db")))


@pytest.fixture
def aside(tmp_path: Path) -> FaultyStore:
    return FaultyStore(files.open_url(parse_url(f"file:///{tmp_path}/aside")))


@pytest.fixture
def store(home: FaultyStore, aside: FaultyStore) -> FallbackStore:
    return FallbackStore(home, aside)


def leave(home: FaultyStore) -> None:
    home.fail(*EVERYTHING, error=AWAY)


def save(store: Store, number: int, *, after: int | None) -> Checkpoint:
    parent = None if after is None else f"c{after}"
    return store.put(draft(number, parent=parent), {"step": number}, expected_head=parent)


def head_of(store: Store) -> tuple[str, int]:
    head = store.head("agent-1", "main")
    assert head is not None
    return head.checkpoint_id, head.version


def ids(store: Store) -> list[str]:
    return [record.id for record in store.history("agent-1", "main")]


@pytest.mark.parametrize("error", [AWAY, FULL], ids=["away", "full"])
def test_a_save_that_the_primary_cannot_take_goes_elsewhere(
    store: FallbackStore, home: FaultyStore, aside: FaultyStore, error: Exception
) -> None:
    save_chain(store, 2)
    home.fail("put", error=error)
    saved = save(store, 3, after=2)
    assert (saved.metadata, head_of(store), ids(store)) == ({}, ("c3", 3), ["c3", "c2", "c1"])
    assert store.load(saved) == store.load(store.get("c3")) == {"step": 3}
    assert (ids(home), ids(aside)) == (["c2", "c1"], ["c3"])


def test_an_agent_goes_on_while_the_primary_is_away(
    store: FallbackStore, home: FaultyStore
) -> None:
    save_chain(store, 1)
    leave(home)
    for number in range(2, 5):
        save(store, number, after=number - 1)
    (thread,) = store.threads()
    assert (thread.head_id, thread.checkpoints, thread.status) == ("c4", 3, Status.RUNNING)
    assert (ids(store), head_of(store)[0]) == (["c4", "c3", "c2"], "c4")
    assert store.load(store.get("c3")) == {"step": 3}


def test_a_run_that_is_started_while_the_primary_is_away_resumes(
    store: FallbackStore, home: FaultyStore
) -> None:
    with CheckpointManager("agent-1", store=store) as manager:
        manager.create_checkpoint(state={"n": 1})
        leave(home)
        manager.create_checkpoint(state={"n": 2})
    with CheckpointManager("agent-1", store=store) as manager:
        assert manager.resume() == {"n": 2}
        manager.create_checkpoint(state={"n": 3})
    home.heal()
    with CheckpointManager("agent-1", store=store) as manager:
        assert manager.resume() == {"n": 3}
        manager.create_checkpoint(state={"n": 4})
    assert [home.load(c)["n"] for c in home.history("agent-1", "main")] == [4, 3, 2, 1]


def test_a_head_that_nobody_can_tell_is_not_guessed(
    store: FallbackStore, home: FaultyStore
) -> None:
    save_chain(store, 1)
    leave(home)
    with CheckpointManager("agent-1", store=store) as manager, pytest.raises(TransientStoreError):
        manager.resume()


def test_what_was_saved_elsewhere_comes_home_in_order_before_the_next_save(
    store: FallbackStore, home: FaultyStore, aside: FaultyStore
) -> None:
    save_chain(store, 1)
    leave(home)
    away = [save(store, n, after=n - 1) for n in (2, 3, 4)]
    home.heal()
    save(store, 5, after=4)
    assert ids(home) == ["c5", "c4", "c3", "c2", "c1"]
    assert head_of(home) == head_of(store) == ("c5", 5)
    assert [home.load(home.get(r.id)) for r in away] == [{"step": n} for n in (2, 3, 4)]
    assert [home.get(r.id).metadata for r in away] == [{}, {}, {}]
    assert ids(aside) == ["c4"]
    assert ids(store) == ids(home)


def test_two_absences_come_home_one_after_the_other(
    store: FallbackStore, home: FaultyStore
) -> None:
    for first in (1, 5, 9):
        save(store, first, after=first - 1 or None)
        leave(home)
        for number in (first + 1, first + 2, first + 3):
            save(store, number, after=number - 1)
        home.heal()
    assert store.replay() == 3
    assert ids(home) == [f"c{n}" for n in range(12, 0, -1)]
    assert store.replay() == 0


def test_what_came_home_and_was_removed_there_stays_removed(
    store: FallbackStore, home: FaultyStore
) -> None:
    leave(home)
    save_chain(store, 3)
    home.heal()
    save(store, 4, after=3)
    store.trash({"c1": "age", "c3": "age"}, now=NOON)
    store.sweep(before=NOON.replace(year=2030))
    leave(home)
    save(store, 5, after=4)
    home.heal()
    save(store, 6, after=5)
    assert ids(store) == ids(home) == ["c6", "c5", "c4", "c2"]
    with pytest.raises(CheckpointNotFound):
        store.get("c3")


@pytest.mark.parametrize(
    "error",
    [
        HeadMoved("moved", expected="a", actual="b"),
        UnsupportedState("no", path="$"),
        PlanRefused("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_refusal_is_no_reason_to_save_elsewhere(
    store: FallbackStore, home: FaultyStore, aside: FaultyStore, error: Exception
) -> None:
    home.fail("put", error=error)
    with pytest.raises(type(error)):
        save(store, 1, after=None)
    assert aside.calls["put"] == 0


def test_the_first_of_the_others_that_accepts_takes_it(
    home: FaultyStore, aside: FaultyStore
) -> None:
    last = MemoryStore()
    store = FallbackStore(home, aside, last)
    save_chain(store, 1)
    leave(home)
    save(store, 2, after=1)
    aside.fail("put", error=FULL, times=1)
    save(store, 3, after=2)
    save(store, 4, after=3)
    assert head_of(store)[0] == "c4"
    assert (ids(aside), ids(last)) == (["c4", "c2"], ["c3"])
    home.heal()
    save(store, 5, after=4)
    assert ids(home) == ["c5", "c4", "c3", "c2", "c1"]


def test_when_nobody_accepts_the_primarys_error_is_raised(
    store: FallbackStore, home: FaultyStore, aside: FaultyStore
) -> None:
    leave(home)
    aside.fail("put", error=FULL)
    with pytest.raises(TransientStoreError) as caught:
        save(store, 1, after=None)
    assert caught.value is AWAY


def test_a_stale_writer_is_refused_while_the_primary_is_away(
    store: FallbackStore, home: FaultyStore
) -> None:
    leave(home)
    save_chain(store, 2)
    with pytest.raises(HeadMoved) as caught:
        save(store, 9, after=1)
    assert (caught.value.expected, caught.value.actual) == ("c1", "c2")


def test_a_stale_writer_is_refused_while_the_primary_is_full(
    store: FallbackStore, home: FaultyStore
) -> None:
    save_chain(store, 2)
    home.fail("put", error=FULL)
    with pytest.raises(HeadMoved):
        save(store, 9, after=1)


def test_the_same_save_twice_elsewhere_is_one_checkpoint(
    store: FallbackStore, home: FaultyStore
) -> None:
    leave(home)
    assert save(store, 1, after=None) == save(store, 1, after=None)
    with pytest.raises(PlanRefused):
        store.put(draft(1), {"other": True}, expected_head=None)
    assert ids(store) == ["c1"]


def test_a_save_that_the_primary_took_and_called_failed_is_one_checkpoint(
    store: FallbackStore, home: FaultyStore
) -> None:
    save_chain(store, 1)
    home.fail("put", error=AWAY, after=True)
    save(store, 2, after=1)
    assert (ids(store), head_of(store)) == (["c2", "c1"], ("c2", 2))


def test_a_save_that_both_took_is_one_checkpoint(store: FallbackStore, home: FaultyStore) -> None:
    save_chain(store, 1)
    home.fail("put", error=AWAY, after=True)
    home.fail("get", "head", "load", error=AWAY)
    save(store, 2, after=1)
    save(store, 3, after=2)
    home.heal()
    assert (ids(store), head_of(store)) == (["c3", "c2", "c1"], ("c3", 3))
    save(store, 4, after=3)
    assert ids(home) == ["c4", "c3", "c2", "c1"]


def test_what_somebody_else_did_at_home_is_not_overwritten(
    store: FallbackStore, home: FaultyStore
) -> None:
    save_chain(store, 2)
    home.fail("put", error=FULL)
    for number in (3, 4):
        save(store, number, after=number - 1)
    home.heal()
    home.set_head(home.get("c1"), expected="c2", now=NOON, operation_id="op-1")
    assert head_of(store) == ("c1", 3)
    with pytest.raises(HeadMoved):
        save(store, 5, after=4)
    assert (head_of(home), ids(home)) == (("c1", 3), ["c2", "c1"])
    save(store, 6, after=1)
    assert (ids(store), head_of(store)[0]) == (["c6", "c4", "c3", "c2", "c1"], "c6")
    assert store.load(store.get("c4")) == {"step": 4}
    with pytest.raises(PlanRefused):
        store.set_head(store.get("c4"), expected="c6", now=NOON)


def test_after_a_branch_a_further_absence_comes_home(
    store: FallbackStore, home: FaultyStore
) -> None:
    save_chain(store, 1)
    leave(home)
    save(store, 2, after=1)
    home.heal()
    home.put(draft(10, parent="c1"), {}, expected_head="c1")
    with pytest.raises(HeadMoved):
        save(store, 3, after=2)
    leave(home)
    save(store, 11, after=10)
    home.heal()
    save(store, 12, after=11)
    assert ids(home) == ["c12", "c11", "c10", "c1"]
    assert ids(store) == ["c12", "c11", "c10", "c2", "c1"]


def test_a_restore_of_what_waits_brings_it_home_first(
    store: FallbackStore, home: FaultyStore
) -> None:
    leave(home)
    save_chain(store, 3)
    home.heal()
    plan = store.plan_restore(store.get("c2"))
    head = store.restore(plan, written_ids=(), operation_id="op-1", reason="r", now=NOON)
    assert (head.checkpoint_id, home.head("agent-1", "main")) == ("c2", head)


def test_a_fallback_that_is_broken_stops_no_save(
    store: FallbackStore, home: FaultyStore, aside: FaultyStore
) -> None:
    aside.fail(*EVERYTHING, error=FULL)
    save_chain(store, 2)
    assert ids(store) == ids(home) == ["c2", "c1"]


def test_a_head_that_may_lie_where_nobody_can_look_is_not_guessed(
    store: FallbackStore, home: FaultyStore, aside: FaultyStore
) -> None:
    save_chain(store, 1)
    leave(home)
    save(store, 2, after=1)
    home.heal()
    aside.fail(*EVERYTHING, error=AWAY)
    for ask in (lambda: head_of(store), lambda: save(store, 3, after=2)):
        with pytest.raises(TransientStoreError):
            ask()
    aside.heal()
    save(store, 3, after=2)
    assert ids(home) == ["c3", "c2", "c1"]


def test_nothing_is_called_a_branch_while_a_store_is_not_to_be_read(
    home: FaultyStore, aside: FaultyStore
) -> None:
    store = FallbackStore(home, aside, MemoryStore())
    save_chain(store, 1)
    leave(home)
    save(store, 2, after=1)
    aside.fail(*EVERYTHING, error=AWAY)
    save(store, 3, after=2)
    home.heal()
    assert store.replay() == 0
    aside.heal()
    assert store.replay() == 2
    assert ids(home) == ["c3", "c2", "c1"]


def test_a_state_that_comes_back_different_is_named_and_its_copy_stays(
    home: FaultyStore, aside: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FallbackStore(home, aside)
    leave(home)
    save(store, 1, after=None)
    home.heal()
    monkeypatch.setattr(home, "load", lambda record: {"step": "altered"})
    with pytest.raises(CorruptCheckpoint, match="c1 did not come back"):
        store.replay()
    assert aside.load(aside.get("c1")) == {"step": 1}


class _Crash(BaseException):
    """Ends a process where it stands."""


WRITES = ("put", "set_head", "trash", "pin")


def count_down(stores: list[FaultyStore], number: int, after: bool) -> None:
    """Have the n-th write of all crash, before or after its effect."""
    left = number

    def crashing(store: FaultyStore) -> Callable[[str, Callable[[Store], object]], object]:
        def through(method: str, call: Callable[[Store], object]) -> object:
            nonlocal left
            left -= method in WRITES
            if left or method not in WRITES:
                return call(store._store)
            left = -1
            if after:
                call(store._store)
            raise _Crash

        return through

    for store in stores:
        store._through = crashing(store)  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize(
    ("number", "after"), [(n, after) for n in range(1, 11) for after in (False, True)]
)
@pytest.mark.parametrize("branched", [False, True], ids=["home", "branch"])
def test_a_crash_anywhere_in_a_replay_loses_and_doubles_nothing(
    tmp_path: Path, number: int, after: bool, branched: bool
) -> None:
    def opened() -> tuple[FaultyStore, FaultyStore, FaultyStore]:
        first = sqlite.open_url(parse_url(f"sqlite:///{tmp_path}/home.db"))
        second = sqlite.open_url(parse_url(f"sqlite:///{tmp_path}/second.db"))
        third = files.open_url(parse_url(f"file:///{tmp_path}/third"))
        return FaultyStore(first), FaultyStore(second), FaultyStore(third)

    home, second, third = opened()
    store = FallbackStore(home, second, third)
    save_chain(store, 1)
    leave(home)
    save(store, 2, after=1)
    second.fail("put", error=FULL, times=1)
    for n in (3, 4):
        save(store, n, after=n - 1)
    home.heal()
    if branched:
        home.put(draft(10, parent="c1"), {"step": 10}, expected_head="c1")
    count_down([home, second, third], number, after)
    with contextlib.suppress(_Crash):
        save(store, 5, after=10 if branched else 4)

    again = FallbackStore(*opened())
    save(again, 5, after=10 if branched else 4)
    trunk = ["c5", "c10", "c1"] if branched else ["c5", "c4", "c3", "c2", "c1"]
    assert ids(again._store) == trunk
    assert sorted(ids(again)) == sorted({*trunk, "c2", "c3", "c4"})
    for n in (2, 3, 4, 5):
        assert again.load(again.get(f"c{n}")) == {"step": n}
    assert head_of(again) == ("c5", len(trunk))
    assert list(again.verify()) == []


def test_many_that_replay_at_once_bring_everything_home_once(tmp_path: Path) -> None:
    def opened() -> FallbackStore:
        return FallbackStore(
            sqlite.open_url(parse_url(f"sqlite:///{tmp_path}/home.db")),
            files.open_url(parse_url(f"file:///{tmp_path}/aside")),
        )

    home = FaultyStore(sqlite.open_url(parse_url(f"sqlite:///{tmp_path}/home.db")))
    leave(home)
    aside = files.open_url(parse_url(f"file:///{tmp_path}/aside"))
    save_chain(FallbackStore(home, aside), 6)
    failures: list[Exception] = []

    def replay() -> None:
        try:
            opened().replay()
        except Exception as error:  # noqa: BLE001 - any failure is one
            failures.append(error)

    threads = [threading.Thread(target=replay) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert ids(opened()._store) == ids(opened()) == [f"c{n}" for n in range(6, 0, -1)]
    assert head_of(opened()) == ("c6", 6)
