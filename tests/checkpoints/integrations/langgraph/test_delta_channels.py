"""Delta channels keep what they hold, whatever is deleted around them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.channels import DeltaChannel
from langgraph.graph import START, StateGraph
from langgraph.types import Command

from checkpoints.integrations.langgraph import HoldfastSaver
from tests.checkpoints.connectors import graphs


class Talk(TypedDict):
    messages: Annotated[list[str], DeltaChannel(graphs.extend)]


@pytest.fixture(params=["memory", "sqlite", "file"])
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HoldfastSaver]:
    url = "memory://" if request.param == "memory" else f"{request.param}:///{tmp_path}/store"
    with HoldfastSaver(url) as opened:
        yield opened


def config_of(thread_id: str, **more: str) -> Any:
    return {"configurable": {"thread_id": thread_id, **more}}


def echo(saver: HoldfastSaver) -> Any:
    graph = StateGraph(Talk)
    graph.add_node("answer", lambda state: {"messages": [f"answer {len(state['messages'])}"]})
    graph.add_edge(START, "answer")
    return graph.compile(checkpointer=saver)


def talk(graph: Any, thread_id: str, turns: int = 4, **more: str) -> list[str]:
    for turn in range(turns):
        graph.invoke({"messages": [f"question {turn}"]}, config_of(thread_id, **more))
    return held(graph, thread_id)


def held(graph: Any, thread_id: str) -> list[str]:
    messages: list[str] = graph.get_state(config_of(thread_id)).values["messages"]
    return messages


def test_pruning_keeps_every_message(saver: HoldfastSaver) -> None:
    graph = echo(saver)
    before = talk(graph, "t")
    assert len(before) == 8
    saver.prune(["t"])
    assert held(graph, "t") == before
    graph.invoke({"messages": ["more"]}, config_of("t"))
    assert held(graph, "t") == [*before, "more", "answer 9"]


def test_pruning_goes_no_further_back_than_the_last_stored_value(saver: HoldfastSaver) -> None:
    graph = graphs.counter(saver, graphs.Delta, until=30)
    graph.invoke({"n": 0, "log": []}, config_of("t"))
    before = len(list(saver.list(config_of("t"))))
    saver.prune(["t"])
    after = len(list(saver.list(config_of("t"))))
    assert before > 30
    assert after <= 9
    assert graph.get_state(config_of("t")).values["log"] == [f"event {n}" for n in range(1, 31)]


def test_pruning_a_thread_without_delta_channels_keeps_one_checkpoint(
    saver: HoldfastSaver,
) -> None:
    graph = graphs.counter(saver)
    before = graph.invoke({"n": 0, "log": []}, config_of("t"))
    saver.prune(["t"])
    assert len(list(saver.list(config_of("t")))) == 1
    assert graph.get_state(config_of("t")).values == before


def test_a_delta_channel_that_was_never_written_holds_nothing_back(saver: HoldfastSaver) -> None:
    class Unused(TypedDict):
        n: int
        messages: Annotated[list[str], DeltaChannel(graphs.extend)]

    graph = StateGraph(Unused)
    graph.add_node("work", lambda state: {"n": state["n"] + 1})
    graph.add_edge(START, "work")
    compiled = graph.compile(checkpointer=saver)
    compiled.invoke({"n": 0}, config_of("t"))
    saver.prune(["t"])
    assert len(list(saver.list(config_of("t")))) == 1


def test_pruning_keeps_what_a_pinned_checkpoint_is_built_from(saver: HoldfastSaver) -> None:
    graph = graphs.counter(saver, graphs.Delta, until=30)
    graph.invoke({"n": 0, "log": []}, config_of("t"))
    pinned = next(s for s in graph.get_state_history(config_of("t")) if s.values["n"] == 12)
    record = saver.store.get(pinned.config["configurable"]["checkpoint_id"])
    saver.store.pin(record, reason="the last good one", now=datetime.now(UTC))
    saver.prune(["t"])
    assert graph.get_state(pinned.config).values == pinned.values


def test_a_copied_thread_holds_every_message_and_goes_on_by_itself(saver: HoldfastSaver) -> None:
    graph = echo(saver)
    before = talk(graph, "t")
    saver.copy_thread("t", "copy")
    saver.delete_thread("t")
    assert held(graph, "copy") == before
    assert talk(graph, "copy", 1) == [*before, "question 0", "answer 9"]
    saver.prune(["copy"])
    assert len(held(graph, "copy")) == 10


def test_a_thread_copied_twice_is_there_once(saver: HoldfastSaver) -> None:
    graph = echo(saver)
    before = talk(graph, "t")
    saver.copy_thread("t", "copy")
    saver.copy_thread("t", "copy")
    assert held(graph, "copy") == before
    assert len(list(saver.list(config_of("copy")))) == len(list(saver.list(config_of("t"))))


def test_deleting_a_run_keeps_what_later_runs_are_built_from(
    saver: HoldfastSaver, caplog: pytest.LogCaptureFixture
) -> None:
    graph = echo(saver)
    for run in ("first", "second"):
        talk(graph, "t", 1, run_id=run)
    before = held(graph, "t")
    with caplog.at_level(logging.WARNING, "checkpoints"):
        saver.delete_for_runs(["first"])
    assert held(graph, "t") == before
    assert "other runs are built from them" in caplog.text


def test_deleting_the_last_run_takes_its_messages_and_no_others(saver: HoldfastSaver) -> None:
    graph = echo(saver)
    first = talk(graph, "t", 1, run_id="first")
    talk(graph, "t", 1, run_id="second")
    saver.delete_for_runs(["second"])
    assert held(graph, "t") == first


def test_a_deleted_runs_answer_is_asked_for_again(saver: HoldfastSaver) -> None:
    graph = graphs.fan(saver)
    graph.invoke({"seen": []}, config_of("t", run_id="first"))
    graph.invoke(Command(resume="a secret"), config_of("t", run_id="second"))
    saver.delete_for_runs(["second"])
    assert graph.get_state(config_of("t")).next == ("ask",)
    asked = graph.invoke(None, config_of("t", run_id="third"))
    assert asked["__interrupt__"][0].value == "go on?"
    writes = saver.store.entries("langgraph", "t", kind="write")
    assert "a secret" not in str([entry.data for entry in writes])
