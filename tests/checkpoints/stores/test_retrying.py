"""Trying again, when what was tried did or did not happen."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from checkpoints.errors import (
    CheckpointError,
    CheckpointNotFound,
    CorruptCheckpoint,
    HeadMoved,
    PermanentStoreError,
    PlanRefused,
    TransientStoreError,
    UnsupportedState,
)
from checkpoints.records import Directive, Strategy
from checkpoints.stores.base import Store
from checkpoints.stores.decorators.retrying import Retry, RetryingStore
from checkpoints.stores.memory import MemoryStore
from checkpoints.stores.sqlite import store as sqlite
from checkpoints.stores.urls import parse_url
from checkpoints.testing import NOON, FaultyStore, draft, entry, save_chain

BUSY = TransientStoreError("the connection was lost")


@pytest.fixture(params=["memory", "sqlite"])
def inner(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "memory":
        return MemoryStore()
    return sqlite.open_url(parse_url(f"sqlite:///{tmp_path}/store.db"))


@pytest.fixture
def faulty(inner: Store) -> FaultyStore:
    return FaultyStore(inner)


@pytest.fixture
def store(faulty: FaultyStore) -> RetryingStore:
    return RetryingStore(faulty, first_wait=0, jitter=0)


@pytest.mark.parametrize("after", [False, True])
def test_a_save_that_failed_once_is_one_checkpoint(
    store: RetryingStore, faulty: FaultyStore, after: bool
) -> None:
    save_chain(store, 1)
    faulty.fail("put", error=BUSY, times=2, after=after)
    saved = store.put(draft(2, parent="c1"), {"n": 2}, expected_head="c1")
    head = store.head("agent-1", "main")
    assert head is not None
    assert (head.checkpoint_id, head.version) == ("c2", 2)
    assert [c.id for c in store.history("agent-1", "main")] == ["c2", "c1"]
    assert store.load(saved) == {"n": 2}


def test_a_save_that_happened_is_returned_though_another_followed_it(
    store: RetryingStore, faulty: FaultyStore, inner: Store
) -> None:
    original = faulty._through

    def follow(method: str, call: Callable[[Store], object]) -> object:
        try:
            return original(method, call)
        finally:
            if faulty.calls["put"] == 1:
                inner.put(draft(2, parent="c1"), {}, expected_head="c1")

    faulty.fail("put", error=BUSY, times=1, after=True)
    faulty._through = follow  # type: ignore[method-assign, assignment]
    assert store.put(draft(1), {}, expected_head=None).id == "c1"
    assert [c.id for c in inner.history("agent-1", "main")] == ["c2", "c1"]


def test_after_the_last_attempt_the_stores_own_error_is_raised(
    store: RetryingStore, faulty: FaultyStore
) -> None:
    faulty.fail("put", error=BUSY)
    with pytest.raises(TransientStoreError) as caught:
        store.put(draft(1), {}, expected_head=None)
    assert caught.value is BUSY
    assert faulty.calls["put"] == 5


@pytest.mark.parametrize(
    "error",
    [
        HeadMoved("moved", expected="a", actual="b"),
        UnsupportedState("no", path="$"),
        PlanRefused("no"),
        PermanentStoreError("full"),
        CorruptCheckpoint("torn"),
        CheckpointNotFound("gone"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_will_not_succeed_later_is_not_tried_again(
    store: RetryingStore, faulty: FaultyStore, error: CheckpointError
) -> None:
    faulty.fail("put", error=error)
    with pytest.raises(type(error)):
        store.put(draft(1), {}, expected_head=None)
    assert faulty.calls["put"] == 1


@pytest.mark.parametrize("method", ["threads", "verify", "verify_deep"])
def test_a_listing_is_tried_again_as_a_whole(
    store: RetryingStore, faulty: FaultyStore, method: str
) -> None:
    save_chain(store, 2)
    faulty.fail(method, error=BUSY, times=2)
    assert len(list(getattr(store, method)())) == (1 if method == "threads" else 0)


@pytest.mark.parametrize("after", [False, True])
def test_a_head_is_moved_once_without_an_operation(
    store: RetryingStore, faulty: FaultyStore, after: bool
) -> None:
    first, *_ = save_chain(store, 3)
    faulty.fail("set_head", error=BUSY, times=1, after=after)
    head = store.set_head(first, expected="c3", now=NOON, reason="restored by its agent")
    assert (head.checkpoint_id, head.version) == ("c1", 4)
    assert store.head("agent-1", "main") == head


def test_a_head_that_another_moved_back_meanwhile_is_left_there(
    store: RetryingStore, faulty: FaultyStore, inner: Store
) -> None:
    first, _, third = save_chain(store, 3)
    original = faulty._through

    def move_back(method: str, call: Callable[[Store], object]) -> object:
        try:
            return original(method, call)
        finally:
            if method == "set_head" and faulty.calls["set_head"] == 1:
                inner.set_head(third, expected="c1", now=NOON, operation_id="op-9")

    faulty.fail("set_head", error=BUSY, times=1, after=True)
    faulty._through = move_back  # type: ignore[method-assign, assignment]
    with pytest.raises(HeadMoved):
        store.set_head(first, expected="c3", now=NOON)
    head = inner.head("agent-1", "main")
    assert head is not None
    assert (head.checkpoint_id, head.operation_id, head.version) == ("c3", "op-9", 5)


@pytest.mark.parametrize("after", [False, True])
def test_a_restore_acts_once(store: RetryingStore, faulty: FaultyStore, after: bool) -> None:
    first, *_ = save_chain(store, 3)
    plan = store.plan_restore(first)
    faulty.fail("restore", error=BUSY, times=1, after=after)
    head = store.restore(plan, written_ids=(), operation_id="op-1", reason="r", now=NOON)
    assert (head.checkpoint_id, head.version) == ("c1", 4)


@pytest.mark.parametrize("after", [False, True])
def test_a_directive_is_neither_lost_nor_left(
    store: RetryingStore, faulty: FaultyStore, after: bool
) -> None:
    first, *_ = save_chain(store, 2)
    given = Directive(strategy=Strategy.SKIP_TO_NEXT)
    head = store.set_head(first, expected="c2", now=NOON, operation_id="op-1", directive=given)
    faulty.fail("take_directive", error=BUSY, times=1, after=after)
    assert store.take_directive(head) == given
    assert store.take_directive(head) is None


@pytest.mark.parametrize("after", [False, True])
def test_a_removal_is_told_as_it_happened(
    store: RetryingStore, faulty: FaultyStore, after: bool
) -> None:
    save_chain(store, 4)
    faulty.fail("trash", error=BUSY, times=1, after=after)
    removed = store.trash({"c2": "age", "c1": "age"}, now=NOON)
    assert [(r.checkpoint_id, r.reason) for r in removed] == [("c2", "age"), ("c1", "age")]
    assert [c.id for c in store.history("agent-1", "main")] == ["c4", "c3"]


def test_removing_what_was_never_there_is_still_refused(
    store: RetryingStore, faulty: FaultyStore
) -> None:
    save_chain(store, 2)
    faulty.fail("trash", error=BUSY, times=1)
    with pytest.raises(CheckpointNotFound):
        store.trash({"c1": "age", "nowhere": "age"}, now=NOON)
    assert len(store.history("agent-1", "main")) == 2


@pytest.mark.parametrize("after", [False, True])
def test_what_came_back_from_the_trash_is_counted(
    store: RetryingStore, faulty: FaultyStore, after: bool
) -> None:
    save_chain(store, 4)
    store.trash({"c1": "age", "c2": "age"}, now=NOON)
    faulty.fail("untrash", error=BUSY, times=1, after=after)
    assert store.untrash(["c1", "c2", "c3", "unknown"]) == 2


def test_a_repair_is_not_done_twice(store: RetryingStore, faulty: FaultyStore) -> None:
    faulty.fail("repair", error=BUSY, times=1)
    with pytest.raises(TransientStoreError):
        store.repair(now=NOON)  # type: ignore[attr-defined]
    assert faulty.calls["repair"] == 1


def test_each_further_try_is_told_before_it_begins(faulty: FaultyStore) -> None:
    told: list[tuple[Retry, int]] = []
    store = RetryingStore(
        faulty,
        first_wait=0.01,
        jitter=0,
        on_retry=lambda retry: told.append((retry, faulty.calls["put"])),
    )
    faulty.fail("put", error=BUSY, times=2)
    store.put(draft(1), {}, expected_head=None)
    assert [(r.method, r.attempt, r.error, calls) for r, calls in told] == [
        ("put", 2, BUSY, 1),
        ("put", 3, BUSY, 2),
    ]
    assert all(0.005 < retry.wait_seconds < 5 for retry, _ in told)


def test_what_succeeds_or_is_refused_at_once_is_no_retry(faulty: FaultyStore) -> None:
    told: list[Retry] = []
    store = RetryingStore(faulty, first_wait=0, jitter=0, on_retry=told.append)
    save_chain(store, 2)
    faulty.fail("put", error=PlanRefused("no"))
    with pytest.raises(PlanRefused):
        store.put(draft(3, parent="c2"), {}, expected_head="c2")
    assert told == []


def test_a_listener_that_fails_does_not_fail_the_save(
    faulty: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(retry: Retry) -> None:
        raise RuntimeError("the metrics are down")

    store = RetryingStore(faulty, first_wait=0, jitter=0, on_retry=fail)
    faulty.fail("put", error=BUSY, times=1)
    assert store.put(draft(1), {}, expected_head=None).id == "c1"
    assert "the metrics are down" in caplog.text


def test_the_library_for_retrying_is_imported_only_by_those_who_retry() -> None:
    program = """
