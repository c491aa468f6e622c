"""Finding checkpoints, and being told of what is new."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkpoints.errors import (
    CheckpointNotFound,
)
from checkpoints.stores.base import Store
from checkpoints.testing.samples import NOON, save_chain
from checkpoints.testing.suite.base import OpenStore, StoreCase


class Following(StoreCase):
    """Finding checkpoints, and being told of what is new."""

    def test_history_is_newest_first_and_can_be_cut(self, store: Store) -> None:
        save_chain(store, 5)
        assert [c.id for c in store.history("agent-1", "main")] == [
            "c5",
            "c4",
            "c3",
            "c2",
            "c1",
        ]
        assert [c.id for c in store.history(None, "main", limit=2)] == ["c5", "c4"]

    def test_what_is_not_there_is_said_so(self, store: Store) -> None:
        with pytest.raises(CheckpointNotFound):
            store.get("nowhere")
        with pytest.raises(CheckpointNotFound):
            store.history("agent-1", "nowhere")
        assert store.head("agent-1", "nowhere") is None

    def test_a_checkpoint_is_found_only_in_its_own_thread(self, store: Store) -> None:
        save_chain(store, 1)
        with pytest.raises(CheckpointNotFound):
            store.get("c1", thread_id="other")

    def test_changes_come_once_and_in_order(self, open_store: OpenStore) -> None:
        save_chain(open_store(), 5)
        first = open_store().changes(None, limit=3)
        rest = open_store().changes(first.cursor, limit=3)
        seen = [c.id for c in (*first.checkpoints, *rest.checkpoints)]
        assert (seen, first.complete, rest.complete) == (
            ["c1", "c2", "c3", "c4", "c5"],
            False,
            True,
        )
        assert open_store().changes(rest.cursor).checkpoints == ()

    def test_changes_come_to_an_end_whatever_happened(self, store: Store) -> None:
        save_chain(store, 3)
        store.untrash(["unknown"])
        store.trash({"c1": "age"}, now=NOON)
        store.sweep(before=NOON + timedelta(days=1))
        page = store.changes(None, limit=1)
        for _ in range(20):
            if page.complete:
                break
            page = store.changes(page.cursor, limit=1)
        assert page.complete
        assert store.changes(page.cursor).complete

    def test_a_removal_is_told_even_after_it_was_swept(self, store: Store) -> None:
        save_chain(store, 2)
        cursor = store.changes(None).cursor
        store.trash({"c1": "age"}, now=NOON)
        store.sweep(before=NOON + timedelta(days=1))
        assert [r.checkpoint_id for r in store.changes(cursor).removals] == ["c1"]

    def test_an_empty_store_has_no_changes(self, store: Store) -> None:
        changes = store.changes(None)
        assert (changes.checkpoints, changes.complete, changes.reset) == ((), True, False)
        assert store.changes(changes.cursor).complete

    def test_changes_tell_of_restores_and_removals(self, store: Store) -> None:
        save_chain(store, 3)
        cursor = store.changes(None).cursor
        self.restore(store, "c2", operation_id="op-1")
        store.trash({"c1": "age"}, now=NOON)
        changes = store.changes(cursor)
        assert [(t.head_id, t.head_version) for t in changes.threads] == [("c2", 4)]
        assert [(r.checkpoint_id, r.reason) for r in changes.removals] == [("c1", "age")]

    @pytest.mark.parametrize("end", [":7", ":", ":-1", ":abc", ""])
    def test_a_cursor_that_does_not_fit_begins_anew(self, store: Store, end: str) -> None:
        save_chain(store, 2)
        own, _, _ = store.changes(None).cursor.partition(":")
        for cursor in (f"somewhere-else{end}", f"{own}{end}" if end != ":7" else f"{own}:999"):
            changes = store.changes(cursor)
            assert changes.reset
            assert len(changes.checkpoints) == 2
