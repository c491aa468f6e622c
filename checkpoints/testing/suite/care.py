"""What goes, what may not go, and what stays whole."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkpoints.errors import (
    CheckpointNotFound,
    PlanRefused,
)
from checkpoints.stores.base import Store
from checkpoints.testing.samples import NOON, draft, save_chain
from checkpoints.testing.suite.base import OpenStore, StoreCase


class Care(StoreCase):
    """What goes, what may not go, and what stays whole."""

    def test_what_stays_after_a_sweep_reads_back_exactly(self, open_store: OpenStore) -> None:
        saved = save_chain(open_store(), 30, thread_id="other")
        gone = {c.id: "age" for c in saved[:-1] if c.step % 3}
        open_store().trash(gone, now=NOON)
        open_store().sweep(before=NOON + timedelta(days=1))
        store = open_store()
        for record in saved:
            if record.id not in gone:
                number = record.step
                assert store.load(record) == {"step": number, "log": list(range(number))}
        assert list(store.verify()) == []

    def test_a_head_and_a_pin_cannot_be_removed(self, store: Store) -> None:
        save_chain(store, 3)
        store.pin(store.get("c1"), reason="golden", now=NOON)
        for kept in ("c1", "c3"):
            with pytest.raises(PlanRefused):
                store.trash({"c2": "old", kept: "old"}, now=NOON)
        assert len(store.history("agent-1", "main")) == 3

    def test_pins_are_listed_until_they_are_taken_back(self, open_store: OpenStore) -> None:
        save_chain(open_store(), 1)
        open_store().pin(open_store().get("c1"), reason="golden", now=NOON)
        assert [(p.checkpoint_id, p.reason) for p in open_store().pins()] == [("c1", "golden")]
        open_store().unpin(open_store().get("c1"))
        assert open_store().pins() == []

    def test_what_was_trashed_comes_back_whole(self, open_store: OpenStore) -> None:
        save_chain(open_store(), 3)
        open_store().trash({"c1": "age"}, now=NOON)
        with pytest.raises(CheckpointNotFound):
            open_store().get("c1")
        assert open_store().untrash(["c1", "unknown"]) == 1
        assert open_store().load(open_store().get("c1"))["step"] == 1

    def test_a_sweep_deletes_only_what_is_old_enough(self, store: Store) -> None:
        save_chain(store, 4)
        store.trash({"c1": "age"}, now=NOON)
        store.trash({"c2": "age"}, now=NOON + timedelta(days=2))
        assert store.sweep(before=NOON + timedelta(days=1)) > 0
        assert store.untrash(["c1", "c2"]) == 1

    def test_what_comes_back_from_the_trash_takes_its_old_place(self, store: Store) -> None:
        save_chain(store, 3)
        store.trash({"c1": "age"}, now=NOON)
        store.untrash(["c1"])
        assert [c.id for c in store.history("agent-1", "main")] == ["c3", "c2", "c1"]

    def test_what_lies_in_the_trash_is_not_saved_again(self, store: Store) -> None:
        save_chain(store, 2)
        store.trash({"c1": "age"}, now=NOON)
        with pytest.raises(PlanRefused, match="trash"):
            store.put(draft(1, parent="c2"), {}, expected_head="c2")

    def test_a_whole_store_has_no_findings(self, store: Store) -> None:
        save_chain(store, 3)
        assert list(store.verify()) == []
