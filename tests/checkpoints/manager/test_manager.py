"""The manager: an agent's face."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import checkpoints
from checkpoints import (
    CheckpointManager,
    Directive,
    HeadMoved,
    Kind,
    ResilientCheckpointManager,
    Strategy,
)
from checkpoints.lineage import plan_restore, restore
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import NOON, FakeClock


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def manager(store: MemoryStore) -> CheckpointManager:
    return CheckpointManager("agent-1", store=store)


def operator_restores(store: MemoryStore, target: str) -> None:
    plan = plan_restore(store, store.get(target))
    restore(store, plan, written_ids=(), operation_id="op", reason="drift", now=NOON)


def test_a_fresh_thread_has_nothing_to_resume(manager: CheckpointManager) -> None:
    assert manager.resume() is None
    assert manager.history() == []


def test_an_agent_resumes_from_its_last_save(store: MemoryStore) -> None:
    with CheckpointManager("agent-1", store=store) as first:
        first.create_checkpoint(state={"step": 1})
        first.create_checkpoint(state={"step": 2})
    second = CheckpointManager("agent-1", store=store)
    assert second.resume() == {"step": 2}
    assert second.create_checkpoint(state={}).step == 3


def test_without_a_store_it_saves_under_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOLDFAST_STORE", raising=False)
    with CheckpointManager("agent-1") as manager:
        manager.create_checkpoint(state={"a": 1})
    assert (tmp_path / ".holdfast" / "holdfast.db").is_file()


def test_the_environment_names_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_STORE", f"file:///{tmp_path}/kept")
    with CheckpointManager("agent-1") as manager:
        manager.create_checkpoint(state={"a": 1})
    assert (tmp_path / "kept" / "journal.jsonl").is_file()


def test_a_restore_puts_the_state_back_and_keeps_what_came_later(store: MemoryStore) -> None:
    applied: list[dict[str, object]] = []
    manager = CheckpointManager("agent-1", store=store, apply=applied.append)
    first = manager.create_checkpoint(state={"n": 1})
    manager.create_checkpoint(state={"n": 2})
    assert manager.restore_checkpoint(first) == {"n": 1}
    assert applied == [{"n": 1}]
    branch = manager.create_checkpoint(state={"n": 3})
    assert branch.parent_id == first.id
    assert len(manager.history()) == 3


def test_latest_means_latest_of_the_heads_own_lineage(manager: CheckpointManager) -> None:
    good = manager.create_checkpoint(state={"n": 1})
    manager.create_checkpoint(state={"n": "drifted"})
    manager.restore_checkpoint(good)
    assert manager.get_latest_checkpoint("routine") == good


def test_a_checkpoint_of_another_agent_is_not_restored(store: MemoryStore) -> None:
    other = CheckpointManager("agent-10", store=store).create_checkpoint(state={"n": 1})
    manager = CheckpointManager("agent-1", store=store)
    with pytest.raises(checkpoints.CheckpointNotFound, match="agent-10"):
        manager.restore_checkpoint(other)


def test_after_an_operators_restore_the_next_save_is_refused_until_it_resumes(
    store: MemoryStore, manager: CheckpointManager
) -> None:
    first = manager.create_checkpoint(state={"n": 1})
    manager.create_checkpoint(state={"n": 2})
    operator_restores(store, first.id)
    with pytest.raises(HeadMoved):
        manager.create_checkpoint(state={"n": 3})
    assert manager.resume() == {"n": 1}
    assert manager.create_checkpoint(state={"n": 4}).parent_id == first.id


def test_capture_says_what_is_saved(store: MemoryStore) -> None:
    manager = CheckpointManager("agent-1", store=store, capture=lambda: {"from": "capture"})
    assert manager.load(manager.create_checkpoint()) == {"from": "capture"}


def test_the_operational_context_can_be_overridden_as_in_the_seed(store: MemoryStore) -> None:
    class Custom(ResilientCheckpointManager):
        def _get_operational_context(self) -> dict[str, object]:
            return {**super()._get_operational_context(), "custom_fields": {"a": 1}}

    manager = Custom("agent-1", store=store)
    state = manager.load(manager.create_checkpoint("routine"))
    assert state["operational_context"]["custom_fields"] == {"a": 1}


def test_everything_is_kept_unless_told(manager: CheckpointManager) -> None:
    for n in range(10):
        manager.create_checkpoint(state={"n": n})
    assert len(manager.history()) == 10


def test_the_resilient_manager_keeps_its_seeds_promise(store: MemoryStore) -> None:
    clock = FakeClock()
    manager = ResilientCheckpointManager("agent-1", store=store, clock=clock)
    manager.create_checkpoint("recovery", {"n": "old"})
    before = manager.create_checkpoint("pre_operation", {"n": "before"})
    clock.advance(days=8)
    for n in range(5):
        manager.create_checkpoint("routine", {"n": n})
    kinds = [record.kind for record in manager.history()]
    assert kinds == [Kind.ROUTINE] * 3 + [Kind.PRE_OPERATION]
    assert before in manager.history()


def test_a_pin_outlives_the_policy(store: MemoryStore) -> None:
    manager = ResilientCheckpointManager("agent-1", store=store)
    golden = manager.create_checkpoint(state={"n": 0})
    manager.pin(golden, "golden")
    for n in range(6):
        manager.create_checkpoint(state={"n": n})
    assert golden in manager.history()


def test_a_pre_operation_checkpoint_goes_when_its_operation_has_succeeded(
    store: MemoryStore,
) -> None:
    manager = ResilientCheckpointManager("agent-1", store=store)
    with manager.operation("deploy") as before:
        manager.create_checkpoint(state={"n": 1})
    manager.create_checkpoint(state={"n": 2})
    assert before not in manager.history()


def test_a_pre_operation_checkpoint_stays_when_its_operation_failed(store: MemoryStore) -> None:
    manager = ResilientCheckpointManager("agent-1", store=store)
    with pytest.raises(ZeroDivisionError), manager.operation("deploy") as before:
        _ = 1 / 0
    manager.create_checkpoint(state={"n": 2})
    assert before in manager.history()


@pytest.mark.parametrize(("days", "left"), [(6, 1), (8, 0)])
def test_removed_checkpoints_are_swept_only_after_their_grace(
    store: MemoryStore, days: int, left: int
) -> None:
    clock = FakeClock()
    manager = ResilientCheckpointManager("agent-1", store=store, clock=clock)
    saved = [manager.create_checkpoint(state={"n": n}) for n in range(4)]
    assert saved[0] not in manager.history()
    clock.now = NOON + timedelta(days=days)
    manager.create_checkpoint(state={})
    assert len(manager.history()) == 3
    assert store.untrash([saved[0].id]) == left


def test_steady_metrics_and_states_are_no_drift(manager: CheckpointManager) -> None:
    for n in range(20):
        manager.create_checkpoint(state={"log": ["x"] * (n + 1)}, metrics={"tokens": 100 + n % 5})
    assert not manager.detect_drift()


def test_a_metric_that_leaves_its_band_is_drift(manager: CheckpointManager) -> None:
    for n in range(20):
        manager.create_checkpoint(state={}, metrics={"tokens": 100 + n % 5})
    manager.create_checkpoint(state={}, metrics={"tokens": 900})
    report = manager.detect_drift()
    assert report
    assert "tokens rose to 900" in str(report)
    assert "median 102" in str(report)


def test_an_emptied_memory_is_drift(manager: CheckpointManager) -> None:
    manager.create_checkpoint(state={"memory": ["a"]})
    manager.create_checkpoint(state={"memory": []})
    (signal,) = manager.detect_drift().signals
    assert (signal.kind, signal.metric) == ("inconsistency", "memory")


def test_a_store_of_another_framework_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with pytest.raises(checkpoints.PermanentStoreError, match="another framework"):
        CheckpointManager("agent-1", store=f"kaizen:///{tmp_path}/store")


@pytest.mark.parametrize("given", [5, Path("agents.db"), {"url": "memory://"}])
def test_what_is_neither_a_store_nor_its_url_is_refused_at_once(given: object) -> None:
    with pytest.raises(TypeError, match="a store to save into or its URL, not"):
        CheckpointManager("agent-1", store=given)  # type: ignore[arg-type]


def test_importing_the_package_brings_no_web_framework_and_no_client() -> None:
    code = (
        "import sys, checkpoints\n"
        "heavy = {'django', 'httpx', 'typer', 'rich', 'celery', 'ninja', 'sqlite3'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_a_directive_outlives_an_apply_that_fails(store: MemoryStore) -> None:
    saved = CheckpointManager("agent-1", store=store).create_checkpoint(state={"n": 1})
    CheckpointManager("agent-1", store=store).create_checkpoint(state={"n": 2})
    given = Directive(strategy=Strategy.SKIP_TO_NEXT)
    plan = plan_restore(store, saved)
    restore(store, plan, written_ids=(), operation_id="op", reason="r", now=NOON, directive=given)

    def fail(_state: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        CheckpointManager("agent-1", store=store, apply=fail).resume()
    manager = CheckpointManager("agent-1", store=store)
    manager.resume()
    assert manager.directive == given
    manager.resume()
    assert manager.directive is None


@pytest.mark.parametrize("scheme", ["sqlite", "file"])
def test_a_relative_store_stays_where_it_is_when_the_working_directory_changes(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with CheckpointManager("agent-1", store=f"{scheme}:///store") as manager:
        manager.create_checkpoint(state={"n": 1})
        monkeypatch.chdir(tmp_path / "elsewhere")
        manager.create_checkpoint(state={"n": 2})
    assert list((tmp_path / "elsewhere").iterdir()) == []
    again = CheckpointManager("agent-1", store=f"{scheme}:///{tmp_path}/store")
    assert again.resume() == {"n": 2}


def test_a_lineage_goes_on_past_checkpoints_that_operations_let_go(
    manager: CheckpointManager,
) -> None:
    first = manager.create_checkpoint(state={"n": 1})
    with manager.operation("outer"), manager.operation("inner"):
        manager.state = {"n": 2}
    second = manager.create_checkpoint("recovery")
    manager.flush()
    assert manager.history() == [second, first]
    assert manager.get_latest_checkpoint("routine") == first


def test_a_word_that_is_no_kind_is_refused_with_the_list(manager: CheckpointManager) -> None:
    with pytest.raises(ValueError, match="'weekly' is no kind; choose from: routine, pre_op"):
        manager.create_checkpoint("weekly")
    assert manager.history() == []
