"""A manager's look for drift: what it says and when, after restarts and restores, at what cost."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from checkpoints import CheckpointManager, Store
from checkpoints.drift import AgentDetector, DriftReport, SignalKind
from checkpoints.testing import NOON


class Clock:
    """A clock that goes on by ten seconds with each look, give or take one."""

    def __init__(self, seed: int = 1) -> None:
        self.now = NOON
        self._random = Random(seed)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=10 + self._random.uniform(-1, 1))
        return self.now


def agent(store: Store, **options: Any) -> CheckpointManager:
    return CheckpointManager("agent-1", store=store, clock=Clock(), **options)


def work(manager: CheckpointManager, steps: int, *, tokens: float = 500, seed: int = 1) -> None:
    """Save steps whose tokens vary around a level."""
    random = Random(seed)
    for _ in range(steps):
        taken = {"tokens": round(random.gauss(tokens, tokens / 20))}
        manager.create_checkpoint(state={"memory": ["a"]}, metrics=taken)


def test_a_fresh_thread_has_not_drifted(store: Store) -> None:
    manager = agent(store)
    assert not manager.detect_drift()
    assert str(manager.detect_drift()) == "no drift"
    assert manager.ways_back() == []


def test_steady_work_is_no_drift_however_often_one_looks(store: Store) -> None:
    manager = agent(store)
    for seed in range(40):
        work(manager, 2, seed=seed)
        assert not manager.detect_drift()


def test_a_new_level_is_told_with_what_it_was_before(store: Store) -> None:
    manager = agent(store)
    work(manager, 40)
    assert not manager.detect_drift()
    work(manager, 6, tokens=1500, seed=2)
    report = manager.detect_drift()
    assert {signal.metric for signal in report.signals} == {"tokens"}
    assert report.episode is not None
    assert report.episode.onset_checkpoint == manager.history()[5].id


def test_looking_again_says_the_same_until_something_is_saved(store: Store) -> None:
    manager = agent(store)
    manager.create_checkpoint(state={"memory": ["a"]})
    manager.create_checkpoint(state={"memory": []})
    assert manager.detect_drift() == manager.detect_drift()
    manager.create_checkpoint(state={"memory": []})
    assert not manager.detect_drift()


def test_what_is_saved_while_drift_lasts_is_marked(store: Store) -> None:
    manager = agent(store)
    manager.create_checkpoint(state={"memory": ["a"]})
    manager.create_checkpoint(state={"memory": []})
    manager.detect_drift()
    for _ in range(2):
        saved = manager.create_checkpoint("recovery", state={"memory": []})
        assert saved.metadata["drift"] == "memory was filled and is empty now"
        manager.detect_drift()


def test_the_latest_checkpoint_lies_before_the_onset_of_drift(store: Store) -> None:
    manager = agent(store)
    work(manager, 40)
    work(manager, 8, tokens=1500, seed=2)
    assert manager.detect_drift()
    latest = manager.get_latest_checkpoint("routine")
    assert latest is not None
    assert latest.step <= 40


def test_what_a_restore_undid_does_not_count(store: Store) -> None:
    manager = agent(store)
    work(manager, 40)
    assert not manager.detect_drift()
    clean = manager.history()[0]
    work(manager, 6, tokens=1500, seed=2)
    assert manager.detect_drift()
    manager.restore_checkpoint(clean)
    assert not manager.detect_drift()
    work(manager, 6, seed=3)
    assert not manager.detect_drift()
    assert "drift" not in manager.create_checkpoint(state={"memory": ["a"]}).metadata


def test_an_operators_restore_undoes_it_too(store: Store) -> None:
    manager = agent(store)
    manager.create_checkpoint(state={"memory": ["a"]})
    clean = manager.history()[0]
    manager.create_checkpoint(state={"memory": []})
    assert manager.detect_drift()
    agent(store).restore_checkpoint(clean)
    manager.resume()
    assert not manager.detect_drift()


def test_drift_that_nobody_was_told_of_is_found_after_a_restart(store: Store) -> None:
    before = agent(store)
    work(before, 40)
    work(before, 6, tokens=1500, seed=2)
    before.close()
    assert "tokens" in str(agent(store).detect_drift())


def test_drift_that_was_told_of_is_not_told_again_after_a_restart(store: Store) -> None:
    before = agent(store)
    work(before, 40)
    work(before, 6, tokens=1500, seed=2)
    assert before.detect_drift()
    before.create_checkpoint("recovery", state={"memory": ["a"]}, metrics={"tokens": 1500})
    again = agent(store)
    assert not again.detect_drift()
    assert "drift" in again.create_checkpoint(state={"memory": ["a"]}).metadata


def test_an_earlier_thread_tells_what_is_normal(store: Store) -> None:
    work(agent(store, thread="monday"), 40)
    tuesday = agent(store, thread="tuesday")
    tuesday._clock.now = NOON + timedelta(days=1)  # type: ignore[attr-defined]
    work(tuesday, 6, tokens=1500, seed=2)
    assert "tokens" in str(tuesday.detect_drift())


def test_a_further_thread_begins_small_without_having_drifted(store: Store) -> None:
    clock, seen = Clock(), []
    for day in range(6):
        manager = CheckpointManager("agent-1", store=store, thread=f"day-{day}", clock=clock)
        log: list[str] = []
        for _ in range(12):
            log.append("x" * 50)
            manager.create_checkpoint(state={"log": log})
            seen.append(bool(manager.detect_drift()))
    assert not any(seen)


def test_a_checkpoint_that_cannot_be_read_is_drift(tmp_path: Any) -> None:
    manager = CheckpointManager("agent-1", store=f"file:///{tmp_path}/store")
    saved = manager.create_checkpoint(state={"n": 1})
    (body,) = (tmp_path / "store").rglob(f"{saved.id}*")
    body.write_bytes(body.read_bytes()[:-3])
    assert [signal.kind for signal in manager.detect_drift().signals] == [SignalKind.CORRUPTION]


def test_feedback_makes_the_present_level_the_normal_one(store: Store) -> None:
    manager = agent(store)
    work(manager, 40)
    work(manager, 10, tokens=1500, seed=2)
    assert manager.detect_drift()
    manager.not_drift()
    work(manager, 30, tokens=1500, seed=3)
    assert not manager.detect_drift()
    latest = manager.get_latest_checkpoint()
    assert latest is not None
    assert latest.id == manager.history()[0].id


def test_the_ways_back_lie_before_the_drift(store: Store) -> None:
    manager = agent(store)
    work(manager, 40)
    work(manager, 8, tokens=1500, seed=2)
    assert manager.detect_drift()
    rungs = manager.ways_back()
    steps = {record.id: record.step for record in manager.history()}
    chosen = [steps[rung.candidate.checkpoint_id] for rung in rungs]
    assert chosen[0] <= 40
    assert all(later > earlier for later, earlier in pairwise(chosen))
    tried = manager.ways_back(tried={rungs[0].candidate.checkpoint_id})
    assert tried[0].candidate != rungs[0].candidate


@pytest.mark.parametrize("found", [False, None, "", [], ()])
def test_an_overriding_method_may_find_nothing(store: Store, found: Any) -> None:
    class Custom(CheckpointManager):
        def detect_drift(self) -> Any:
            return super().detect_drift() or found

    assert not Custom("agent-1", store=store).detect_drift()
    assert not DriftReport.of(found)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (True, "a check of the agent's own found drift"),
        (["it repeats itself", "it is rude"], "it repeats itself; it is rude"),
        ("it is rude", "it is rude"),
        (DriftReport(reasons=("it is rude",)), "it is rude"),
    ],
)
def test_an_overriding_method_may_find_what_it_likes(found: Any, words: str) -> None:
    assert str(DriftReport.of(found)) == words
    assert str(DriftReport() | found) == words


def test_a_pattern_says_how_sensitive_the_looks_are(store: Store) -> None:
    calm = AgentDetector(sensitivities={"tokens": 0.0})
    manager = agent(store, drift=calm)
    work(manager, 40)
    assert not manager.detect_drift()
    work(manager, 1, tokens=620)
    assert not manager.detect_drift()


def test_a_look_after_a_save_reads_no_list_of_checkpoints(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = agent(store)
    work(manager, 3)
    manager.detect_drift()
    work(manager, 3, seed=2)
    monkeypatch.setattr(type(store), "history", None)
    assert not manager.detect_drift()
