"""What an operator restores in the store is what the graph goes on from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Command

import checkpoints
from checkpoints import lineage
from checkpoints.integrations.langgraph import HoldfastSaver
from checkpoints.records import Checkpoint, Directive, Head, Status, Strategy
from checkpoints.stores.base import Store
from tests.checkpoints.connectors import graphs

CONFIG: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/restored.db"


@pytest.fixture
def saver(url: str) -> Iterator[HoldfastSaver]:
    with HoldfastSaver(url) as opened:
        yield opened


@pytest.fixture
def operators(url: str, saver: HoldfastSaver) -> Iterator[Store]:
    """The store as the dashboard's worker has it open: apart from the saver's."""
    store = checkpoints.open_store(url)
    assert isinstance(store, Store)
    yield store
    store.close()


def restore(store: Store, record: Checkpoint, operation: str = "op-1") -> Head:
    return lineage.restore(
        store,
        lineage.plan_restore(store, record),
        written_ids=(),
        operation_id=operation,
        reason="it went wrong",
        now=datetime.now(UTC),
    ).head


def record_where(store: Store, graph: Any, **values: Any) -> Checkpoint:
    """Return the record of the checkpoint at which a graph's state had these values."""
    for snapshot in graph.get_state_history(CONFIG):
        if all(snapshot.values.get(name) == value for name, value in values.items()):
            return store.get(snapshot.config["configurable"]["checkpoint_id"])
    raise AssertionError(values)


def current_id(saver: HoldfastSaver) -> str:
    """Return the checkpoint that the thread goes on from."""
    found = saver.get_tuple(CONFIG)
    assert found is not None
    return str(found.checkpoint["id"])


def parents(saver: HoldfastSaver) -> list[str]:
    """Return the ids on the way back from where the thread goes on."""
    found, config = [], CONFIG
    while config is not None and (tuple_ := saver.get_tuple(config)) is not None:
        found.append(tuple_.checkpoint["id"])
        config = tuple_.parent_config
    return found


def test_a_restored_checkpoint_is_gone_on_from_and_its_step_is_taken_again(
    saver: HoldfastSaver, operators: Store
) -> None:
    graph = graphs.counter(saver)
    graph.invoke({"n": 0, "log": []}, CONFIG)
    third = record_where(operators, graph, n=3)
    restore(operators, third)
    assert graph.get_state(CONFIG).values == {"n": 3, "log": ["event 1", "event 2", "event 3"]}
    assert graph.get_state(CONFIG).next == ("work",)
    assert graph.invoke(None, CONFIG)["log"] == [f"event {n}" for n in range(1, 7)]
    assert third.parent_id in parents(saver)
    assert graph.get_state(CONFIG).metadata["source"] == "loop"


def test_a_restored_step_runs_anew_instead_of_repeating_what_it_wrote(
    saver: HoldfastSaver, operators: Store
) -> None:
    answers = iter(["wrong", "right"])
    graph = StateGraph(graphs.Counting)
    graph.add_node("ask", lambda _: {"log": [next(answers)]})
    graph.add_node("use", lambda state: {"log": [f"used {state['log'][-1]}"]})
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "use")
    compiled = graph.compile(checkpointer=saver)
    assert compiled.invoke({"n": 0, "log": []}, CONFIG)["log"] == ["wrong", "used wrong"]
    before = next(s for s in compiled.get_state_history(CONFIG) if s.next == ("ask",))
    restore(operators, operators.get(before.config["configurable"]["checkpoint_id"]))
    assert compiled.invoke(None, CONFIG)["log"] == ["right", "used right"]


def test_the_end_of_an_earlier_turn_is_gone_on_from_as_it_is(
    saver: HoldfastSaver, operators: Store
) -> None:
    graph = graphs.counter(saver, until=3)
    graph.invoke({"n": 0, "log": []}, CONFIG)
    end = current_id(saver)
    graph.invoke({"n": 0}, CONFIG)
    restore(operators, operators.get(end))
    assert current_id(saver) == end
    graph.invoke({"n": 1, "log": ["another turn"]}, CONFIG)
    assert end in parents(saver)
    assert graph.get_state(CONFIG).values["log"][3:5] == ["another turn", "event 2"]


