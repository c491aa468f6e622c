"""Retention as it is carried out beside the saves."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from checkpoints import (
    Checkpoint,
    Kind,
    PermanentStoreError,
    Removal,
    RetentionPolicy,
    Store,
    TransientStoreError,
    open_store,
)
from checkpoints.pruning import Pruner
from checkpoints.retention import GRACE, SEED_POLICY
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import NOON, FaultyStore, draft

KEEP_3 = RetentionPolicy.keep_last(3)


class Agent:
    """Saves one checkpoint after another, each noticed by a pruner."""

    def __init__(self, store: Store, policy: RetentionPolicy | None = KEEP_3) -> None:
        self.store = store
        self.pruner = Pruner(store, policy)
        self.count = 0

    def save(self, kind: Kind = Kind.ROUTINE, *, at: datetime | None = None) -> Checkpoint:
        self.count += 1
        head = self.store.head("agent-1", "main")
        parent = head.checkpoint_id if head else None
        time_of = at or NOON + timedelta(minutes=self.count)
        made = draft(self.count, parent=parent, kind=kind, created_at=time_of)
        saved = self.store.put(made, {"log": list(range(self.count))}, expected_head=parent)
        self.pruner.saved(saved, time_of)
        return saved

    def listed(self) -> list[str]:
        self.pruner.settle()
        return [record.id for record in self.store.history("agent-1", "main")]


@pytest.fixture(params=["memory", "sqlite", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    urls = {
        "memory": "memory://",
        "sqlite": f"sqlite:///{tmp_path}/holdfast.db",
        "folder": f"file:///{tmp_path}/store",
    }
    opened = open_store(urls[request.param])
    assert isinstance(opened, Store)
    yield opened
    opened.close()


@pytest.fixture
def agent(store: Store) -> Agent:
    return Agent(store)


def until_true(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_after_each_save_the_promised_number_is_there_when_one_looks(agent: Agent) -> None:
    for number in range(1, 21):
        agent.save()
        assert len(agent.listed()) == min(number, 3)
    assert agent.listed() == ["c20", "c19", "c18"]


def test_it_is_removed_without_anybody_looking(agent: Agent) -> None:
    for _ in range(20):
        agent.save()
    until_true(lambda: len(agent.store.history("agent-1", "main")) == 3)


def test_what_went_lies_in_the_trash_with_its_reason(agent: Agent) -> None:
    for _ in range(4):
        agent.save()
    assert agent.listed() == ["c4", "c3", "c2"]
    [removal] = agent.store.changes(None).removals
    assert (removal.checkpoint_id, removal.reason) == ("c1", "routine: not among the newest 3")
    assert agent.store.untrash(["c1"]) == 1


def test_the_trash_is_swept_after_its_grace_and_what_stays_reads_back(agent: Agent) -> None:
    for _ in range(6):
        agent.save()
    agent.listed()
    agent.save(at=NOON + GRACE + timedelta(hours=2))
    assert agent.listed() == ["c7", "c6", "c5"]
    assert agent.store.untrash(["c1"]) == 0
    for record in agent.store.history("agent-1", "main"):
        assert agent.store.load(record) == {"log": list(range(record.step))}
    assert list(agent.store.verify()) == []


def test_a_branch_keeps_its_states_when_its_root_is_gone(agent: Agent) -> None:
    saved = [agent.save() for _ in range(3)]
    agent.store.set_head(saved[0], expected="c3", now=NOON)
    agent.save()
    agent.save(at=NOON + timedelta(hours=1))
    assert agent.listed() == ["c5", "c4", "c3"]
    agent.store.sweep(before=NOON + GRACE)
    for record in agent.store.history("agent-1", "main"):
        assert agent.store.load(record) == {"log": list(range(record.step))}


def test_without_a_policy_everything_stays(store: Store) -> None:
    agent = Agent(store, policy=None)
    before = agent.save(Kind.PRE_OPERATION)
    agent.pruner.release(before.id)
    for _ in range(5):
        agent.save()
    assert agent.pruner.idle
    assert len(agent.listed()) == 6


def test_under_a_policy_without_rules_only_completed_operations_are_cleaned_up() -> None:
    faulty = FaultyStore(MemoryStore())
    agent = Agent(faulty, RetentionPolicy())
    kept, pinned, gone = (agent.save(Kind.PRE_OPERATION) for _ in range(3))
    agent.pruner.hold(kept.id)
    faulty.pin(pinned, reason="good", now=NOON)
    agent.pruner.release(pinned.id)
    agent.pruner.release(gone.id)
    agent.save()
    agent.pruner.settle()
    assert faulty.calls["history"] == 0
    assert agent.listed() == ["c4", "c2", "c1"]


def test_a_pin_that_was_set_meanwhile_is_heeded(agent: Agent) -> None:
    first = agent.save()
    agent.listed()
    agent.store.pin(first, reason="good", now=NOON)
    for _ in range(5):
        agent.save()
    assert agent.listed() == ["c6", "c5", "c4", "c1"]


def test_a_head_that_was_moved_meanwhile_is_heeded(agent: Agent) -> None:
    first = agent.save()
    for _ in range(2):
        agent.save()
    agent.listed()
    with agent.pruner._working:
        fourth = agent.save()
        agent.store.set_head(first, expected=fourth.id, now=NOON)
    assert agent.listed() == ["c4", "c3", "c2", "c1"]


def test_what_somebody_else_removed_is_no_obstacle(agent: Agent) -> None:
    for _ in range(3):
        agent.save()
    agent.listed()
    agent.store.trash({"c1": "by hand"}, now=NOON)
    for _ in range(2):
        agent.save()
    assert agent.listed() == ["c5", "c4", "c3"]


def test_after_looking_again_it_knows_what_others_saved(agent: Agent) -> None:
    for _ in range(3):
        agent.save()
    agent.listed()
    other = Agent(agent.store, policy=None)
    other.count = 3
    for _ in range(3):
        other.save()
    agent.pruner.look_again()
    agent.count = 6
    agent.save()
    assert agent.listed() == ["c7", "c6", "c5"]


def test_a_pre_operation_checkpoint_is_held_until_it_is_released(agent: Agent) -> None:
    before = agent.save(Kind.PRE_OPERATION)
    agent.pruner.hold(before.id)
    for _ in range(5):
        agent.save()
    assert agent.listed() == ["c6", "c5", "c4", "c1"]
    agent.pruner.release(before.id)
    agent.save()
    assert agent.listed() == ["c7", "c6", "c5"]


def test_one_released_while_it_is_the_head_goes_with_the_next_save(store: Store) -> None:
    agent = Agent(store, SEED_POLICY)
    before = agent.save(Kind.PRE_OPERATION)
    agent.pruner.release(before.id)
    assert agent.listed() == ["c1"]
    agent.save()
    assert agent.listed() == ["c2"]


def test_a_second_run_prunes_what_the_first_left(store: Store) -> None:
    first = Agent(store, policy=None)
    for _ in range(8):
        first.save()
    second = Agent(store)
    second.count = 8
    second.save()
    assert second.listed() == ["c9", "c8", "c7"]


def test_the_history_is_read_once_for_many_saves() -> None:
    faulty = FaultyStore(MemoryStore())
    agent = Agent(faulty)
    for _ in range(50):
        agent.save()
        agent.pruner.settle()
    read_after_the_first_sweep = 1
    assert faulty.calls["history"] == 1 + read_after_the_first_sweep
    assert faulty.calls["pins"] == 1 + read_after_the_first_sweep


@pytest.mark.parametrize(
    "error", [TransientStoreError("locked"), PermanentStoreError("full"), ValueError("closed")]
)
@pytest.mark.parametrize("method", ["history", "head", "pins", "trash", "sweep"])
def test_an_error_is_logged_once_and_the_next_save_makes_up_for_it(
    method: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    faulty = FaultyStore(MemoryStore())
    agent = Agent(faulty)
    for _ in range(3):
        agent.save()
    agent.pruner.settle()
    with agent.pruner._working:
        saved = agent.save()
        faulty.fail(method, error=error)
    for _ in range(3):
        agent.pruner.look_again()
        agent.pruner.saved(saved, NOON)
        agent.pruner.settle()
    assert [record.getMessage() for record in caplog.records] == [
        f"retention was not carried out, the saves are safe: {error}"
    ]
    faulty.heal()
    agent.save()
    assert agent.listed() == ["c5", "c4", "c3"]


def test_a_removal_whose_answer_was_lost_is_not_stuck() -> None:
    faulty = FaultyStore(MemoryStore())
    agent = Agent(faulty)
    faulty.fail("trash", error=TransientStoreError("no answer"), times=1, after=True)
    for _ in range(5):
        agent.save()
    agent.save()
    agent.listed()
    agent.save()
    assert agent.listed() == ["c7", "c6", "c5"]


def test_a_removal_that_hangs_holds_no_save_up() -> None:
    opened = threading.Event()

    class Slow(MemoryStore):
        def trash(self, checkpoints: Mapping[str, str], *, now: datetime) -> list[Removal]:
            opened.wait(60)
            return super().trash(checkpoints, now=now)

    agent = Agent(Slow())
    for _ in range(10):
        agent.save()
    assert len(agent.store.history("agent-1", "main")) == 10
    opened.set()
    assert agent.listed() == ["c10", "c9", "c8"]


def test_closing_removes_what_waits_and_ends_the_thread(agent: Agent) -> None:
    for _ in range(8):
        agent.save()
    agent.pruner.close()
    assert len(agent.store.history("agent-1", "main")) == 3
    until_true(lambda: agent.pruner._thread is None)


def test_what_waits_is_removed_when_the_process_ends(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/holdfast.db"
    code = f"""
