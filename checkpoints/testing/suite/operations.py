"""Forks, prunes and erasures of stores that agents save into."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from checkpoints.stores.base import Store
from checkpoints.stores.operable import ErasableStore, ForkableStore, PrunableStore
from checkpoints.testing.samples import NOON, draft, save_chain
from checkpoints.testing.suite.base import OpenStore, StoreCase
from checkpoints.testing.suite.erasures import Erasures
from checkpoints.testing.suite.forking import Forking
from checkpoints.testing.suite.operable import GoOn, Made, MakeThread
from checkpoints.testing.suite.pruning import Pruning, removed


class Operations(StoreCase, Forking, Pruning, Erasures):
    """What operations do to a store; one that offers none of them is asked for none."""

    @pytest.fixture
    def open_operated(self, open_store: OpenStore) -> Callable[[], Any]:
        """Return a function that opens the store under test."""
        if not isinstance(open_store(), (ForkableStore, PrunableStore, ErasableStore)):
            pytest.skip("this store offers no operations")
        return open_store

    @pytest.fixture
    def make_thread(self, open_store: OpenStore) -> MakeThread:
        """Return what has an agent save a thread."""

        def make(count: int) -> Made:
            saved = save_chain(open_store(), count)
            return Made("agent-1", "main", tuple(record.id for record in saved))

        return make

    @pytest.fixture
    def go_on(self, open_store: OpenStore) -> GoOn:
        """Return what has an agent save one more."""

        def save(agent_id: str, thread_id: str) -> str:
            return _one_more(open_store(), agent_id, thread_id)

        return save

    def test_a_pin_is_exempt_and_stays_whatever_a_plan_says(self, store: Store) -> None:
        saved = save_chain(store, 3)
        store.put(draft(9, thread_id="other"), {}, expected_head=None)
        store.pin(saved[0], reason="golden", now=NOON)
        if not isinstance(store, PrunableStore):
            pytest.skip("this store is not pruned")
        assert store.exempt("agent-1", "main") == {"c1": "pinned: golden", "c3": "the head"}
        made = Made("agent-1", "main", tuple(record.id for record in saved))
        done = removed(store, made, ["c1", "c2"], None)
        assert (done.removed, done.stayed) == (("c2",), {"c1": "pinned: golden"})


def _one_more(store: Store, agent_id: str, thread_id: str) -> str:
    head = store.head(agent_id, thread_id)
    at = head.checkpoint_id if head else None
    step = 100 + (head.version if head else 0)
    names = {"id": f"{thread_id}-{step}", "agent_id": agent_id, "thread_id": thread_id}
    saved = store.put(draft(step, parent=at, **names), {"step": step}, expected_head=at)
    return saved.id
