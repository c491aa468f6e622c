"""What a graph's thread cannot do without stays, whoever plans."""

from __future__ import annotations

import operator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from checkpoints import lineage
from checkpoints.errors import PlanRefused
from checkpoints.integrations.langgraph import HoldfastSaver
from checkpoints.plans import Edit, ThreadPrune
from checkpoints.records import Checkpoint
from checkpoints.retention import RetentionPolicy
from tests.checkpoints.connectors import graphs

CONFIG: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}, "recursion_limit": 200}
LATER = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def saver(tmp_path: Path) -> HoldfastSaver:
    return HoldfastSaver(f"sqlite:///{tmp_path}/graph.db")


def pruned(saver: HoldfastSaver, count: int) -> ThreadPrune:
    """Keep the newest of a thread, and delete what went for good."""
    policy = RetentionPolicy.keep_last(count)
    prune = lineage.plan_prune(saver.store, None, "t", policy, now=LATER)
    done = lineage.remove(saver.store, prune, operation_id="op-1", now=LATER)
    assert done.stayed == {}
    saver.store.sweep(before=LATER + timedelta(days=1))
    return prune


def test_what_a_delta_channel_is_built_from_stays(saver: HoldfastSaver) -> None:
    graph = graphs.counter(saver, graphs.Delta, until=20)
    whole = graph.invoke({"n": 0, "log": []}, CONFIG)
    prune = pruned(saver, 3)
    assert prune.remove
    assert any("built from it" in kept.reason for kept in prune.keep)
    assert graph.get_state(CONFIG).values == whole


def test_channels_that_are_whole_hold_nothing_back(saver: HoldfastSaver) -> None:
    graph = graphs.counter(saver, until=20)
    whole = graph.invoke({"n": 0, "log": []}, CONFIG)
    prune = pruned(saver, 3)
    assert len(prune.keep) == 3
    assert graph.get_state(CONFIG).values == whole


def test_a_subgraph_keeps_what_it_goes_on_from(saver: HoldfastSaver) -> None:
    graph = graphs.talk(saver)
    graph.invoke({"q": "first"}, CONFIG)
    graphs.counter(saver, until=20).invoke({"n": 0, "log": []}, CONFIG)
    prune = pruned(saver, 2)
    assert any("goes on from it" in kept.reason for kept in prune.keep)
    graph.invoke({"q": "last"}, CONFIG)
    everything: Any = {"configurable": {"thread_id": "t"}}
    inner = next(t for t in saver.list(everything) if t.config["configurable"]["checkpoint_ns"])
    assert {"first", "last"} <= set(inner.checkpoint["channel_values"]["facts"])


def test_a_restored_thread_keeps_what_its_subgraph_goes_on_from(saver: HoldfastSaver) -> None:
    graph = graphs.talk(saver)
    for question in ("first", "second", "third"):
        graph.invoke({"q": question}, CONFIG)
    root = [s for s in graph.get_state_history(CONFIG) if not s.next][1]
    target = saver.store.get(root.config["configurable"]["checkpoint_id"])
    plan = lineage.plan_restore(saver.store, target)
    lineage.restore(
        saver.store, plan, written_ids=(), operation_id="op-0", reason="back", now=LATER
    )
    pruned(saver, 1)
    graph.invoke({"q": "fourth"}, CONFIG)
    everything: Any = {"configurable": {"thread_id": "t"}}
    inner = next(t for t in saver.list(everything) if t.config["configurable"]["checkpoint_ns"])
    facts = inner.checkpoint["channel_values"]["facts"]
    assert {"first", "second", "fourth"} <= set(facts)
    assert "third" not in facts


def test_what_others_are_built_from_is_not_erased_and_is_named(saver: HoldfastSaver) -> None:
    graph = graphs.counter(saver, graphs.Delta, until=6)
    graph.invoke({"n": 0, "log": []}, {**CONFIG, "run_id": None, "metadata": {"user_id": "ada"}})
    whole = graph.invoke({"n": 6}, {**CONFIG, "metadata": {"user_id": "bob"}})
    (plan,) = lineage.plan_erase(saver.store, user_id="ada")
    done = lineage.erase(saver.store, plan, operation_id="op-1", now=LATER)
    assert done.remaining
    assert all("built from it" in why for why in done.remaining.values())
    assert graph.get_state(CONFIG).values == whole


