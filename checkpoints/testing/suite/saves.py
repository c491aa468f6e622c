"""What a save keeps, refuses and does once."""

from __future__ import annotations

from typing import Any

import pytest

from checkpoints.errors import (
    PlanRefused,
    UnsupportedState,
)
from checkpoints.records import Kind, Status
from checkpoints.stores.base import Store
from checkpoints.testing.samples import NOON, draft, save_chain
from checkpoints.testing.suite.base import OpenStore, StoreCase


class Saves(StoreCase):
    """What a save keeps, refuses and does once."""

    def test_a_saved_state_reads_back_exactly(self, open_store: OpenStore) -> None:
        state = {
            "n": 1,
            "pair": (1, 2),
            "raw": b"\x00\xff",
            "when": NOON,
            "tags": {"a", "b"},
        }
        saved = open_store().put(draft(1), state, expected_head=None)
        assert open_store().load(saved) == state

    def test_a_field_can_be_read_by_itself(self, open_store: OpenStore) -> None:
        state = {"big": "x" * 100_000, "plan": ["read", ("write", 2)]}
        fields = open_store().fields(open_store().put(draft(1), state, expected_head=None))
        assert fields["plan"] == ["read", ("write", 2)]
        assert (list(fields), len(fields), dict(fields)) == (["big", "plan"], 2, state)
        with pytest.raises(KeyError):
            fields["nowhere"]

    def test_states_that_share_nearly_all_read_back_exactly(self, open_store: OpenStore) -> None:
        states: list[dict[str, Any]] = []
        log: list[str] = []
        for number in range(40):
            log = [*log[: number // 2], f"inserted {number}", *log[number // 2 :], "y" * 2000]
            states.append({"log": log, "n": number, "pair": (number, "é")})
        parent = None
        for number, state in enumerate(states):
            given = draft(number, parent=parent)
            parent = open_store().put(given, state, expected_head=parent).id
        store = open_store()
        assert [store.load(store.get(f"c{n}")) for n in range(40)] == states

    def test_a_record_keeps_every_field(self, open_store: OpenStore) -> None:
        given = draft(
            1,
            run_id="run-7",
            step_name="generation",
            iteration=2,
            kind=Kind.RECOVERY,
            status=Status.FAILED,
            metrics={"tokens": 12.5},
            metadata={"why": "ünïcode"},
        )
        saved = open_store().put(given, {}, expected_head=None)
        assert open_store().get("c1") == saved
        assert (saved.kind, saved.iteration, saved.metadata) == (
            Kind.RECOVERY,
            2,
            {"why": "ünïcode"},
        )

    def test_sizes_and_digest_are_measured(self, store: Store) -> None:
        saved = store.put(draft(1), {"text": "x" * 10_000}, expected_head=None)
        assert saved.size is not None
        assert saved.size > 10_000
        assert saved.stored_size is not None
        assert len(saved.sha256 or "") == 64

    def test_the_same_save_twice_is_one_checkpoint(self, store: Store) -> None:
        first = store.put(draft(1), {"a": 1}, expected_head=None)
        assert store.put(draft(1), {"a": 1}, expected_head=None) == first
        assert len(store.history("agent-1", "main")) == 1

    def test_another_content_under_the_same_id_is_refused(self, store: Store) -> None:
        store.put(draft(1), {"a": 1}, expected_head=None)
        with pytest.raises(PlanRefused):
            store.put(draft(1), {"a": 2}, expected_head=None)
        assert store.load(store.get("c1")) == {"a": 1}

    def test_a_value_that_cannot_be_kept_is_refused_by_its_path(self, store: Store) -> None:
        with pytest.raises(UnsupportedState) as caught:
            store.put(draft(1), {"plan": [{"tool": object()}]}, expected_head=None)
        assert caught.value.path == "$['plan'][0]['tool']"
        assert store.head("agent-1", "main") is None

    def test_agents_whose_names_begin_alike_are_kept_apart(self, store: Store) -> None:
        save_chain(store, 2)
        store.put(draft(7, agent_id="agent-10"), {}, expected_head=None)
        assert len(store.history("agent-1", "main")) == 2
        assert len(store.history("agent-10", "main")) == 1

    @pytest.mark.parametrize(
        "name", ["../../etc/passwd", "a/b", ".", "..", "", "ä ö\n", "x" * 9999]
    )
    def test_any_text_can_be_a_name(self, open_store: OpenStore, name: str) -> None:
        given = draft(1, id=name or "i", agent_id=name, thread_id=name)
        saved = open_store().put(given, {"name": name}, expected_head=None)
        assert open_store().load(saved) == {"name": name}
        assert [t.agent_id for t in open_store().threads()] == [name]

    @pytest.mark.parametrize(
        ("values", "path"),
        [
            ({"metrics": {"x": float("nan")}}, "metrics['x']"),
            ({"metrics": {"x": "much"}}, "metrics['x']"),
            ({"metadata": {"x": object()}}, "metadata"),
            ({"step_name": "\ud800"}, "step_name"),
            ({"created_at": NOON.replace(tzinfo=None)}, "created_at"),
            ({"step": "3"}, "step"),
            ({"step": 1.5}, "step"),
            ({"iteration": "first"}, "iteration"),
            ({"step_name": 3}, "step_name"),
        ],
    )
    def test_a_field_that_cannot_be_kept_is_named(
        self, store: Store, values: dict[str, Any], path: str
    ) -> None:
        with pytest.raises(UnsupportedState) as caught:
            store.put(draft(1, **values), {}, expected_head=None)
        assert caught.value.path == path
        assert store.head("agent-1", "main") is None
