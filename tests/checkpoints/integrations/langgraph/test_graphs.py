"""Real graphs run on the saver as they run on LangGraph's own."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_store
from langgraph.graph import START, StateGraph
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, Send, interrupt

from checkpoints.integrations.langgraph import HoldfastSaver
from tests.checkpoints.connectors import graphs

Script = Callable[[Any], list[Any]]


@pytest.fixture(params=["memory", "sqlite"])
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HoldfastSaver]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/graphs.db"
    with HoldfastSaver(url) as opened:
        yield opened


CONFIG: Any = {"configurable": {"thread_id": "t"}}


def seen(graph: Any, config: Any = CONFIG) -> list[Any]:
    """Return what a user sees of a thread's history; ids and times differ from run to run."""
    return [
        (
            snapshot.values,
            snapshot.next,
            snapshot.metadata["source"],
            snapshot.metadata["step"],
            snapshot.parent_config is None,
            [(task.name, task.error, len(task.interrupts)) for task in snapshot.tasks],
        )
        for snapshot in graph.get_state_history(config)
    ]


def count_up(checkpointer: Any) -> list[Any]:
    graph = graphs.counter(checkpointer)
    return [graph.invoke({"n": 0, "log": []}, CONFIG), seen(graph)]


def count_up_and_save_at_exit(checkpointer: Any) -> list[Any]:
    graph = graphs.counter(checkpointer)
    graph.invoke({"n": 0, "log": []}, CONFIG, durability="exit")
    return [graph.invoke({"n": 0, "log": []}, CONFIG, durability="exit"), seen(graph)]


def count_up_and_save_in_step(checkpointer: Any) -> list[Any]:
    graph = graphs.counter(checkpointer)
    return [graph.invoke({"n": 0, "log": []}, CONFIG, durability="sync"), seen(graph)]


def ask_and_answer(checkpointer: Any) -> list[Any]:
    graph = graphs.fan(checkpointer)
    asked = graph.invoke({"seen": []}, CONFIG)
    waiting = seen(graph)
    answered = graph.invoke(Command(resume="yes"), CONFIG)
    return [asked["seen"], waiting, answered, seen(graph)]


def talk_twice(checkpointer: Any) -> list[Any]:
    graph = graphs.talk(checkpointer)
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    for question in ("a", "b", "c"):
        graph.invoke({"q": question}, config)
    inner = [
        tuple_.checkpoint["channel_values"].get("facts")
        for tuple_ in checkpointer.list(CONFIG)
        if tuple_.config["configurable"]["checkpoint_ns"]
    ]
    return [inner, seen(graph, config)]


def travel_back(checkpointer: Any) -> list[Any]:
    graph = graphs.counter(checkpointer)
    graph.invoke({"n": 0, "log": []}, CONFIG)
    second = next(s for s in graph.get_state_history(CONFIG) if s.values.get("n") == 2)
    again = graph.invoke(None, second.config)
    return [again, seen(graph), graph.get_state(CONFIG).values]


def correct_by_hand(checkpointer: Any) -> list[Any]:
    graph = graphs.counter(checkpointer)
    graph.invoke({"n": 0, "log": []}, CONFIG)
    graph.update_state(CONFIG, {"n": 9}, as_node="work")
    after = graph.invoke(None, CONFIG)
    return [after, seen(graph)]


def look_selectively(checkpointer: Any) -> list[Any]:
    graph = graphs.counter(checkpointer)
    graph.invoke({"n": 0, "log": []}, CONFIG)
    whole = list(graph.get_state_history(CONFIG))
    before = list(graph.get_state_history(CONFIG, before=whole[2].config, limit=2))
    inputs = list(graph.get_state_history(CONFIG, filter={"source": "input"}))
    return [[s.values for s in before], [s.values for s in inputs], len(whole)]


class Mapped(TypedDict):
    items: list[int]
    out: Annotated[list[int], operator.add]


def send_to_many(checkpointer: Any) -> list[Any]:
    graph = StateGraph(Mapped)
    graph.add_node("double", lambda state: {"out": [state["item"] * 2]})
    graph.add_conditional_edges(
        START, lambda state: [Send("double", {"item": item}) for item in state["items"]]
    )
    compiled = graph.compile(checkpointer=checkpointer)
    return [compiled.invoke({"items": [1, 2, 3]}, CONFIG), seen(compiled)]


class Item(TypedDict):
    item: int
    out: Annotated[list[int], operator.add]


