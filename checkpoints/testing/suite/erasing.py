"""What is erased is gone for good, and nothing else is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkpoints.errors import CheckpointNotFound
from checkpoints.stores.base import Store
from checkpoints.testing.samples import NOON, draft, entry, save_chain
from checkpoints.testing.suite.base import OpenStore, StoreCase

LATER = NOON + timedelta(days=1)


class Erasing(StoreCase):
    """What is erased is gone for good, and nothing else is."""

    def test_what_is_erased_is_gone_and_the_rest_reads_back(self, open_store: OpenStore) -> None:
        saved = save_chain(open_store(), 30)
        gone = [record.id for record in saved if record.step % 3 == 0]
        assert open_store().erase("agent-1", "main", [*gone, "nowhere"], now=LATER) == 10
        store = open_store()
        for record in saved:
            if record.id in gone:
                with pytest.raises(CheckpointNotFound):
                    store.get(record.id)
            else:
                number = record.step
                assert store.load(record) == {"step": number, "log": list(range(number))}
        assert store.untrash(gone) == 0
        assert list(store.verify()) == []

    def test_the_same_erasing_twice_finds_nothing(self, store: Store) -> None:
        save_chain(store, 3)
        assert store.erase("agent-1", "main", ["c1"], now=LATER) == 1
        assert store.erase("agent-1", "main", ["c1"], now=LATER) == 0
        assert store.erase("agent-1", "main", now=LATER) == 2
        assert store.erase("agent-1", "main", now=LATER) == 0

    def test_a_head_moves_to_its_nearest_ancestor_that_is_left(self, store: Store) -> None:
        save_chain(store, 5)
        self.restore(store, "c3", operation_id="op-1")
        store.put(draft(6, parent="c3"), {"n": 6}, expected_head="c3")
        store.trash({"c2": "age"}, now=NOON)
        store.erase("agent-1", "main", ["c6", "c3"], now=LATER)
        head = store.head("agent-1", "main")
        assert head is not None
        assert (head.checkpoint_id, head.version, head.operation_id) == ("c1", 8, None)
        assert head.moved_at == LATER
        store.put(draft(7, parent="c1"), {"n": 7}, expected_head="c1")
        assert list(store.verify()) == []

    def test_a_head_without_ancestors_moves_to_the_newest(self, store: Store) -> None:
        save_chain(store, 4)
        self.restore(store, "c1", operation_id="op-1")
        store.erase("agent-1", "main", ["c1", "c4"], now=LATER)
        head = store.head("agent-1", "main")
        assert head is not None
        assert head.checkpoint_id == "c3"

    def test_a_head_stays_where_it_is_when_others_are_erased(self, store: Store) -> None:
        save_chain(store, 3)
        before = store.head("agent-1", "main")
        store.erase("agent-1", "main", ["c1", "c2"], now=LATER)
        assert store.head("agent-1", "main") == before
        (thread,) = store.threads()
        assert (thread.head_id, thread.checkpoints) == ("c3", 1)

    def test_a_thread_without_checkpoints_has_no_head(self, open_store: OpenStore) -> None:
        save_chain(open_store(), 2)
        assert open_store().erase("agent-1", "main", ["c1", "c2"], now=LATER) == 2
        store = open_store()
        assert store.head("agent-1", "main") is None
        assert list(store.threads()) == []
        with pytest.raises(CheckpointNotFound):
            store.history("agent-1", "main")
        with pytest.raises(CheckpointNotFound):
            store.history(None, "main")
        assert list(store.verify()) == []

    def test_what_is_left_in_the_trash_of_such_a_thread_comes_back(self, store: Store) -> None:
        save_chain(store, 3)
        store.trash({"c1": "age"}, now=NOON)
        store.erase("agent-1", "main", ["c2", "c3"], now=LATER)
        assert store.untrash(["c1"]) == 1
        assert [record.id for record in store.history("agent-1", "main")] == ["c1"]
        assert store.load(store.get("c1"))["step"] == 1
        store.put(draft(4, parent="c1"), {"n": 4}, expected_head=None)
        assert list(store.verify()) == []

    def test_pins_go_with_what_they_pin(self, store: Store) -> None:
        save_chain(store, 3)
        for name in ("c1", "c2"):
            store.pin(store.get(name), reason="golden", now=NOON)
        assert store.erase("agent-1", "main", ["c1"], now=LATER) == 1
        assert [pin.checkpoint_id for pin in store.pins()] == ["c2"]
        assert list(store.verify()) == []

    def test_what_lies_in_the_trash_is_erased_too(self, store: Store) -> None:
        save_chain(store, 3)
        store.trash({"c1": "age"}, now=NOON)
        assert store.erase("agent-1", "main", ["c1"], now=LATER) == 1
        assert store.untrash(["c1"]) == 0
        (thread,) = store.threads()
        assert thread.checkpoints == 2

    def test_entries_go_with_the_checkpoint_that_they_name(self, store: Store) -> None:
        save_chain(store, 3)
        store.record([entry(f"k{n}", checkpoint_id=f"c{n}") for n in (1, 2, 3)])
        store.record([entry("free"), entry("k1", checkpoint_id="c1", kind="group")])
        store.record([entry("k1", checkpoint_id="c1", thread_id="other")])
        store.erase("agent-1", "main", ["c1"], now=LATER)
        assert _keys(store, "effect") == ["free", "k2", "k3"]
        assert _keys(store, "group") == []
        assert len(store.entries("agent-1", "other", kind="effect")) == 1

    def test_a_thread_is_erased_with_all_that_it_has(self, open_store: OpenStore) -> None:
        save_chain(open_store(), 5)
        open_store().pin(open_store().get("c2"), reason="golden", now=NOON)
        open_store().trash({"c1": "age"}, now=NOON)
        open_store().record([entry("k"), entry("l", kind="group")])
        assert open_store().erase("agent-1", "main", now=LATER) == 5
        store = open_store()
        assert store.head("agent-1", "main") is None
        assert list(store.threads()) == []
        assert (store.pins(), store.untrash(["c1", "c2"])) == ([], 0)
        assert (_keys(store, "effect"), _keys(store, "group"), store.journals()) == ([], [], [])
        assert list(store.verify()) == []

    def test_a_journal_without_a_thread_is_erased(self, store: Store) -> None:
        store.record([entry("k")])
        assert store.erase("agent-1", "main", now=LATER) == 0
        assert _keys(store, "effect") == []

    def test_another_thread_is_not_touched(self, open_store: OpenStore) -> None:
        save_chain(open_store(), 3)
        others = [("agent-1", "other"), ("agent-10", "main")]
        for number, (agent, thread) in enumerate(others):
            given = draft(10 + number, agent_id=agent, thread_id=thread)
            open_store().put(given, {"n": number}, expected_head=None)
            open_store().record([entry("k", agent_id=agent, thread_id=thread)])
        assert open_store().erase("agent-1", "main", ["c1", "c10", "c11"], now=LATER) == 1
        assert open_store().erase("agent-1", "main", now=LATER) == 2
        store = open_store()
        for number, (agent, thread) in enumerate(others):
            head = store.head(agent, thread)
            assert head is not None
            assert store.load(store.get(head.checkpoint_id)) == {"n": number}
            assert len(store.entries(agent, thread, kind="effect")) == 1
        assert store.history(None, "main")[0].agent_id == "agent-10"

    def test_a_thread_can_begin_again_after_it_was_erased(self, open_store: OpenStore) -> None:
        save_chain(open_store(), 3)
        open_store().erase("agent-1", "main", now=LATER)
        save_chain(open_store(), 2)
        open_store().record([entry("k")])
        store = open_store()
        assert [record.id for record in store.history("agent-1", "main")] == ["c2", "c1"]
        assert store.load(store.get("c2")) == {"step": 2, "log": [0, 1]}
        (thread,) = store.threads()
        assert (thread.head_id, thread.checkpoints) == ("c2", 2)
        assert _keys(store, "effect") == ["k"]

    def test_an_agent_in_its_run_goes_on_after_an_erasing(self, store: Store) -> None:
        saved = save_chain(store, 20)
        store.erase("agent-1", "main", [record.id for record in saved[5:19]], now=LATER)
        for number in range(21, 30):
            parent = f"c{number - 1}"
            state = {"step": number, "log": list(range(number))}
            store.put(draft(number, parent=parent), state, expected_head=parent)
        assert store.load(store.get("c29")) == {"step": 29, "log": list(range(29))}
        assert list(store.verify()) == []

    def test_an_erasing_is_told_to_whoever_follows(self, store: Store) -> None:
        save_chain(store, 4)
        cursor = store.changes(None).cursor
        store.erase("agent-1", "main", ["c1", "c4"], now=LATER)
        changes = store.changes(cursor)
        removed = {(r.agent_id, r.thread_id, r.checkpoint_id) for r in changes.removals}
        assert removed == {("agent-1", "main", "c1"), ("agent-1", "main", "c4")}
        assert [(t.head_id, t.checkpoints) for t in changes.threads] == [("c3", 2)]
        store.erase("agent-1", "main", now=LATER)
        changes = store.changes(changes.cursor)
        assert {r.checkpoint_id for r in changes.removals} == {"c2", "c3"}
        assert [(t.head_id, t.checkpoints) for t in changes.threads] == [(None, 0)]
        assert store.changes(changes.cursor).complete
        first = store.changes(None)
        assert first.checkpoints == ()
        assert {r.checkpoint_id for r in first.removals} == {"c1", "c2", "c3", "c4"}


def _keys(store: Store, kind: str) -> list[str]:
    return [found.key for found in store.entries("agent-1", "main", kind=kind)]
