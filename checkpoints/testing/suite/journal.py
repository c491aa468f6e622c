"""What is recorded beside the checkpoints, and stays until it is forgotten."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from checkpoints.errors import UnsupportedState
from checkpoints.records import JournalEntry, JournalName
from checkpoints.stores.base import Store
from checkpoints.testing.samples import NOON, entry, save_chain
from checkpoints.testing.suite.base import OpenStore, StoreCase


class Journal(StoreCase):
    """What is recorded beside the checkpoints, and stays until it is forgotten."""

    def test_an_entry_reads_back_exactly(self, open_store: OpenStore) -> None:
        data = {
            "pair": (1, 2),
            "raw": b"\x00\xff",
            "when": NOON,
            "price": Decimal("1.10"),
            "tags": {"a", "b"},
            "nothing": None,
            "nested": {"list": [1, (2, b"3")]},
            "big": 2**80,
        }
        given = entry("k", data=data, checkpoint_id="c1", recorded_at=NOON + timedelta(seconds=0.5))
        open_store().record([given])
        (found,) = entries(open_store())
        assert found == given
        assert [type(value) for value in found.data.values()] == [type(v) for v in data.values()]

    def test_an_entry_needs_no_thread_and_makes_none(self, store: Store) -> None:
        assert store.record([entry("k")]) == 1
        assert list(store.threads()) == []
        assert store.head("agent-1", "main") is None
        save_chain(store, 2)
        assert keys(store) == ["k"]

    def test_of_entries_with_one_key_the_first_stays(self, open_store: OpenStore) -> None:
        assert open_store().record([entry("k", data={"n": 1})]) == 1
        assert open_store().record([entry("k", data={"n": 2}), entry("l")]) == 1
        assert [found.data for found in entries(open_store())] == [{"n": 1}, {}]

    def test_of_one_key_given_twice_at_once_the_first_stays(self, store: Store) -> None:
        assert store.record([entry("k", data={"n": 1}), entry("k", data={"n": 2})]) == 1
        assert [found.data for found in entries(store)] == [{"n": 1}]

    def test_an_entry_is_replaced_when_that_is_asked_for(self, open_store: OpenStore) -> None:
        open_store().record([entry("k", data={"n": 1}, checkpoint_id="c1")])
        later = entry("k", data={"n": 2}, recorded_at=NOON + timedelta(days=1))
        assert open_store().record([later, entry("l")], replace=True) == 1
        assert entries(open_store()) == [later, entry("l")]

    def test_of_one_key_replaced_twice_at_once_the_last_stays(self, store: Store) -> None:
        store.record([entry("k", data={"n": n}) for n in range(3)], replace=True)
        assert [found.data for found in entries(store)] == [{"n": 2}]

    def test_entries_are_kept_all_or_none(self, store: Store) -> None:
        with pytest.raises(UnsupportedState) as caught:
            store.record([entry("k"), entry("l", data={"tools": [object()]})])
        assert caught.value.path == "$['tools'][0]"
        assert entries(store) == []

    @pytest.mark.parametrize(
        ("values", "path"),
        [
            ({"recorded_at": NOON.replace(tzinfo=None)}, "recorded_at"),
            ({"key": "\ud800"}, "key"),
            ({"checkpoint_id": "\udfff"}, "checkpoint_id"),
        ],
    )
    def test_a_name_or_time_that_cannot_be_kept_is_named(
        self, store: Store, values: dict[str, Any], path: str
    ) -> None:
        with pytest.raises(UnsupportedState) as caught:
            store.record([entry(**{"key": "k", **values})])
        assert caught.value.path == path
        assert entries(store) == []

    def test_entries_come_in_the_order_of_their_bytes(self, store: Store) -> None:
        names = [
            "",
            "a",
            "a\0",
            "a\x01",
            "a\x010001",
            "a b",
            "a-1",
            "a1",
            "ab",
            "b",
            "é",
            "€",
            "😀",
        ]
        store.record([entry(name) for name in names[::-1]])
        assert keys(store) == names

    def test_entries_are_chosen_by_how_their_keys_begin(self, store: Store) -> None:
        names = ["a", "a%", "a%b", "a_", "ab", "a\0", "a\0b", "a\U0010ffff", "a\ud7ffx", "b"]
        store.record([entry(name) for name in names])
        for prefix in ("", "a", "a%", "a\0", "ab", "a\U0010ffff", "a\ud7ff", "A", "abc"):
            wanted = sorted(name for name in names if name.startswith(prefix))
            assert keys(store, prefix=prefix) == wanted

    def test_the_last_entries_can_be_asked_for(self, store: Store) -> None:
        store.record([entry(f"{letter}{n}") for letter in "ab" for n in range(5)])
        assert keys(store, limit=3) == ["b2", "b3", "b4"]
        assert keys(store, prefix="a", limit=2) == ["a3", "a4"]
        assert keys(store, prefix="a", limit=9) == ["a0", "a1", "a2", "a3", "a4"]
        assert keys(store, limit=0) == []

    def test_journals_whose_names_begin_alike_are_kept_apart(self, store: Store) -> None:
        names = [("agent", "1:main"), ("agent1", ":main"), ("agent", "1"), ("agent-1", "main")]
        given = [
            entry("k", agent_id=agent, thread_id=thread, kind=kind, data={"kind": kind})
            for agent, thread in names
            for kind in ("effect", "effects", "")
        ]
        assert store.record(given) == len(given)
        for agent, thread in names:
            for kind in ("effect", "effects", ""):
                (found,) = store.entries(agent, thread, kind=kind)
                assert (found.agent_id, found.thread_id, found.kind) == (agent, thread, kind)
                assert found.data == {"kind": kind}

    @pytest.mark.parametrize("name", ["../../etc", "a/b", ".", "", "ä ö\n", "x" * 9999])
    def test_any_text_can_name_an_entry(self, open_store: OpenStore, name: str) -> None:
        given = entry(name, agent_id=name, thread_id=name, kind=name, checkpoint_id=name)
        assert open_store().record([given, given]) == 1
        assert open_store().entries(name, name, kind=name, prefix=name) == [given]
        assert open_store().forget(name, name, kind=name, keys=[name]) == 1

    def test_what_is_forgotten_is_gone(self, open_store: OpenStore) -> None:
        open_store().record([entry("a"), entry("b"), entry("c"), entry("a", kind="resume")])
        keys_given = ["a", "c", "c", "nowhere"]
        assert open_store().forget("agent-1", "main", kind="effect", keys=keys_given) == 2
        assert keys(open_store()) == ["b"]
        assert len(open_store().entries("agent-1", "main", kind="resume")) == 1
        assert open_store().record([entry("a")]) == 1

    def test_nothing_recorded_is_nothing_found(self, store: Store) -> None:
        assert store.record([]) == 0
        assert entries(store) == []
        assert store.forget("agent-1", "main", kind="effect", keys=["a"]) == 0
        assert store.journals() == []

    def test_the_journals_of_a_thread_or_of_all_are_listed(self, store: Store) -> None:
        store.record([entry("k"), entry("l"), entry("k", kind="group"), entry("k", thread_id="b")])
        store.record([entry("k", agent_id="agent-2", kind="resume")])
        assert [_told(name) for name in store.journals()] == [
            "agent-1 b effect",
            "agent-1 main effect",
            "agent-1 main group",
            "agent-2 main resume",
        ]
        assert [_told(name) for name in store.journals("agent-1", "main")] == [
            "agent-1 main effect",
            "agent-1 main group",
        ]
        store.forget("agent-1", "main", kind="group", keys=["k"])
        assert [name.kind for name in store.journals("agent-1", "main")] == ["effect"]

    def test_of_two_who_record_the_same_key_one_is_first(self, open_store: OpenStore) -> None:
        new: list[int] = []

        def write(number: int) -> None:
            new.append(open_store().record([entry("k", data={"n": number})]))

        threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(new) == [0] * 5 + [1]
        assert len(entries(open_store())) == 1

    def test_whoever_follows_the_changes_is_not_told_of_entries(self, store: Store) -> None:
        save_chain(store, 2)
        cursor = store.changes(None).cursor
        store.record([entry("k"), entry("l")])
        store.forget("agent-1", "main", kind="effect", keys=["l"])
        changes = store.changes(cursor)
        assert (changes.checkpoints, changes.threads, changes.removals) == ((), (), ())
        assert (changes.complete, changes.reset) == (True, False)
        save_chain(store, 1, thread_id="other", id="d1")
        changes = store.changes(cursor, limit=1)
        assert ([c.id for c in changes.checkpoints], changes.complete) == (["d1"], True)

    def test_entries_outlive_a_sweep_and_a_rebuild(self, open_store: OpenStore) -> None:
        save_chain(open_store(), 3)
        given = [entry("k", checkpoint_id="c1", data={"pair": (1, 2)}), entry("l")]
        open_store().record(given)
        open_store().trash({"c1": "age"}, now=NOON)
        open_store().sweep(before=NOON + timedelta(days=1))
        store = open_store()
        if hasattr(store, "rebuild"):
            store.rebuild(now=NOON)
        assert entries(open_store()) == given
        assert list(open_store().verify()) == []


def entries(store: Store) -> list[JournalEntry]:
    """Return the effects of the usual thread."""
    return store.entries("agent-1", "main", kind="effect")


def keys(store: Store, *, prefix: str = "", limit: int | None = None) -> list[str]:
    """Return the keys of effects of the usual thread."""
    found = store.entries("agent-1", "main", kind="effect", prefix=prefix, limit=limit)
    return [item.key for item in found]


def _told(name: JournalName) -> str:
    return f"{name.agent_id} {name.thread_id} {name.kind}"
