"""Operations beside each other, and beside an agent that saves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from checkpoints import lineage
from checkpoints.errors import CheckpointError, PlanRefused
from checkpoints.plans import ThreadPrune, ThreadPruned
from checkpoints.retention import RetentionPolicy
from checkpoints.stores.base import Store
from checkpoints.stores.decorators.wrapping import WrappingStore
from checkpoints.stores.memory import MemoryStore
from checkpoints.stores.removals import PrunesToTrash
from checkpoints.stores.urls import open_native_store
from checkpoints.testing import NOON, draft, save_chain

T = TypeVar("T")
LATER = NOON + timedelta(days=1)
THREE = RetentionPolicy.keep_last(3)
SAVES = 40


@pytest.fixture(params=["memory", "sqlite", "file", "postgresql", "redis", "s3"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    if request.param == "memory":
        store = MemoryStore()
        return lambda: store
    if request.param in {"postgresql", "redis"}:
        url = request.getfixturevalue(f"{request.param}_url")
    elif request.param == "s3":
        url = f"s3://{request.getfixturevalue('s3_bucket')}/deep"
        url += f"?endpoint={request.getfixturevalue('s3_endpoint')}"
    else:
        url = f"{request.param}:///{tmp_path}/store"
    return lambda: open_native_store(url)


def at_once(*works: Callable[[], Any]) -> list[BaseException]:
    """Do things beside each other; return what they raised."""
    raised: list[BaseException] = []

    def attempt(work: Callable[[], Any]) -> None:
        try:
            work()
        except CheckpointError as error:
            raised.append(error)

    threads = [threading.Thread(target=attempt, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def agent(store: Store) -> None:
    """Save on and on behind the head that it knows."""
    for number in range(11, 11 + SAVES):
        parent = f"c{number - 1}"
        store.put(draft(number, parent=parent), {"step": number}, expected_head=parent)


def pruning(store: Store, operation_id: str) -> None:
    """Prune again and again, as a worker would to whom it is delivered again and again."""
    for _ in range(6):
        plan = lineage.plan_prune(store, "agent-1", "main", THREE, now=LATER)
        lineage.remove(store, plan, operation_id=operation_id, now=LATER)


def everything(store: Store) -> dict[str, Any]:
    """Return the steps of all that there is of the thread, after what lay in the trash is back."""
    lying = store.trashed("agent-1", "main", operation_id="")  # type: ignore[attr-defined]
    store.untrash(list(lying))
    return {r.id: store.load(r)["step"] for r in store.history("agent-1", "main")}


def test_an_agent_saves_on_while_its_thread_is_pruned(open_store: Callable[[], Store]) -> None:
    save_chain(open_store(), 10)
    raised = at_once(
        lambda: agent(open_store()),
        lambda: pruning(open_store(), "op-1"),
        lambda: pruning(open_store(), "op-1"),
        lambda: pruning(open_store(), "op-2"),
    )
    store = open_store()
    head = store.head("agent-1", "main")
    assert (raised, head and head.checkpoint_id) == ([], f"c{10 + SAVES}")
    assert list(store.verify()) == []
    assert everything(store) == {f"c{n}": n for n in range(1, 11 + SAVES)}


def test_a_fork_that_is_delivered_to_many_at_once_is_one(open_store: Callable[[], Store]) -> None:
    save_chain(open_store(), 3)
    plan = lineage.plan_fork(open_store(), open_store().get("c2"), thread_id="forked")

    def deliver() -> None:
        lineage.forkable(open_store()).fork(
            plan, written_ids=("f1",), operation_id="op-1", reason="r", now=LATER
        )

    raised = at_once(*[deliver] * 6)
    store = open_store()
    assert (raised, [r.id for r in store.history("agent-1", "forked")]) == ([], ["f1"])
    assert store.load(store.get("f1")) == store.load(store.get("c2"))


def test_of_many_forks_into_one_thread_one_begins_it(open_store: Callable[[], Store]) -> None:
    save_chain(open_store(), 3)
    plan = lineage.plan_fork(open_store(), open_store().get("c2"), thread_id="forked")

    def fork(number: int) -> None:
        lineage.forkable(open_store()).fork(
            plan, written_ids=(f"f{number}",), operation_id=f"op-{number}", reason="r", now=LATER
        )

    raised = at_once(*[partial(fork, n) for n in range(5)])
    assert [type(error) for error in raised] == [PlanRefused] * 4
    assert len(open_store().history("agent-1", "forked")) == 1


def test_an_erasure_beside_an_agent_takes_what_it_named(open_store: Callable[[], Store]) -> None:
    save_chain(open_store(), 10)
    (plan,) = lineage.plan_erase(open_store(), thread_id="main")

    def erase() -> None:
        for _ in range(3):
            lineage.erase(open_store(), plan, operation_id="op-1", now=LATER)

    at_once(lambda: agent(open_store()), erase, erase)
    store = open_store()
    there = {t.thread_id for t in store.threads()}
    left = everything(store) if "main" in there else {}
    assert not left.keys() & {f"c{n}" for n in range(1, 11)}
    assert list(store.verify()) == []


class _UndoneMeanwhile(WrappingStore):
    """A store in which a prune is undone just before the late delivery of it removes."""

    def _through(self, method: str, call: Callable[[Store], T]) -> T:
        if method == "trash":
            self._store.put_back(  # type: ignore[attr-defined]
                "agent-1", "main", ["c1", "c2"], operation_id="op-1"
            )
        return super()._through(method, call)


def test_a_delivery_that_is_overtaken_by_the_undo_takes_back_what_it_did(
    open_store: Callable[[], Store],
) -> None:
    store = open_store()
    save_chain(store, 5)
    plan = lineage.plan_prune(store, "agent-1", "main", THREE, now=LATER)
    done = removed(_UndoneMeanwhile(store), plan)
    assert (done.removed, set(done.stayed)) == ((), {"c1", "c2"})
    assert len(store.history("agent-1", "main")) == 5


def removed(store: Any, plan: ThreadPrune) -> ThreadPruned:
    return PrunesToTrash.remove(store, plan, operation_id="op-1", now=LATER)