def test_an_undone_restore_leaves_the_thread_as_it_was(
    saver: HoldfastSaver, operators: Store
) -> None:
    graph = graphs.counter(saver, graphs.Delta)
    whole = graph.invoke({"n": 0, "log": []}, CONFIG)
    last = operators.get(current_id(saver))
    restore(operators, record_where(operators, graph, n=2), "op-1")
    assert graph.invoke(None, CONFIG) == whole
    restore(operators, last, "op-2")
    assert graph.get_state(CONFIG).values == whole
    assert current_id(saver) == last.id


def test_a_delta_channel_is_restored_with_what_it_held(
    saver: HoldfastSaver, operators: Store
) -> None:
    graph = graphs.counter(saver, graphs.Delta, until=20)
    graph.invoke({"n": 0, "log": []}, CONFIG)
    for n in (11, 5):
        restore(operators, record_where(operators, graph, n=n), f"op-{n}")
        assert graph.get_state(CONFIG).values["log"] == [f"event {i}" for i in range(1, n + 1)]
        whole = graph.invoke(None, CONFIG)
        assert whole["log"] == [f"event {i}" for i in range(1, 21)]
        assert graph.get_state(CONFIG).values == whole


def test_a_thread_restored_to_its_question_is_asked_again(
    saver: HoldfastSaver, operators: Store
) -> None:
    graph = graphs.fan(saver)
    graph.invoke({"seen": []}, CONFIG)
    [waiting] = [r for r in operators.history(None, "t") if r.status is Status.WAITING]
    first = graph.invoke(Command(resume="yes"), CONFIG)
    restore(operators, waiting)
    assert graph.invoke(None, CONFIG)["__interrupt__"][0].value == "go on?"
    second = graph.invoke(Command(resume="no"), CONFIG)
    assert [first["seen"][-1], second["seen"][-1]] == ["yes", "no"]


def test_a_thread_put_back_to_an_unanswered_question_takes_the_answer(
    saver: HoldfastSaver, operators: Store
) -> None:
    graph = graphs.fan(saver)
    graph.invoke({"seen": []}, CONFIG)
    records = operators.history(None, "t")
    restore(operators, records[-1], "op-1")
    restore(operators, records[0], "op-2")
    assert graph.invoke(Command(resume="yes"), CONFIG)["seen"][-1] == "yes"


def test_a_persistent_subgraph_goes_back_with_its_thread(
    saver: HoldfastSaver, operators: Store
) -> None:
    graph = graphs.talk(saver)
    for question in ("a", "b", "c"):
        graph.invoke({"q": question}, CONFIG)
    end_of_first = next(
        snapshot
        for snapshot in graph.get_state_history(CONFIG)
        if snapshot.values.get("turns") == ["answered a"] and not snapshot.next
    )
    restore(operators, operators.get(end_of_first.config["configurable"]["checkpoint_id"]))
    graph.invoke({"q": "d"}, CONFIG)
    everything: Any = {"configurable": {"thread_id": "t"}}
    inner = next(t for t in saver.list(everything) if t.config["configurable"]["checkpoint_ns"])
    facts = inner.checkpoint["channel_values"]["facts"]
    assert "d" in facts
    assert not {"b", "c"} & set(facts)


def test_a_restored_subgraph_step_takes_the_whole_thread_back(
    saver: HoldfastSaver, operators: Store
) -> None:
    graph = graphs.talk(saver)
    for question in ("a", "b"):
        graph.invoke({"q": question}, CONFIG)
    oldest = [r for r in operators.history(None, "t") if r.step_name == "memory: remember"][-1]
    restore(operators, oldest)
    assert graph.get_state(CONFIG).next == ("memory",)
    assert graph.invoke(None, CONFIG)["turns"] == ["answered a"]


