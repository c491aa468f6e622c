"""A worker that dies anywhere in a restore: the next one finishes it, with exactly one effect.

Death is an exception that nothing catches, raised just before or just after one of the worker's
steps. The real kill -9 is in ``test_killed_workers``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import checkpoints
from dashboard import stores
from dashboard.models import Operation, OperationState, ThreadLock
from dashboard.services import operations, scans
from dashboard.services.operations import claims, journal, running
from tests.benches import Bench

LEASE_SECONDS = 61


class Killed(BaseException):
    """The worker is gone."""


@dataclass
class Effects:
    """How often the store was really changed by a restore."""

    count: int = 0


def store_classes() -> list[type[Any]]:
    from checkpoints.connectors.kaizen.store import KaizenStore
    from checkpoints.connectors.langgraph_sqlite.store import LangGraphSqliteStore
    from checkpoints.stores.folder.store import FileStore
    from checkpoints.stores.sqlite.store import SqliteStore

    return [SqliteStore, FileStore, LangGraphSqliteStore, KaizenStore]


def fingerprint(bench: Bench) -> tuple[Any, ...]:
    store = checkpoints.open_store(bench.url)
    ids = sorted((r.namespace, r.id) for r in store.history(None, bench.thread_id))
    head = store.head(None, bench.thread_id)
    store.close()
    return ids, head and (head.checkpoint_id, head.version)


@pytest.fixture
def effects(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Effects:
    counted = Effects()

    def counting(real: Callable[..., Any]) -> Callable[..., Any]:
        def restore(*args: Any, **options: Any) -> Any:
            before = fingerprint(bench)
            try:
                return real(*args, **options)
            finally:
                counted.count += fingerprint(bench) != before

        return restore

    for kind in store_classes():
        monkeypatch.setattr(kind, "restore", counting(kind.restore))
    return counted


def die(
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    *,
    after: bool,
    at: Callable[..., bool] = lambda *_, **__: True,
) -> None:
    """Make the first fitting call of a function the worker's last one."""
    real = getattr(owner, name)
    alive = [True]

    def mortal(*args: Any, **options: Any) -> Any:
        if not (alive and at(*args, **options)):
            return real(*args, **options)
        alive.clear()
        if after:
            real(*args, **options)
        raise Killed

    monkeypatch.setattr(owner, name, mortal)


def in_phase(phase: str) -> Callable[..., bool]:
    return lambda *_args, **options: options["phase"] == phase


