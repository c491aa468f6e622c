"""Saves that are durable a moment later, and saves that are durable together."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from checkpoints import (
    CheckpointManager,
    HeadMoved,
    HookContext,
    PlanRefused,
    Store,
    StoreError,
    UnsupportedState,
    open_store,
)
from checkpoints.testing import FaultyStore
from tests.checkpoints.dashboards import until

Reopened = Callable[[], CheckpointManager]


@pytest.fixture
def later(store: Store) -> CheckpointManager:
    return CheckpointManager("agent-1", store=store, durability="async")


def test_after_a_flush_everything_is_in_the_store(
    later: CheckpointManager, reopened: Reopened
) -> None:
    for n in range(300):
        later.create_checkpoint(state={"n": n})
    later.flush()
    other = reopened()
    records = other.history()
    assert [record.step for record in records] == list(range(300, 0, -1))
    assert [other.load(record)["n"] for record in records[:3]] == [299, 298, 297]
    parents = [record.parent_id for record in records[:-1]]
    assert parents == [record.id for record in records[1:]]


def test_what_an_agent_reads_includes_what_it_saved(later: CheckpointManager) -> None:
    saved = later.create_checkpoint(state={"n": 1})
    assert later.load(saved) == {"n": 1}
    assert [record.id for record in later.history()] == [saved.id]
    assert later.resume() == {"n": 1}


def test_a_state_that_changes_after_its_save_is_saved_as_it_was(later: CheckpointManager) -> None:
    later.state["log"] = ["first"]
    saved = later.create_checkpoint()
    later.state["log"].append("second")
    assert later.load(saved) == {"log": ["first"]}


def test_a_value_that_cannot_be_kept_is_refused_at_once(later: CheckpointManager) -> None:
    with pytest.raises(UnsupportedState):
        later.create_checkpoint(state={"bad": object()})
    assert later.history() == []


def test_an_error_comes_with_the_next_save_or_flush_and_is_not_repeated(store: Store) -> None:
    faulty = FaultyStore(store)
    manager = CheckpointManager("agent-1", store=faulty, durability="async")
    manager.create_checkpoint(state={"n": 1})
    manager.flush()
    faulty.fail("put", "put_many", error=StoreError("the disk is full"))
    manager.create_checkpoint(state={"n": 2})
    with pytest.raises(StoreError, match="full"):
        manager.flush()
    faulty.heal()
    manager.create_checkpoint(state={"n": 3})
    manager.flush()
    assert [manager.load(record)["n"] for record in manager.history()] == [3, 1]


def test_a_head_that_somebody_else_moved_stops_the_saving_until_it_resumes(
    later: CheckpointManager, reopened: Reopened
) -> None:
    first = later.create_checkpoint(state={"n": 1})
    later.create_checkpoint(state={"n": 2})
    later.flush()
    reopened().restore_checkpoint(first.id)
    for _ in range(2):
        with pytest.raises(HeadMoved):
            later.create_checkpoint(state={"n": 3})
            later.flush()
    assert later.resume() == {"n": 1}
    later.create_checkpoint(state={"n": 4})
    later.flush()


def test_hooks_are_called_once_it_is_durable(later: CheckpointManager, store: Store) -> None:
    seen: list[str] = []

    @later.hooks.on("after_save")
    def look(context: HookContext) -> None:
        assert context.checkpoint
        seen.append(store.get(context.checkpoint.id).id)

    saved = later.create_checkpoint(state={})
    later.flush()
    assert seen == [saved.id]


def test_closing_makes_everything_durable_and_leaves_no_thread(
    store: Store, reopened: Reopened
) -> None:
    before = threading.active_count()
    with CheckpointManager("agent-1", store=store, durability="async") as manager:
        for n in range(50):
            manager.create_checkpoint(state={"n": n})
    assert len(reopened().history()) == 50
    until(lambda: threading.active_count() <= before)


def test_a_forked_child_does_not_save_what_waits_in_its_parent(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('fork')}/store.db"
    with CheckpointManager("agent-1", store=url, durability="async") as manager:
        manager.create_checkpoint(state={"n": 1})
        child = os.fork()
        if child == 0:
            code = 1
            try:
                manager.flush()
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        manager.create_checkpoint(state={"n": 2})
    store = open_store(url)
    assert len(store.history("agent-1", "main")) == 2
    store.close()


def test_an_unknown_durability_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="durability"):
        CheckpointManager("agent-1", store=store, durability="exit")  # type: ignore[arg-type]


def test_a_batch_is_saved_at_its_end(manager: CheckpointManager, reopened: Reopened) -> None:
    with manager.batch():
        for n in range(5):
            manager.create_checkpoint(state={"n": n})
        assert reopened().history() == []
    assert [manager.load(record)["n"] for record in manager.history()] == [4, 3, 2, 1, 0]
    assert manager.create_checkpoint(state={}).step == 6


def test_a_batch_that_raises_saves_nothing(manager: CheckpointManager) -> None:
    manager.create_checkpoint(state={"n": 0})
    with pytest.raises(ZeroDivisionError), manager.batch():
        manager.create_checkpoint(state={"n": 1})
        raise ZeroDivisionError
    assert len(manager.history()) == 1
    assert manager.create_checkpoint(state={}).step == 2


def test_a_batch_that_the_store_refuses_leaves_the_manager_where_it_was(
    manager: CheckpointManager, reopened: Reopened
) -> None:
    manager.create_checkpoint(state={"n": 0})
    with pytest.raises(HeadMoved), manager.batch():
        manager.create_checkpoint(state={"n": 1})
        reopened().create_checkpoint(state={"n": "other"})
    assert [manager.load(record)["n"] for record in manager.history()] == ["other", 0]
    assert manager.resume() == {"n": "other"}


def test_a_batch_within_a_batch_is_refused(manager: CheckpointManager) -> None:
    with manager.batch():
        with pytest.raises(ValueError, match="open already"), manager.batch():
            pass
        manager.create_checkpoint(state={"n": 1})
    assert len(manager.history()) == 1


def test_a_flush_or_an_end_within_a_batch_leaves_it_all_or_nothing(
    manager: CheckpointManager,
) -> None:
    with pytest.raises(ZeroDivisionError), manager.batch():
        manager.create_checkpoint(state={"n": 1})
        manager.flush()
        manager.complete()
        raise ZeroDivisionError
    assert manager.history() == []


def test_a_batch_outlives_a_close(manager: CheckpointManager) -> None:
    with manager.batch():
        manager.create_checkpoint(state={"n": 1})
        manager.close()
        assert manager.history() == []
    assert len(manager.history()) == 1


def test_going_back_within_a_batch_is_refused(manager: CheckpointManager) -> None:
    first = manager.create_checkpoint(state={"n": 1})
    with manager.batch():
        manager.create_checkpoint(state={"n": 2})
        with pytest.raises(PlanRefused, match="batch is open; nothing was changed"):
            manager.restore_checkpoint(first)
        with pytest.raises(PlanRefused, match="batch is open"):
            manager.resume()
    assert [manager.load(record)["n"] for record in manager.history()] == [2, 1]


def test_what_an_operation_goes_back_to_is_durable_before_it_begins(
    later: CheckpointManager, store: Store
) -> None:
    with later.operation("deploy") as before:
        assert store.get(before.id).id == before.id


def test_the_next_directive_can_be_asked_for_while_saves_wait(later: CheckpointManager) -> None:
    for n in range(200):
        later.create_checkpoint(state={"n": n})
        assert later.next_directive() is None


def test_a_manager_that_nobody_closed_is_let_go(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkpoints.manager.backlog.IDLE_SECONDS", 0.01)
    manager = CheckpointManager("agent-1", store=store, durability="async")
    manager.create_checkpoint(state={})
    manager.resume()
    threads = [each for each in threading.enumerate() if each.name.startswith("holdfast-s")]
    manager.flush()
    gone = weakref.ref(manager)
    del manager
    for thread in threads:
        thread.join()
    while any(each.name == "holdfast-journal" for each in threading.enumerate()):
        time.sleep(0.01)
    gc.collect()
    assert gone() is None


def test_what_waits_is_saved_although_the_program_forgets_to(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    program = f"""
from checkpoints import CheckpointManager
manager = CheckpointManager("agent-1", store={url!r}, durability="async")
manager.resume()
for n in range(100):
    manager.create_checkpoint(state={{"n": n}})
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    with CheckpointManager("agent-1", store=url) as again:
        assert again.resume() == {"n": 99}
        assert len(again.history()) == 100
