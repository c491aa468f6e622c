"""What moves a head: saves, restores, and nobody else."""

from __future__ import annotations

import threading

import pytest

from checkpoints.errors import (
    HeadMoved,
    PlanRefused,
)
from checkpoints.records import Directive, Status, Strategy
from checkpoints.stores.base import Store
from checkpoints.testing.samples import NOON, draft, save_chain
from checkpoints.testing.suite.base import OpenStore, StoreCase


class Heads(StoreCase):
    """What moves a head: saves, restores, and nobody else."""

    def test_a_save_moves_the_head(self, store: Store) -> None:
        saved = save_chain(store, 3)
        head = store.head("agent-1", "main")
        assert head is not None
        assert (head.checkpoint_id, head.version) == (saved[-1].id, 3)

    def test_a_stale_writer_is_refused_and_nothing_is_written(self, store: Store) -> None:
        save_chain(store, 2)
        with pytest.raises(HeadMoved) as caught:
            store.put(draft(9, parent="c1"), {}, expected_head="c1")
        assert (caught.value.expected, caught.value.actual) == ("c1", "c2")
        assert len(store.history("agent-1", "main")) == 2

    def test_threads_come_most_recent_first_with_their_status(self, store: Store) -> None:
        save_chain(store, 2)
        other = draft(5, thread_id="other", status=Status.COMPLETED)
        store.put(other, {}, expected_head=None)
        seen = [(t.thread_id, t.status, t.checkpoints) for t in store.threads()]
        assert seen == [("other", Status.COMPLETED, 1), ("main", Status.RUNNING, 2)]

    def test_a_restore_moves_the_head_and_loses_nothing(self, open_store: OpenStore) -> None:
        save_chain(open_store(), 4)
        self.restore(open_store(), "c2", operation_id="op-1")
        head = open_store().head("agent-1", "main")
        assert head is not None
        assert (head.checkpoint_id, head.operation_id, head.reason) == (
            "c2",
            "op-1",
            "drift",
        )
        assert len(open_store().history("agent-1", "main")) == 4

    def test_a_restored_thread_waits_to_be_resumed(self, store: Store) -> None:
        save_chain(store, 3)
        self.restore(store, "c2", operation_id="op-1")
        (thread,) = store.threads()
        assert (thread.status, thread.detail != "") == (Status.INTERRUPTED, True)
        store.put(draft(4, parent="c2"), {}, expected_head="c2")
        (thread,) = store.threads()
        assert (thread.status, thread.detail) == (Status.RUNNING, "")

    def test_a_plan_names_what_becomes_a_branch_and_runs_again(self, store: Store) -> None:
        save_chain(store, 4, step_name="search")
        plan = store.plan_restore(store.get("c2"))
        assert (plan.superseded, plan.rerun_steps) == (
            ("c4", "c3"),
            ("search", "search"),
        )

    def test_a_restore_delivered_twice_acts_once(self, store: Store) -> None:
        save_chain(store, 4)
        plan = store.plan_restore(store.get("c2"))
        first = self.restore(store, "c2", operation_id="op-1")
        ids = store.choose_ids(plan)
        again = store.restore(plan, written_ids=ids, operation_id="op-1", reason="r", now=NOON)
        assert again == first

    def test_a_restore_delivered_again_after_its_undo_acts_no_more(self, store: Store) -> None:
        save_chain(store, 3)
        plan = store.plan_restore(store.get("c2"))
        ids = store.choose_ids(plan)
        first = self.restore(store, "c2", operation_id="op-1")
        undone = self.restore(store, "c3", operation_id="op-2")
        again = store.restore(plan, written_ids=ids, operation_id="op-1", reason="r", now=NOON)
        assert again == first
        assert store.head("agent-1", "main") == undone

    def test_a_restore_is_refused_when_the_head_has_moved(self, store: Store) -> None:
        save_chain(store, 3)
        plan = store.plan_restore(store.get("c1"))
        store.put(draft(4, parent="c3"), {}, expected_head="c3")
        with pytest.raises(HeadMoved):
            store.restore(plan, written_ids=(), operation_id="op-1", reason="r", now=NOON)
        head = store.head("agent-1", "main")
        assert head is not None
        assert head.checkpoint_id == "c4"

    def test_restoring_the_head_is_refused(self, store: Store) -> None:
        save_chain(store, 1)
        with pytest.raises(PlanRefused):
            store.plan_restore(store.get("c1"))

    def test_a_running_agent_notices_a_restore_at_its_next_save(self, store: Store) -> None:
        save_chain(store, 3)
        self.restore(store, "c1", operation_id="op-1")
        with pytest.raises(HeadMoved):
            store.put(draft(4, parent="c3"), {}, expected_head="c3")
        store.put(draft(5, parent="c1"), {}, expected_head="c1")

    def test_a_directive_is_obeyed_once(self, open_store: OpenStore) -> None:
        save_chain(open_store(), 2)
        given = Directive(strategy=Strategy.SKIP_TO_NEXT, parameters={"limit": 3})
        self.restore(open_store(), "c1", operation_id="op-1", directive=given)
        store = open_store()
        head = store.head("agent-1", "main")
        assert head is not None
        assert store.take_directive(head) == given
        assert store.take_directive(head) is None

    def test_a_directive_that_nobody_has_read_goes_on_with_a_save(
        self, open_store: OpenStore
    ) -> None:
        save_chain(open_store(), 2)
        given = Directive(strategy=Strategy.SKIP_TO_NEXT)
        self.restore(open_store(), "c1", operation_id="op-1", directive=given)
        open_store().put(draft(3, parent="c1"), {}, expected_head="c1")
        store = open_store()
        head = store.head("agent-1", "main")
        assert head is not None
        assert (head.checkpoint_id, store.take_directive(head)) == ("c3", given)
        store.put(draft(4, parent="c3"), {}, expected_head="c3")
        head = store.head("agent-1", "main")
        assert head is not None
        assert head.directive is None

    def test_an_operation_moves_one_head_to_one_checkpoint(self, store: Store) -> None:
        save_chain(store, 3)
        other = store.put(draft(9, thread_id="other"), {}, expected_head=None)
        self.restore(store, "c2", operation_id="op-1")
        for target, expected in ((other, other.id), (store.get("c1"), "c2")):
            with pytest.raises(PlanRefused):
                store.set_head(target, expected=expected, now=NOON, operation_id="op-1")

    def test_of_many_writers_exactly_one_wins_each_head(self, open_store: OpenStore) -> None:
        save_chain(open_store(), 1)
        outcomes: list[str] = []

        def write(number: int) -> None:
            try:
                store = open_store()
                store.put(draft(number, parent="c1"), {"n": number}, expected_head="c1")
                outcomes.append("won")
            except HeadMoved:
                outcomes.append("refused")

        threads = [threading.Thread(target=write, args=(n,)) for n in range(2, 10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["refused"] * 7 + ["won"]
        assert len(open_store().history("agent-1", "main")) == 2