def test_a_run_that_is_going_on_does_not_save_over_a_restore(
    saver: HoldfastSaver, operators: Store
) -> None:
    graph = graphs.counter(saver)
    graph.invoke({"n": 0, "log": []}, CONFIG)
    second = record_where(operators, graph, n=2)

    def restoring(state: Any) -> dict[str, Any]:
        restore(operators, second)
        return {"n": 99, "log": ["from the old run"]}

    running = StateGraph(graphs.Counting)
    running.add_node("work", restoring)
    running.add_edge(START, "work")
    with pytest.raises(checkpoints.HeadMoved, match=r"restored to .* by operation op-1"):
        running.compile(checkpointer=saver).invoke({"n": 6}, CONFIG, durability="sync")
    head = operators.head(None, "t")
    assert head is not None
    assert head.checkpoint_id == second.id
    assert graph.invoke(None, CONFIG)["log"] == [f"event {n}" for n in range(1, 7)]


def test_whoever_travels_in_time_after_a_restore_may(
    saver: HoldfastSaver, operators: Store
) -> None:
    graph = graphs.counter(saver)
    graph.invoke({"n": 0, "log": []}, CONFIG)
    fourth = next(s for s in graph.get_state_history(CONFIG) if s.values.get("n") == 4)
    restore(operators, record_where(operators, graph, n=2))
    assert graph.invoke(None, fourth.config)["n"] == 6


def test_the_new_branch_names_what_it_was_restored_from(
    saver: HoldfastSaver, operators: Store
) -> None:
    graph = graphs.counter(saver)
    graph.invoke({"n": 0, "log": []}, CONFIG)
    third = record_where(operators, graph, n=3)
    restore(operators, third)
    metadata = graph.get_state(CONFIG).metadata
    assert (metadata["source"], metadata["restored_from"]) == ("fork", third.id)
    record = operators.get(current_id(saver))
    assert record.parent_id == third.id


def test_a_thread_that_is_pruned_after_a_restore_still_takes_the_step_again(
    saver: HoldfastSaver, operators: Store
) -> None:
    graph = graphs.counter(saver, graphs.Delta)
    graph.invoke({"n": 0, "log": []}, CONFIG)
    restore(operators, record_where(operators, graph, n=3))
    saver.prune(["t"])
    assert graph.get_state(CONFIG).values["n"] == 3
    assert graph.invoke(None, CONFIG)["log"] == [f"event {n}" for n in range(1, 7)]


def test_pruning_after_a_restore_keeps_the_subgraphs_state_of_that_branch(
    saver: HoldfastSaver, operators: Store
) -> None:
    graph = graphs.talk(saver)
    for question in ("a", "b", "c"):
        graph.invoke({"q": question}, CONFIG)
    end_of_second = next(
        snapshot
        for snapshot in graph.get_state_history(CONFIG)
        if snapshot.values.get("turns") == ["answered a", "answered b"] and not snapshot.next
    )
    restore(operators, operators.get(end_of_second.config["configurable"]["checkpoint_id"]))
    saver.prune(["t"])
    graph.invoke({"q": "d"}, CONFIG)
    everything: Any = {"configurable": {"thread_id": "t"}}
    inner = next(t for t in saver.list(everything) if t.config["configurable"]["checkpoint_ns"])
    assert {"a", "b", "d"} <= set(inner.checkpoint["channel_values"]["facts"])
    assert "c" not in inner.checkpoint["channel_values"]["facts"]


def test_a_directive_left_with_a_restore_reaches_the_graph(
    saver: HoldfastSaver, operators: Store
) -> None:
    graph = graphs.counter(saver, until=3)
    graph.invoke({"n": 0, "log": []}, CONFIG)
    end = current_id(saver)
    graph.invoke({"n": 0}, CONFIG)
    head = operators.head(None, "t")
    assert head is not None
    operators.set_head(
        operators.get(end),
        expected=head.checkpoint_id,
        now=datetime.now(UTC),
        operation_id="op-1",
        reason="too warm",
        directive=Directive(strategy=Strategy.MODIFY_PARAMETERS, parameters={"temperature": 0}),
    )
    metadata = graph.get_state(CONFIG).metadata
    assert metadata["holdfast_reason"] == "too warm"
    assert metadata["holdfast_directive"] == {
        "strategy": "modify_parameters",
        "parameters": {"temperature": 0},
    }
    graph.invoke({"n": 1}, CONFIG)
    assert "holdfast_directive" not in graph.get_state(CONFIG).metadata