import sys
import checkpoints, checkpoints.stores.decorators
assert "stamina" not in sys.modules
checkpoints.stores.decorators.RetryingStore
assert "stamina" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("after", [False, True])
def test_an_entry_whose_answer_was_lost_is_new_once(
    store: RetryingStore, faulty: FaultyStore, after: bool
) -> None:
    store.record([entry("before")])
    faulty.fail("record", error=BUSY, times=1, after=after)
    given = [entry("before", data={"n": 2}), entry("k", data={"pair": (1, b"2")})]
    assert store.record(given) == 1
    assert store.record(given) == 0
    assert [e.data for e in store.entries("agent-1", "main", kind="effect")] == [
        {},
        {"pair": (1, b"2")},
    ]


def test_an_entry_that_somebody_else_kept_meanwhile_is_not_new(
    store: RetryingStore, faulty: FaultyStore, inner: Store
) -> None:
    faulty.fail("record", error=BUSY, times=1)
    inner.record([entry("k", recorded_at=NOON + timedelta(microseconds=1))])
    assert store.record([entry("k")]) == 0


@pytest.mark.parametrize("after", [False, True])
def test_a_batch_that_failed_once_is_saved_once(
    store: RetryingStore, faulty: FaultyStore, after: bool
) -> None:
    save_chain(store, 1)
    faulty.fail("put_many", error=BUSY, times=1, after=after)
    batch = [(draft(n, parent=f"c{n - 1}"), {"n": n}) for n in (2, 3)]
    assert [c.id for c in store.put_many(batch, expected_head="c1")] == ["c2", "c3"]
    head = store.head("agent-1", "main")
    assert head is not None
    assert (head.checkpoint_id, head.version) == ("c3", 3)


@pytest.mark.parametrize("method", ["entries", "journals", "forget", "erase"])
def test_journal_and_erasing_are_tried_again(
    store: RetryingStore, faulty: FaultyStore, method: str
) -> None:
    faulty.fail(method, error=BUSY, times=1)
    store.record([entry("k", checkpoint_id="c1"), entry("l")])
    save_chain(store, 2)
    assert store.erase("agent-1", "main", ["c1"], now=NOON) == 1
    assert [e.key for e in store.entries("agent-1", "main", kind="effect")] == ["l"]
    assert store.forget("agent-1", "main", kind="effect", keys=["l"]) == 1
    assert store.journals() == []
