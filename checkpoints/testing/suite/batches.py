"""What is saved together is what would have been saved one after the other."""

from __future__ import annotations

from typing import Any

import pytest

from checkpoints.errors import HeadMoved, PlanRefused, UnsupportedState
from checkpoints.records import Draft, State
from checkpoints.stores.base import Store
from checkpoints.testing.samples import NOON, draft, save_chain
from checkpoints.testing.suite.base import OpenStore, StoreCase

Batch = list[tuple[Draft, State]]


class Batches(StoreCase):
    """What is saved together is what would have been saved one after the other."""

    def test_a_batch_reads_back_exactly(self, open_store: OpenStore) -> None:
        given = batch(1, 40)
        saved = open_store().put_many(given, expected_head=None)
        store = open_store()
        assert [record.id for record in saved] == [f"c{n}" for n in range(1, 41)]
        assert [store.load(record) for record in saved] == [state for _, state in given]
        assert [store.get(record.id) for record in saved] == saved
        assert list(store.verify()) == []

    def test_a_batch_goes_on_behind_what_is_there(self, open_store: OpenStore) -> None:
        given = batch(1, 30)
        open_store().put_many(given[:10], expected_head=None)
        for number in (10, 11):
            open_store().put(*given[number], expected_head=given[number - 1][0].id)
        open_store().put_many(given[12:], expected_head="c12")
        store = open_store()
        assert [store.load(store.get(f"c{n}")) for n in range(1, 31)] == [s for _, s in given]
        assert [c.id for c in store.history("agent-1", "main", limit=2)] == ["c30", "c29"]

    def test_single_saves_go_on_behind_a_batch(self, open_store: OpenStore) -> None:
        given, store = batch(1, 40), open_store()
        store.put_many(given[:20], expected_head=None)
        for number in range(20, 40):
            store.put(*given[number], expected_head=given[number - 1][0].id)
        other = open_store()
        assert [other.load(other.get(f"c{n}")) for n in range(1, 41)] == [s for _, s in given]

    def test_a_batch_moves_the_head_once_for_each(self, store: Store) -> None:
        save_chain(store, 2)
        store.put_many(batch(3, 5), expected_head="c2")
        head = store.head("agent-1", "main")
        assert head is not None
        assert (head.checkpoint_id, head.version) == ("c5", 5)
        (thread,) = store.threads()
        assert thread.checkpoints == 5

    def test_a_batch_is_told_in_its_order(self, store: Store) -> None:
        store.put_many(batch(1, 5), expected_head=None)
        first = store.changes(None, limit=2)
        rest = store.changes(first.cursor)
        assert [c.id for c in first.checkpoints] == ["c1", "c2"]
        assert [c.id for c in rest.checkpoints] == ["c3", "c4", "c5"]

    def test_a_stale_batch_is_refused_and_nothing_is_written(self, store: Store) -> None:
        save_chain(store, 2)
        with pytest.raises(HeadMoved) as caught:
            store.put_many(batch(3, 5), expected_head="c1")
        assert (caught.value.expected, caught.value.actual) == ("c1", "c2")
        assert len(store.history("agent-1", "main")) == 2

    def test_one_state_that_cannot_be_kept_keeps_all_out(self, store: Store) -> None:
        given = [*batch(1, 3), (draft(4, parent="c3"), {"tool": object()})]
        with pytest.raises(UnsupportedState) as caught:
            store.put_many(given, expected_head=None)
        assert caught.value.path == "$['tool']"
        assert store.head("agent-1", "main") is None

    def test_the_same_batch_twice_is_saved_once(self, open_store: OpenStore) -> None:
        first = open_store().put_many(batch(1, 5), expected_head=None)
        assert open_store().put_many(batch(1, 5), expected_head=None) == first
        assert len(open_store().history("agent-1", "main")) == 5

    def test_a_batch_whose_first_are_saved_goes_on_behind_them(self, store: Store) -> None:
        first = store.put_many(batch(1, 3), expected_head=None)
        saved = store.put_many(batch(1, 6), expected_head=None)
        assert saved[:3] == first
        assert [store.load(record) for record in saved] == [state for _, state in batch(1, 6)]

    def test_a_batch_does_not_skip_what_is_saved_already(self, store: Store) -> None:
        save_chain(store, 2)
        given: Batch = [(draft(9, parent="c2"), {}), (draft(1), {"step": 1, "log": [0]})]
        with pytest.raises(PlanRefused):
            store.put_many(given, expected_head="c2")
        assert len(store.history("agent-1", "main")) == 2

    def test_another_content_under_a_saved_id_keeps_all_out(self, store: Store) -> None:
        store.put_many(batch(1, 2), expected_head=None)
        with pytest.raises(PlanRefused):
            store.put_many([*batch(1, 1), (draft(2, parent="c1"), {"n": 0})], expected_head=None)
        assert len(store.history("agent-1", "main")) == 2

    @pytest.mark.parametrize(
        "values", [{"thread_id": "other"}, {"agent_id": "other"}, {"id": "c1"}]
    )
    def test_a_batch_is_of_distinct_checkpoints_of_one_thread(
        self, store: Store, values: dict[str, Any]
    ) -> None:
        given: Batch = [(draft(1), {}), (draft(2, parent="c1", **values), {})]
        with pytest.raises(PlanRefused):
            store.put_many(given, expected_head=None)
        assert list(store.threads()) == []

    def test_an_empty_batch_saves_nothing(self, store: Store) -> None:
        assert store.put_many([], expected_head=None) == []
        assert list(store.threads()) == []

    def test_what_lies_in_the_trash_keeps_all_out(self, store: Store) -> None:
        save_chain(store, 2)
        store.trash({"c1": "age"}, now=NOON)
        given: Batch = [(draft(3, parent="c2"), {}), (draft(1, parent="c3"), {})]
        with pytest.raises(PlanRefused, match="trash"):
            store.put_many(given, expected_head="c2")
        assert len(store.history("agent-1", "main")) == 1


def batch(first: int, last: int) -> Batch:
    """Return drafts, each behind the one before, with states that share nearly all."""
    return [
        (
            draft(number, parent=f"c{number - 1}" if number > 1 else None),
            {"n": number, "log": [f"{n} {'y' * 40}" for n in range(number * 3)], "pair": (1, b"2")},
        )
        for number in range(first, last + 1)
    ]