def forked(saver: HoldfastSaver, record: Checkpoint) -> Any:
    """Fork a graph's thread, twice, and return how LangGraph calls the new one."""
    plan = lineage.plan_fork(saver.store, record, thread_id="forked")
    ids = lineage.forkable(saver.store).choose_fork_ids(plan)
    for _ in range(2):
        lineage.forkable(saver.store).fork(
            plan, written_ids=ids, operation_id="op-1", reason="try again", now=LATER
        )
    assert len(saver.store.history(None, "forked")) == len(ids)
    return {**CONFIG, "configurable": {"thread_id": "forked", "checkpoint_ns": ""}}


def record_at(saver: HoldfastSaver, snapshot: Any) -> Checkpoint:
    return saver.store.get(snapshot.config["configurable"]["checkpoint_id"])


@pytest.mark.parametrize("schema", [graphs.Counting, graphs.Delta])
@pytest.mark.parametrize("back", [0, 1, 5, 12])
def test_a_forked_graph_goes_on_from_its_checkpoint(
    saver: HoldfastSaver, schema: type, back: int
) -> None:
    graph = graphs.counter(saver, schema, until=20)
    whole = graph.invoke({"n": 0, "log": []}, CONFIG)
    snapshot = list(graph.get_state_history(CONFIG))[back]
    there = forked(saver, record_at(saver, snapshot))
    assert graph.get_state(there).values == snapshot.values
    assert graph.get_state(there).next == snapshot.next
    if snapshot.next:
        assert graph.invoke(None, there) == whole
    assert graph.invoke({"n": 20}, there)["n"] == 40
    assert graph.get_state(CONFIG).values == whole


def test_a_forked_graph_takes_what_its_subgraph_remembers_along(saver: HoldfastSaver) -> None:
    graph = graphs.talk(saver)
    for question in ("first", "second", "third"):
        graph.invoke({"q": question}, CONFIG)
    snapshot = [one for one in graph.get_state_history(CONFIG) if not one.next][1]
    there = forked(saver, record_at(saver, snapshot))
    graph.invoke({"q": "fourth"}, there)
    everything: Any = {"configurable": {"thread_id": "forked"}}
    inner = next(t for t in saver.list(everything) if t.config["configurable"]["checkpoint_ns"])
    facts = inner.checkpoint["channel_values"]["facts"]
    assert {"first", "second", "fourth"} <= set(facts)
    assert "third" not in facts


def test_a_forked_question_can_be_answered_otherwise(saver: HoldfastSaver) -> None:
    graph = asking(saver)
    graph.invoke({"log": []}, CONFIG)
    head = saver.store.head(None, "t")
    assert head is not None
    there = forked(saver, saver.store.get(head.checkpoint_id))
    assert graph.invoke(Command(resume="yes"), CONFIG)["log"] == ["asked: yes"]
    assert graph.get_state(there).interrupts
    assert graph.invoke(Command(resume="no"), there)["log"] == ["asked: no"]


def test_a_question_that_was_answered_is_asked_again_in_a_fork(saver: HoldfastSaver) -> None:
    graph = asking(saver)
    graph.invoke({"log": []}, CONFIG)
    graph.invoke(Command(resume="yes"), CONFIG)
    snapshot = next(one for one in graph.get_state_history(CONFIG) if one.next == ("ask",))
    there = forked(saver, record_at(saver, snapshot))
    assert graph.invoke(None, there)["__interrupt__"]
    assert graph.invoke(Command(resume="no"), there)["log"] == ["asked: no"]


def asking(saver: HoldfastSaver) -> Any:
    """Compile a graph that asks a person."""
    graph: StateGraph[Any] = StateGraph(Log)
    graph.add_node("ask", lambda _: {"log": [f"asked: {interrupt('go on?')}"]})
    graph.add_edge(START, "ask")
    return graph.compile(checkpointer=saver)


class Log(TypedDict):
    log: Annotated[list[str], operator.add]


def test_a_graphs_values_are_not_edited_here(saver: HoldfastSaver) -> None:
    graphs.counter(saver).invoke({"n": 0, "log": []}, CONFIG)
    (first, *_) = saver.store.history(None, "t")
    with pytest.raises(PlanRefused, match="update_state"):
        lineage.plan_fork(
            saver.store, first, thread_id="forked", edits=[Edit(path=("n",), value=1)]
        )


def test_a_store_alone_does_not_fork_a_graph_by_halves(saver: HoldfastSaver) -> None:
    graphs.counter(saver).invoke({"n": 0, "log": []}, CONFIG)
    (first, *_) = saver.store.history(None, "t")
    with pytest.raises(PlanRefused, match=r"lineage\.plan_fork"):
        lineage.forkable(saver.store).plan_fork(first, thread_id="forked")