from checkpoints import RetentionPolicy, open_store
from tests.checkpoints.pruning.test_pruner import Agent
agent = Agent(open_store({url!r}))
for _ in range(40):
    agent.save()
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(open_store(url).history("agent-1", "main")) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_prunes_for_itself(tmp_path: Path) -> None:
    opened = open_store(f"sqlite:///{tmp_path}/holdfast.db")
    assert isinstance(opened, Store)
    agent = Agent(opened)
    for _ in range(5):
        agent.save()
    child = os.fork()
    if child == 0:
        agent.save()
        os._exit(0 if agent.listed() == ["c6", "c5", "c4"] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(agent.listed()) == 3
    opened.close()


def test_a_policy_by_age_counts_from_the_time_of_the_save(store: Store) -> None:
    policy = RetentionPolicy(within={Kind.ROUTINE: timedelta(hours=1)})
    agent = Agent(store, policy)
    agent.save(at=NOON)
    agent.save(at=NOON + timedelta(minutes=59))
    assert agent.listed() == ["c2", "c1"]
    agent.save(at=NOON + timedelta(minutes=61))
    assert agent.listed() == ["c3", "c2"]


def test_a_budget_counts_what_is_stored(store: Store) -> None:
    one = Agent(store, policy=None).save()
    assert one.stored_size is not None
    agent = Agent(store, RetentionPolicy(max_bytes=one.stored_size * 5))
    agent.count = 1
    for _ in range(20):
        agent.save()
    listed = agent.listed()
    assert listed[0] == "c21"
    sizes = [record.stored_size or 0 for record in store.history("agent-1", "main")]
    assert sum(sizes) <= one.stored_size * 5
    assert 1 < len(listed) < 21
