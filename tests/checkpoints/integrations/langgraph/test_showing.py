"""What an operator sees of a graph's thread in the store."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from typer.testing import CliRunner

import checkpoints
from checkpoints.cli.app import app
from checkpoints.connectors.langgraph_native import load_readable
from checkpoints.integrations.langgraph import HoldfastSaver
from checkpoints.records import Checkpoint, JournalEntry, Kind, Status, Thread
from checkpoints.stores.base import ReadableStore, Store
from tests.checkpoints.connectors import graphs

CONFIG: Any = {"configurable": {"thread_id": "t", "customer": "ada"}, "metadata": {"team": "ops"}}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/shown.db"


@pytest.fixture
def saver(url: str) -> Iterator[HoldfastSaver]:
    with HoldfastSaver(url, agent_id="support") as opened:
        yield opened


@pytest.fixture
def store(url: str, saver: HoldfastSaver) -> Iterator[ReadableStore]:
    opened = checkpoints.open_store(url)
    yield opened
    opened.close()


def chat(saver: HoldfastSaver) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("answer", lambda _: {"messages": [AIMessage("hello, ada", id="m2")]})
    graph.add_edge(START, "answer")
    return graph.compile(checkpointer=saver)


def only_thread(store: ReadableStore) -> Thread:
    [thread] = store.threads()
    return thread


def head_of(store: ReadableStore) -> Checkpoint:
    head = store.head(None, "t")
    assert head is not None
    return store.get(head.checkpoint_id)


def test_a_thread_with_subgraphs_is_listed_once(saver: HoldfastSaver, store: ReadableStore) -> None:
    graph = graphs.talk(saver)
    for question in ("a", "b"):
        graph.invoke({"q": question}, CONFIG)
    thread = only_thread(store)
    assert (thread.agent_id, thread.thread_id) == ("support", "t")
    assert (thread.status, head_of(store).step_name) == (Status.COMPLETED, "answer")
    assert {record.step_name for record in store.history(None, "t")} == {
        "input",
        "loop",
        "memory",
        "answer",
        "memory: input",
        "memory: loop",
        "memory: remember",
    }


def test_records_name_the_nodes_the_run_and_what_the_config_says(
    saver: HoldfastSaver, store: ReadableStore
) -> None:
    graphs.counter(saver, until=2).invoke({"n": 0, "log": []}, {**CONFIG, "run_id": None})
    records = list(reversed(store.history(None, "t")))
    assert [record.step for record in records] == [-1, 0, 1, 2]
    assert [record.step_name for record in records] == ["input", "loop", "work", "work"]
    assert [record.status for record in records[-2:]] == [Status.RUNNING, Status.COMPLETED]
    assert records[-1].metadata["customer"] == "ada"
    assert records[-1].metadata["team"] == "ops"


def test_a_run_is_known_by_its_id(saver: HoldfastSaver, store: ReadableStore) -> None:
    config: Any = {"configurable": {"thread_id": "t", "run_id": "run-7"}}
    graphs.counter(saver, until=2).invoke({"n": 0, "log": []}, config)
    assert {record.run_id for record in store.history(None, "t")} == {"run-7"}


def test_several_nodes_of_one_step_are_all_named(
    saver: HoldfastSaver, store: ReadableStore
) -> None:
    graph = graphs.fan(saver)
    graph.invoke({"seen": []}, CONFIG)
    graph.invoke(Command(resume="yes"), CONFIG)
    names = {record.step_name for record in store.history(None, "t")}
    assert {"left, right", "right_again", "ask"} <= names


def test_a_thread_that_asks_is_waiting_and_says_what_for(
    saver: HoldfastSaver, store: ReadableStore
) -> None:
    graph = graphs.fan(saver)
    graph.invoke({"seen": []}, CONFIG)
    assert only_thread(store).status is Status.WAITING
    head = head_of(store)
    assert (head.step_name, head.metadata["interrupt"]) == ("ask", "go on?")
    assert load_readable(store, head)["seen"] == ["left", "right", "right_again"]
    graph.invoke(Command(resume="yes"), CONFIG)
    assert only_thread(store).status is Status.COMPLETED


def test_a_thread_whose_node_fails_has_failed_and_says_how(
    saver: HoldfastSaver, store: ReadableStore
) -> None:
    class Work(TypedDict):
        n: int

    def fail(_: Work) -> dict[str, int]:
        raise ValueError("the model is away")

    graph = StateGraph(Work)
    graph.add_node("call", fail)
    graph.add_edge(START, "call")
    with pytest.raises(ValueError, match="the model is away"):
        graph.compile(checkpointer=saver).invoke({"n": 1}, CONFIG)
    assert only_thread(store).status is Status.FAILED
    head = head_of(store)
    assert (head.kind, head.step_name) == (Kind.RECOVERY, "call")
    assert head.metadata["error"] == {"type": "ValueError", "message": "the model is away"}


def test_a_thread_that_waits_within_a_subgraph_is_waiting(
    saver: HoldfastSaver, store: ReadableStore
) -> None:
    inner = StateGraph(graphs.Joined)
    inner.add_node("ask", lambda _: {"seen": [str(interrupt("sure?"))]})
    inner.add_edge(START, "ask")
    outer = StateGraph(graphs.Joined)
    outer.add_node("inner", inner.compile())
    outer.add_edge(START, "inner")
    graph = outer.compile(checkpointer=saver)
    graph.invoke({"seen": []}, CONFIG)
    thread = only_thread(store)
    assert thread.status is Status.WAITING
    assert head_of(store).metadata["interrupt"] == "sure?"
    assert graph.invoke(Command(resume="yes"), CONFIG)["seen"] == ["yes"]


def test_the_command_line_shows_messages_as_people_can_read_them(
    saver: HoldfastSaver, url: str
) -> None:
    chat(saver).invoke({"messages": [HumanMessage("hi", id="m1")]}, CONFIG)
    ids = [t.checkpoint["id"] for t in saver.list(CONFIG)]
    result = CliRunner().invoke(app, ["show", url, ids[0], "--json"])
    messages = json.loads(result.stdout)["state"]["messages"]
    assert [m["value"]["content"] for m in messages] == ["hi", "hello, ada"]
    assert messages[1]["__type__"] == "langchain_core.messages.ai.AIMessage"
    changes = json.loads(CliRunner().invoke(app, ["diff", url, *ids[1::-1], "--json"]).stdout)
    assert {change["path"][0] for change in changes} <= {"messages", "branch:to:answer"}


def test_looking_imports_nothing_of_the_graph(saver: HoldfastSaver, url: str) -> None:
    chat(saver).invoke({"messages": [HumanMessage("hi", id="m1")]}, CONFIG)
    code = (
        "import sys, checkpoints\n"
        "from checkpoints.connectors.langgraph_native import load_readable\n"
        f"store = checkpoints.open_store({url!r})\n"
        "record = store.history(None, 't')[0]\n"
        "before = set(sys.modules)\n"
        "assert load_readable(store, record)['messages']\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "assert not new & {'langgraph', 'langchain_core'}, new\n"
        "assert 'langgraph' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_delta_channel_is_shown_as_what_was_stored_and_written_since(
    saver: HoldfastSaver, store: ReadableStore
) -> None:
    graphs.counter(saver, graphs.Delta, until=10).invoke({"n": 0, "log": []}, CONFIG)
    shown = load_readable(store, head_of(store))["log"]["value"]
    stored = shown["snapshot"]["value"]
    assert stored + [item for write in shown["writes"] for item in write] == [
        f"event {n}" for n in range(1, 11)
    ]


def test_damage_within_a_value_is_named_in_its_place(
    saver: HoldfastSaver, store: ReadableStore
) -> None:
    class Broken:
        def dumps_typed(self, value: Any) -> tuple[str, bytes]:
            return "msgpack", b"\xc1"

        def loads_typed(self, data: tuple[str, bytes]) -> Any:
            return {}

    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    checkpoint: Any = {
        "v": 4, "id": "c1", "ts": "", "channel_values": {"a": 1}, "channel_versions": {},
        "versions_seen": {},
    }  # fmt: skip
    with HoldfastSaver(saver.store, agent_id="support", serde=Broken()) as broken:
        broken.put(config, checkpoint, {"source": "loop", "step": 0}, {})
    assert load_readable(store, head_of(store))["a"]["__type__"] == "unreadable"


@pytest.mark.parametrize("value", [7, "x", ["id"], {"id": 7}, {"id": "c", "parent": {"a": 1}}])
@pytest.mark.parametrize("counters", [7, "log", ["log"], {"log": 1}])
def test_what_a_stranger_wrote_under_our_names_is_shown_as_it_is(value: Any, counters: Any) -> None:
    store = checkpoints.open_store("memory://")
    assert isinstance(store, Store)
    metadata = {"langgraph_saver": value, "counters_since_delta_snapshot": counters}
    with checkpoints.CheckpointManager("agent", store=store) as manager:
        state = {"__langgraph__": [1], "plan": ["msgpack", b"\xc1"], "n": 1}
        manager.create_checkpoint(state=state, metadata=metadata)
    [record] = store.history("agent", "main")
    assert load_readable(store, record)["n"] == 1


def test_a_journal_entry_that_is_no_write_of_langgraphs_is_named(saver: HoldfastSaver) -> None:
    graphs.counter(saver, until=2).invoke({"n": 0, "log": []}, CONFIG)
    found = saver.get_tuple(CONFIG)
    assert found is not None
    entry = JournalEntry(
        agent_id="support",
        thread_id="t",
        kind="write",
        key=f"{found.checkpoint['id']}//task/+0",
        recorded_at=datetime.now(UTC),
        data={"channel": 7},
    )
    saver.store.record([entry])
    with pytest.raises(checkpoints.CorruptCheckpoint, match="is no write of LangGraph's"):
        saver.get_tuple(CONFIG)
