"""What of a thread stays and goes, planned on a store as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from checkpoints import lineage
from checkpoints.errors import AmbiguousReference, CheckpointNotFound, PlanRefused
from checkpoints.plans import ThreadPrune
from checkpoints.records import Capabilities, Kind, Status
from checkpoints.retention import RetentionPolicy
from checkpoints.stores.base import Store
from checkpoints.stores.memory import MemoryStore
from checkpoints.stores.urls import open_native_store
from checkpoints.testing import NOON, draft, save_chain

LATER = NOON + timedelta(hours=1)
TWO = RetentionPolicy.keep_last(2)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_native_store(f"sqlite:///{tmp_path}/store.db")


def plan(store: Store, policy: RetentionPolicy = TWO, **more: frozenset[str]) -> ThreadPrune:
    return lineage.plan_prune(store, "agent-1", "main", policy, now=LATER, **more)


def removed(store: Store, prune: ThreadPrune) -> dict[str, str]:
    return dict(lineage.remove(store, prune, operation_id="op-1", now=LATER).stayed)


def test_each_checkpoint_that_stays_has_a_reason_and_each_that_goes_a_digest(store: Store) -> None:
    saved = save_chain(store, 4)
    prune = plan(store)
    assert [(k.checkpoint_id, k.reason) for k in prune.keep] == [
        ("c4", "the head"),
        ("c3", "2 of the newest 2"),
    ]
    assert [(d.checkpoint_id, d.sha256, d.stored_size) for d in prune.remove] == [
        (record.id, record.sha256, record.stored_size) for record in (saved[1], saved[0])
    ]
    assert (prune.agent_id, prune.thread_id, prune.expected_head) == ("agent-1", "main", "c4")


def test_planning_removes_nothing(store: Store) -> None:
    save_chain(store, 4)
    plan(store)
    assert len(store.history("agent-1", "main")) == 4


def test_a_pin_stays_for_its_reason(store: Store) -> None:
    save_chain(store, 4)
    store.pin(store.get("c1"), reason="golden", now=NOON)
    assert ("c1", "pinned: golden") in [(k.checkpoint_id, k.reason) for k in plan(store).keep]


def test_the_head_stays_although_it_is_old(store: Store) -> None:
    save_chain(store, 4)
    store.set_head(store.get("c1"), expected="c4", now=NOON)
    assert [d.checkpoint_id for d in plan(store).remove] == ["c2"]


def test_what_an_operation_that_may_still_run_goes_back_to_stays(store: Store) -> None:
    store.put(draft(1, kind=Kind.PRE_OPERATION, run_id="r"), {}, expected_head=None)
    store.put(draft(2, parent="c1", run_id="r"), {}, expected_head="c1")
    policy = RetentionPolicy.keep_last(1)
    assert plan(store, policy).remove == ()
    assert [d.checkpoint_id for d in plan(store, policy, released=frozenset({"c1"})).remove] == [
        "c1"
    ]
    store.put(draft(3, parent="c2", run_id="r", status=Status.COMPLETED), {}, expected_head="c2")
    assert [d.checkpoint_id for d in plan(store, policy).remove] == ["c2", "c1"]


def test_a_selection_goes_but_for_what_must_stay(store: Store) -> None:
    save_chain(store, 4)
    chosen = {"c2": "looks wrong", "c4": "looks wrong", "c9": "looks wrong"}
    prune = lineage.plan_removal(store, "agent-1", "main", chosen, now=LATER)
    assert [(d.checkpoint_id, d.reason) for d in prune.remove] == [("c2", "looks wrong")]
    assert ("c4", "the head") in [(k.checkpoint_id, k.reason) for k in prune.keep]
    assert prune.notes == ("the thread does not list c9",)


def test_a_plan_can_be_made_for_any_agent_of_one_name(store: Store) -> None:
    save_chain(store, 3)
    assert lineage.plan_prune(store, None, "main", TWO, now=LATER) == plan(store)
    store.put(draft(9, agent_id="agent-2"), {}, expected_head=None)
    with pytest.raises(AmbiguousReference):
        lineage.plan_prune(store, None, "main", TWO, now=LATER)


def test_of_a_thread_that_is_not_there_nothing_is_planned(store: Store) -> None:
    with pytest.raises(CheckpointNotFound):
        plan(store)


def test_a_store_that_cannot_prune_says_why() -> None:
    class Locked(MemoryStore):
        @property
        def capabilities(self) -> Capabilities:
            return Capabilities(reasons={"prune": "it is a museum"})

    with pytest.raises(PlanRefused, match="it is a museum"):
        plan(Locked())


def test_only_what_both_plans_remove_goes(store: Store) -> None:
    save_chain(store, 4)
    before = plan(store)
    store.pin(store.get("c2"), reason="golden", now=NOON)
    both, stayed = lineage.confirmed(before, plan(store))
    assert [d.checkpoint_id for d in both.remove] == ["c1"]
    assert stayed == {"c2": "pinned: golden"}


def test_what_changed_since_the_plan_is_not_confirmed(store: Store) -> None:
    save_chain(store, 4)
    again = plan(store)
    other = (replace(again.remove[0], sha256="0" * 64), *again.remove[1:])
    both, stayed = lineage.confirmed(replace(again, remove=other), again)
    assert [d.checkpoint_id for d in both.remove] == ["c1"]
    assert list(stayed) == ["c2"]


def test_what_lies_in_the_trash_already_stays_confirmed(store: Store) -> None:
    save_chain(store, 4)
    before = plan(store)
    assert removed(store, before) == {}
    both, stayed = lineage.confirmed(before, plan(store))
    assert (both.remove, stayed) == (before.remove, {})
    assert removed(store, before) == {}


def test_a_thread_that_is_gone_is_told_by_name(store: Store) -> None:
    save_chain(store, 3)
    before = plan(store)
    store.erase("agent-1", "main", now=LATER)
    assert removed(store, before) == {"c1": "it is not there any more"}
