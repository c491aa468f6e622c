"""What a run, a user or a thread has left, and its end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from checkpoints import lineage
from checkpoints.errors import PlanRefused
from checkpoints.lineage.erasing import names_user
from checkpoints.plans import ThreadErasure
from checkpoints.stores.base import Store
from checkpoints.stores.urls import open_native_store
from checkpoints.testing import NOON, draft, entry

LATER = NOON + timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_native_store(f"sqlite:///{tmp_path}/store.db")


def save(store: Store, thread_id: str, number: int, parent: int | None, **values: Any) -> None:
    names = {"id": f"{thread_id}{number}", "thread_id": thread_id}
    behind = f"{thread_id}{parent}" if parent else None
    store.put(draft(number, parent=behind, **names, **values), {"n": number}, expected_head=behind)


def two_runs(store: Store) -> None:
    """Save a thread of two runs and one of the second alone."""
    save(store, "a", 1, None, run_id="r1")
    save(store, "a", 2, 1, run_id="r2")
    save(store, "b", 1, None, run_id="r2")


def ids(erasure: ThreadErasure) -> list[str]:
    return [target.checkpoint_id for target in erasure.targets]


def test_a_run_is_erased_from_every_thread(store: Store) -> None:
    two_runs(store)
    plans = {plan.thread_id: plan for plan in lineage.plan_erase(store, run_id="r2")}
    assert {name: (ids(plan), plan.whole) for name, plan in plans.items()} == {
        "a": (["a2"], False),
        "b": (["b1"], True),
    }
    for plan in plans.values():
        lineage.erase(store, plan, operation_id="op-1", now=LATER)
    assert [(t.thread_id, t.head_id) for t in store.threads()] == [("a", "a1")]


def test_what_of_a_run_lies_in_the_trash_is_erased_too(store: Store) -> None:
    two_runs(store)
    store.trash({"a1": "age"}, now=NOON)
    (plan,) = lineage.plan_erase(store, run_id="r1")
    assert (ids(plan), plan.whole) == (["a1"], False)
    done = lineage.erase(store, plan, operation_id="op-1", now=LATER)
    assert (done.erased, done.remaining) == (plan.targets, {})
    assert store.untrash(["a1"]) == 0


def test_a_users_checkpoints_are_those_whose_metadata_name_them(store: Store) -> None:
    save(store, "a", 1, None, metadata={"user_id": "ada"})
    save(store, "a", 2, 1, metadata={"user_id": "bob"})
    save(store, "b", 1, None, metadata={"langgraph_auth_user": {"identity": "ada"}})
    plans = lineage.plan_erase(store, user_id="ada")
    assert sorted(name for plan in plans for name in ids(plan)) == ["a1", "b1"]


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        ({"user": "7"}, True),
        ({"user_id": 7}, True),
        ({"configurable": {"langgraph_auth_user_id": "7"}}, True),
        ({"end_user": {"id": "7"}}, True),
        ({"user_id": "77"}, False),
        ({"ticket": "7"}, False),
        ({"configurable": {"ticket": "7"}}, False),
        ({}, False),
    ],
)
def test_a_user_is_named_by_known_keys_alone(metadata: dict[str, Any], named: bool) -> None:
    assert names_user(metadata, "7") is named


def test_a_thread_is_erased_with_its_journal(store: Store) -> None:
    two_runs(store)
    store.record([entry("k", thread_id="a")])
    (plan,) = lineage.plan_erase(store, thread_id="a")
    assert plan.whole
    lineage.erase(store, plan, operation_id="op-1", now=LATER)
    assert store.entries("agent-1", "a", kind="effect") == []
    assert [thread.thread_id for thread in store.threads()] == ["b"]


def test_only_the_named_agents_thread_is_erased(store: Store) -> None:
    two_runs(store)
    save(store, "c", 1, None, agent_id="agent-2", run_id="r2")
    plans = lineage.plan_erase(store, run_id="r2", agent_id="agent-2")
    assert [(plan.agent_id, plan.thread_id) for plan in plans] == [("agent-2", "c")]


def test_planning_erases_nothing(store: Store) -> None:
    two_runs(store)
    lineage.plan_erase(store, run_id="r2")
    assert len(list(store.threads())) == 2


@pytest.mark.parametrize("names", [{}, {"agent_id": "a"}, {"run_id": "r", "user_id": "u"}])
def test_it_must_be_said_what_is_erased(store: Store, names: dict[str, str]) -> None:
    with pytest.raises(PlanRefused):
        lineage.plan_erase(store, **names)