def run_many_subgraphs_at_once(checkpointer: Any) -> list[Any]:
    inner = StateGraph(Item)
    inner.add_node("double", lambda state: {"out": [state["item"] * 2]})
    inner.add_node("again", lambda state: {"out": [state["out"][-1] * 2]})
    inner.add_edge(START, "double")
    inner.add_edge("double", "again")
    outer = StateGraph(Mapped)
    outer.add_node("inner", inner.compile())
    outer.add_conditional_edges(
        START, lambda state: [Send("inner", {"item": item}) for item in state["items"]]
    )
    graph = outer.compile(checkpointer=checkpointer)
    result = graph.invoke({"items": list(range(8))}, CONFIG)
    everything: Any = {"configurable": {"thread_id": "t"}}
    namespaces = {
        tuple_.config["configurable"]["checkpoint_ns"] for tuple_ in checkpointer.list(everything)
    }
    return [result, len(namespaces), len(list(checkpointer.list(everything))), seen(graph)]


def ask_within_a_subgraph(checkpointer: Any) -> list[Any]:
    inner = StateGraph(graphs.Joined)
    inner.add_node("first", lambda _: {"seen": ["first"]})
    inner.add_node("ask", lambda _: {"seen": [str(interrupt("go on?"))]})
    inner.add_edge(START, "first")
    inner.add_edge("first", "ask")
    outer = StateGraph(graphs.Joined)
    outer.add_node("inner", inner.compile())
    outer.add_node("last", lambda _: {"seen": ["last"]})
    outer.add_edge(START, "inner")
    outer.add_edge("inner", "last")
    graph = outer.compile(checkpointer=checkpointer)
    graph.invoke({"seen": []}, CONFIG)
    state = graph.get_state(CONFIG, subgraphs=True)
    within = state.tasks[0].state.values
    return [within, seen(graph), graph.invoke(Command(resume="yes"), CONFIG), seen(graph)]


def fail_and_go_on(checkpointer: Any) -> list[Any]:
    tries: list[int] = []

    def flaky(_: Any) -> dict[str, Any]:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("the model is away")
        return {"log": ["done"]}

    graph = StateGraph(graphs.Counting)
    graph.add_node("flaky", flaky)
    graph.add_edge(START, "flaky")
    compiled = graph.compile(checkpointer=checkpointer)
    with pytest.raises(ValueError, match="the model is away"):
        compiled.invoke({"n": 0, "log": []}, CONFIG)
    return [seen(compiled), compiled.invoke(None, CONFIG), seen(compiled)]


def remember_by_thread(checkpointer: Any) -> list[Any]:
    graph = StateGraph(graphs.Counting)

    def note(state: Any) -> dict[str, Any]:
        store = get_store()
        store.put(("t", "notes"), str(state["n"]), {"n": state["n"]})
        return {"n": state["n"] + 1, "log": [str(len(store.search(("t", "notes"))))]}

    graph.add_node("note", note)
    graph.add_edge(START, "note")
    compiled = graph.compile(checkpointer=checkpointer, store=InMemoryStore())
    compiled.invoke({"n": 1, "log": []}, CONFIG)
    return [compiled.invoke({"n": 2}, CONFIG), seen(compiled)]


SCRIPTS: list[Script] = [
    count_up,
    count_up_and_save_at_exit,
    count_up_and_save_in_step,
    ask_and_answer,
    talk_twice,
    travel_back,
    correct_by_hand,
    look_selectively,
    send_to_many,
    run_many_subgraphs_at_once,
    ask_within_a_subgraph,
    fail_and_go_on,
    remember_by_thread,
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_a_graph_does_and_shows_what_it_does_on_langgraphs_own_saver(
    saver: HoldfastSaver, script: Script
) -> None:
    assert script(saver) == script(InMemorySaver())


def test_a_graph_in_an_event_loop_saves_and_lists_the_same(saver: HoldfastSaver) -> None:
    async def run(checkpointer: Any) -> list[Any]:
        graph = graphs.counter(checkpointer)
        await graph.ainvoke({"n": 0, "log": []}, CONFIG)
        return [s.values async for s in graph.aget_state_history(CONFIG)]

    assert asyncio.run(run(saver)) == asyncio.run(run(InMemorySaver()))


def test_the_event_loop_goes_on_while_a_checkpoint_is_saved(saver: HoldfastSaver) -> None:
    async def run() -> int:
        graph = graphs.counter(saver, until=20)
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        ticking = asyncio.create_task(tick())
        await graph.ainvoke({"n": 0, "log": []}, CONFIG, durability="sync")
        ticking.cancel()
        return ticks

    assert asyncio.run(run()) > 20


def test_a_thread_goes_on_in_another_process_where_it_stopped(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    with HoldfastSaver(url) as first:
        graphs.fan(first).invoke({"seen": []}, CONFIG)
    with HoldfastSaver(url) as second:
        result = graphs.fan(second).invoke(Command(resume="yes"), CONFIG)
    assert sorted(result["seen"]) == ["left", "right", "right_again", "yes"]
