"""What every store promises."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from checkpoints.errors import (
    CheckpointNotFound,
    HeadMoved,
    PlanRefused,
    UnsupportedState,
)
from checkpoints.records import Directive, Kind, Status, Strategy
from checkpoints.stores.base import Store
from checkpoints.testing.samples import NOON, draft, save_chain

OpenStore = Callable[[], Store]


class StoreSuite:
    """What a store promises."""

    @pytest.fixture
    def open_store(self) -> OpenStore:
        """Return a function that opens the store under test."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, open_store: OpenStore) -> Store:
        """An empty store."""
        return open_store()

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

    def test_an_operation_moves_one_head_to_one_checkpoint(self, store: Store) -> None:
        save_chain(store, 3)
        other = store.put(draft(9, thread_id="other"), {}, expected_head=None)
        self.restore(store, "c2", operation_id="op-1")
        for target, expected in ((other, other.id), (store.get("c1"), "c2")):
            with pytest.raises(PlanRefused):
                store.set_head(target, expected=expected, now=NOON, operation_id="op-1")

    @pytest.mark.parametrize(
        ("values", "path"),
        [
            ({"metrics": {"x": float("nan")}}, "metrics['x']"),
            ({"metrics": {"x": "much"}}, "metrics['x']"),
            ({"metadata": {"x": object()}}, "metadata"),
            ({"step_name": "\ud800"}, "step_name"),
            ({"created_at": NOON.replace(tzinfo=None)}, "created_at"),
        ],
    )
    def test_a_field_that_cannot_be_kept_is_named(
        self, store: Store, values: dict[str, Any], path: str
    ) -> None:
        with pytest.raises(UnsupportedState) as caught:
            store.put(draft(1, **values), {}, expected_head=None)
        assert caught.value.path == path
        assert store.head("agent-1", "main") is None

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

    def test_a_whole_store_has_no_findings(self, store: Store) -> None:
        save_chain(store, 3)
        assert list(store.verify()) == []

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

    @staticmethod
    def restore(
        store: Store,
        target: str,
        *,
        operation_id: str,
        directive: Directive | None = None,
    ) -> Any:
        """Plan and carry out a restore."""
        plan = store.plan_restore(store.get(target))
        return store.restore(
            plan,
            written_ids=store.choose_ids(plan),
            operation_id=operation_id,
            reason="drift",
            now=NOON + timedelta(hours=1),
            directive=directive,
        )