def crash_at(point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrange for the worker to die at one point of its way."""
    when, _, where = point.partition(" ")
    after = when == "after"
    if where in ("checking", "safety", "applying", "verifying"):
        die(monkeypatch, claims, "advance", after=after, at=in_phase(where))
    elif where == "effect":
        for kind in store_classes():
            die(monkeypatch, kind, "restore", after=after)
    else:
        owner, name = FUNCTIONS[where]
        die(monkeypatch, owner, name, after=after)


FUNCTIONS: dict[str, tuple[Any, str]] = {
    "journal": (journal, "write_steps"),
    "mark": (journal, "mark_done"),
    "scan": (scans, "scan_source"),
    "finish": (running, "end"),
}
POINTS = [
    f"{when} {where}"
    for where in ("checking", "safety", "journal", "applying", "effect", "mark", "verifying")
    for when in ("before", "after")
] + ["before scan", "after scan", "before finish", "after finish"]


def run(operation: Operation, bench: Bench, worker: str) -> None:
    operations.run_operation(operation_id=operation.pk, worker=worker, now=bench.clock)


@pytest.mark.parametrize("point", POINTS)
def test_a_restore_whose_worker_dies_is_finished_once(
    bench: Bench, effects: Effects, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = bench.rows()[2]
    operation = bench.request(target)
    with monkeypatch.context() as patched:
        crash_at(point, patched)
        with pytest.raises(Killed):
            run(operation, bench, "dies")

    bench.clock.pass_by(LEASE_SECONDS)
    run(operation, bench, "lives")
    run(operation, bench, "comes too late")

    operation.refresh_from_db()
    assert operation.state == OperationState.SUCCEEDED
    assert effects.count == 1
    assert bench.head().checkpoint_id == operation.result["restored_id"]
    assert not ThreadLock.objects.exists()


@pytest.mark.parametrize("point", POINTS)
def test_a_dead_workers_operation_is_nobodys_until_its_lease_ends(
    bench: Bench, effects: Effects, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = bench.request(bench.rows()[2])
    with monkeypatch.context() as patched:
        crash_at(point, patched)
        with pytest.raises(Killed):
            run(operation, bench, "dies")
    operation.refresh_from_db()
    before = (operation.fence, operation.state, effects.count)

    run(operation, bench, "too early")

    operation.refresh_from_db()
    assert (operation.fence, operation.state, effects.count) == before


def sleep_through(
    monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], None], *, after: bool
) -> None:
    """Let the first worker that restores sleep, before or after the effect, until others acted."""
    asleep = [False]

    def sleepy(real: Callable[..., Any]) -> Callable[..., Any]:
        def restore(*args: Any, **options: Any) -> Any:
            if asleep[0]:
                return real(*args, **options)
            asleep[0] = True
            if after:
                done = real(*args, **options)
                meanwhile()
                return done
            meanwhile()
            return real(*args, **options)

        return restore

    for kind in store_classes():
        monkeypatch.setattr(kind, "restore", sleepy(kind.restore))


@pytest.mark.parametrize("after", [False, True])
def test_a_worker_that_wakes_after_its_lease_changes_nothing(
    bench: Bench, effects: Effects, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    operation = bench.request(bench.rows()[2])
    seen: list[tuple[Any, ...]] = []

    def meanwhile() -> None:
        bench.clock.pass_by(LEASE_SECONDS)
        run(operation, bench, "second")
        seen.append(row_of(operation))

    sleep_through(monkeypatch, meanwhile, after=after)
    run(operation, bench, "sleeper")

    assert [row_of(operation)] == seen
    assert operation.state == OperationState.SUCCEEDED
    assert effects.count == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_worker_that_wakes_after_an_undo_does_not_redo_its_restore(
    bench: Bench, effects: Effects, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    operation = bench.request(bench.rows()[2])
    seen: list[checkpoints.Head] = []

    def meanwhile() -> None:
        bench.clock.pass_by(LEASE_SECONDS)
        run(operation, bench, "second")
        operation.refresh_from_db()
        undo = bench.run(bench.undo(operation))
        assert undo.state == OperationState.SUCCEEDED
        seen.append(bench.head())

    sleep_through(monkeypatch, meanwhile, after=after)
    run(operation, bench, "sleeper")

    operation.refresh_from_db()
    assert [bench.head()] == seen
    assert operation.state == OperationState.UNDONE
    assert effects.count == 2


def row_of(operation: Operation) -> tuple[Any, ...]:
    operation.refresh_from_db()
    return operation.fence, operation.state, operation.result, operation.finished_at


def test_a_message_that_comes_many_times_has_one_effect(bench: Bench, effects: Effects) -> None:
    operation = bench.request(bench.rows()[2])

    for number in range(5):
        run(operation, bench, f"worker-{number}")

    operation.refresh_from_db()
    assert (operation.attempts, effects.count) == (1, 1)


def test_an_operation_that_always_dies_ends_and_asks_for_attention(
    bench: Bench, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = bench.request(bench.rows()[2])
    for _ in range(claims.MAX_ATTEMPTS):
        with monkeypatch.context() as patched:
            crash_at("before effect", patched)
            with pytest.raises(Killed):
                run(operation, bench, "dies")
        bench.clock.pass_by(LEASE_SECONDS)

    run(operation, bench, "gives up")

    operation.refresh_from_db()
    assert operation.state == OperationState.NEEDS_ATTENTION
    assert effects.count == 0
    assert not ThreadLock.objects.exists()


def test_what_needs_attention_can_be_retried_and_then_goes_on(
    bench: Bench, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_an_operation_that_always_dies_ends_and_asks_for_attention(bench, effects, monkeypatch)
    operation = Operation.objects.get()

    operations.retry(user=bench.user, operation_id=operation.pk, now=bench.clock())
    run(operation, bench, "lives")

    operation.refresh_from_db()
    assert operation.state == OperationState.SUCCEEDED
    assert effects.count == 1


def test_a_store_that_is_locked_is_tried_again(
    bench: Bench, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = bench.request(bench.rows()[2])

    def locked(*_args: Any, **_options: Any) -> None:
        raise checkpoints.TransientStoreError("the file is locked by another process")

    with monkeypatch.context() as patched:
        for kind in store_classes():
            patched.setattr(kind, "restore", locked)
        run(operation, bench, "finds it locked")
    operation.refresh_from_db()
    assert operation.state == OperationState.QUEUED

    run(operation, bench, "finds it free")

    operation.refresh_from_db()
    assert operation.state == OperationState.SUCCEEDED
    assert effects.count == 1


def test_a_store_that_is_gone_after_the_effect_leaves_it_open_what_was_done(
    bench: Bench, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = bench.request(bench.rows()[2])
    with monkeypatch.context() as patched:
        crash_at("after effect", patched)
        with pytest.raises(Killed):
            run(operation, bench, "dies")
    bench.clock.pass_by(LEASE_SECONDS)

    def gone(url: str, _credentials: object) -> None:
        raise checkpoints.PermanentStoreError(f"{url}: there is no store here")

    with monkeypatch.context() as patched:
        patched.setattr(stores, "open_url", gone)
        run(operation, bench, "finds nothing")
    operation.refresh_from_db()
    assert operation.state == OperationState.NEEDS_ATTENTION
    assert "may have changed the store" in operation.message

    operations.retry(user=bench.user, operation_id=operation.pk, now=bench.clock())
    run(operation, bench, "finds it again")

    operation.refresh_from_db()
    assert operation.state == OperationState.SUCCEEDED
    assert effects.count == 1
