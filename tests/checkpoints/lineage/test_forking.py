"""A new thread at a checkpoint: what it holds, and what becomes of a fork that is cut short."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checkpoints import lineage
from checkpoints.errors import PlanRefused, TransientStoreError
from checkpoints.plans import Edit, ForkPlan
from checkpoints.records import EFFECT, Head, Status
from checkpoints.stores.base import Store
from checkpoints.stores.forks import ForksBySaving
from checkpoints.stores.memory import MemoryStore
from checkpoints.testing import NOON, FaultyStore, draft, entry, save_chain

LATER = NOON + timedelta(hours=1)


@pytest.fixture
def store() -> Store:
    return MemoryStore()


def forked(store: Store, *, edits: tuple[Edit, ...] = ()) -> Head:
    return carried_out(
        store, lineage.plan_fork(store, store.get("c2"), thread_id="forked", edits=edits)
    )


def carried_out(store: Store, plan: ForkPlan) -> Head:
    """Carry a plan out, with the store's own calls going through the store that is given."""
    return ForksBySaving.fork(
        store, plan, written_ids=("f1",), operation_id="op-1", reason="try again", now=LATER
    )


def test_a_fork_says_where_it_comes_from(store: Store) -> None:
    save_chain(store, 3, step_name="search", metadata={"why": "sample"})
    head = forked(store, edits=(Edit(path=("log", 0), value=9),))
    first = store.get(head.checkpoint_id)
    assert first.metadata == {
        "why": "sample",
        "forked_from": {
            "agent_id": "agent-1",
            "thread_id": "main",
            "checkpoint_id": "c2",
            "operation_id": "op-1",
            "edited": ["$['log'][0]"],
        },
    }
    assert (first.status, first.step_name, first.parent_id) == (Status.INTERRUPTED, "search", None)
    assert (head.operation_id, head.reason) == ("op-1", "try again")


def test_a_plan_says_what_runs_again_and_how_much_is_copied(store: Store) -> None:
    save_chain(store, 4, step_name="search")
    plan = lineage.plan_fork(store, store.get("c2"), thread_id="forked")
    assert plan.rerun_steps == ("search", "search")
    assert plan.copied_bytes == store.get("c2").size


def test_what_was_done_outside_counts_as_done_in_the_fork(store: Store) -> None:
    save_chain(store, 3)
    store.record([entry("mail:1", data={"name": "mail", "key": "1"}, checkpoint_id="c3")])
    plan = lineage.plan_fork(store, store.get("c2"), thread_id="forked")
    assert "mail (1)" in plan.warnings[0]
    forked(store)
    assert [e.key for e in store.entries("agent-1", "forked", kind=EFFECT)] == ["mail:1"]


@pytest.mark.parametrize("method", ["put_many", "set_head", "record"])
@pytest.mark.parametrize("after", [False, True])
def test_a_fork_that_was_cut_short_is_finished_by_a_redo(
    store: Store, method: str, after: bool
) -> None:
    save_chain(store, 3)
    plan = lineage.plan_fork(store, store.get("c2"), thread_id="forked")
    cut = FaultyStore(store)
    cut.fail(method, error=TransientStoreError("the lights went out"), after=after)
    with pytest.raises(TransientStoreError):
        carried_out(cut, plan)
    head = carried_out(store, plan)
    assert (head.checkpoint_id, head.operation_id) == ("f1", "op-1")
    assert [record.id for record in store.history("agent-1", "forked")] == ["f1"]


def test_a_redo_finds_the_fork_when_its_first_checkpoint_was_removed_since(store: Store) -> None:
    save_chain(store, 3)
    plan = lineage.plan_fork(store, store.get("c2"), thread_id="forked")
    carried_out(store, plan)
    store.put(draft(9, thread_id="forked", parent="f1"), {}, expected_head="f1")
    store.trash({"f1": "age"}, now=LATER)
    assert carried_out(store, plan).checkpoint_id == "c9"
    assert [record.id for record in store.history("agent-1", "forked")] == ["c9"]


def test_a_thread_of_another_agent_can_be_forked_into(store: Store) -> None:
    save_chain(store, 2)
    plan = lineage.plan_fork(store, store.get("c1"), thread_id="main", agent_id="agent-2")
    head = carried_out(store, plan)
    assert (head.agent_id, head.thread_id) == ("agent-2", "main")
    assert store.load(store.get("f1")) == store.load(store.get("c1"))


@pytest.mark.parametrize(
    ("edit", "state"),
    [
        (Edit(path=("step",), value="two"), {"step": "two", "log": [0, 1]}),
        (Edit(path=("new",), value=None), {"step": 2, "log": [0, 1], "new": None}),
        (Edit(path=("log", 1), value=7), {"step": 2, "log": [0, 7]}),
        (Edit(path=("log", 2), value=7), {"step": 2, "log": [0, 1, 7]}),
        (Edit(path=("log", 0), remove=True), {"step": 2, "log": [1]}),
        (Edit(path=("step",), remove=True), {"log": [0, 1]}),
    ],
)
def test_an_edit_changes_keys_positions_and_takes_away(
    store: Store, edit: Edit, state: dict[str, object]
) -> None:
    save_chain(store, 3)
    assert store.load(store.get(forked(store, edits=(edit,)).checkpoint_id)) == state


def test_edits_are_made_in_their_order_and_tuples_stay_tuples(store: Store) -> None:
    store.put(draft(2), {"pair": (1, {"a": [1]})}, expected_head=None)
    edits = (Edit(path=("pair", 1, "a", 0), value=2), Edit(path=("pair", 1, "b"), value=3))
    state = store.load(store.get(forked(store, edits=edits).checkpoint_id))
    assert state == {"pair": (1, {"a": [2], "b": 3})}


@pytest.mark.parametrize(
    ("edit", "path"),
    [
        (Edit(path=(), value=1), r"\$ "),
        (Edit(path=("nowhere", "deep"), value=1), r"\$\['nowhere'\]"),
        (Edit(path=("nowhere",), remove=True), r"\$\['nowhere'\]"),
        (Edit(path=("log", 3), value=1), r"\$\['log'\]\[3\]"),
        (Edit(path=("log", -1), value=1), r"\$\['log'\]\[-1\]"),
        (Edit(path=("log", "first"), value=1), r"\$\['log'\]\['first'\]"),
        (Edit(path=("log", 2), remove=True), r"\$\['log'\]\[2\]"),
        (Edit(path=("step", "deeper"), value=1), r"\$\['step'\]"),
        (Edit(path=("step",), value=object()), r"\$\['step'\]"),
    ],
)
def test_an_edit_that_cannot_be_made_names_its_path(store: Store, edit: Edit, path: str) -> None:
    save_chain(store, 3)
    with pytest.raises(PlanRefused, match=path):
        lineage.plan_fork(store, store.get("c2"), thread_id="forked", edits=(edit,))
    assert store.head("agent-1", "forked") is None
