"""Forks and edited forks in LangGraph's tables, proved by the real LangGraph going on from them."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

import checkpoints
from checkpoints import Edit, ForkPlan, Head
from checkpoints.connectors.langgraph_postgresql import LangGraphPostgresqlStore
from tests.checkpoints.connectors import graphs
from tests.checkpoints.connectors.langgraph_tables import (
    SAMPLE_THREADS,
    execute,
    load_sample,
    now,
    opened,
    restore,
    rows_of,
    saver,
)

PARTS = ("channel_values", "channel_versions", "versions_seen")


def fork(
    url: str, thread_id: str, checkpoint_id: str, *edits: Edit, new: str = "", operation: str = "o"
) -> Head:
    """Fork as an operator does: plan, choose ids, carry out."""
    with closing(opened(url)) as store:
        target = store.get(checkpoint_id, thread_id=thread_id, namespace="")
        plan = store.plan_fork(target, thread_id=new or f"{thread_id}-fork", edits=edits)
        plan = ForkPlan.from_dict(json.loads(json.dumps(plan.to_dict())))
        ids = store.choose_fork_ids(plan)
        return store.fork(
            plan, written_ids=ids, operation_id=operation, reason="to try again", now=now()
        )


def counted(url: str) -> tuple[LangGraphPostgresqlStore, list[checkpoints.Checkpoint]]:
    with saver(url) as own:
        graphs.counter(own).invoke({"n": 0, "log": []}, graphs.config("t"))
    store = opened(url)
    return store, store.history(None, "t")


def delete(url: str, thread_id: str) -> None:
    with saver(url) as own:
        own.delete_thread(thread_id)


@pytest.mark.parametrize("thread_id", SAMPLE_THREADS)
def test_langgraph_goes_on_from_forks_of_a_sample_thread(
    samples: Path, postgresql_url: str, thread_id: str
) -> None:
    load_sample(samples, postgresql_url)
    store = opened(postgresql_url)
    history = store.history(None, thread_id)
    roots = [r for r in history if r.namespace == "" and r.next_steps]
    roots = roots or [r for r in history if r.namespace == ""]
    old = rows_of(postgresql_url, thread_id)
    with saver(postgresql_url) as own:
        for number, position in enumerate((0.0, 0.2, 0.5, 0.9)):
            target, new = roots[int(position * len(roots))], f"fork {number}"
            forked = fork(postgresql_url, thread_id, target.id, new=new)
            before = own.get_tuple(graphs.config(thread_id, target.id))
            after = own.get_tuple(graphs.config(new))
            assert before
            assert after
            assert after.checkpoint["id"] == forked.checkpoint_id
            assert after.pending_writes == []
            for part in PARTS:
                assert repr(after.checkpoint[part]) == repr(before.checkpoint[part])
            channels = {c for c in after.checkpoint["channel_values"] if c.isidentifier()}
            channels -= {"__start__", "__pregel_tasks"}
            ran: list[str] = []
            graph = graphs.lookalike(history, channels or {"q"}, own, ran)
            state = graph.get_state(graphs.config(new))
            assert sorted(state.next) == sorted(target.next_steps)
            held = before.checkpoint["channel_values"]
            assert state.values == {name: held[name] for name in state.values}
            graph.invoke(None, graphs.config(new))
            assert sorted(ran) == sorted(step for step in target.next_steps if step != "__start__")
    assert rows_of(postgresql_url, thread_id) == old
    assert list(store.verify()) == []


def test_a_delta_channel_has_its_value_in_a_fork_without_the_old_thread(
    postgresql_url: str,
) -> None:
    with saver(postgresql_url) as own:
        graph = graphs.counter(own, graphs.Delta, until=24)
        graph.invoke({"n": 0, "log": []}, graphs.config("t"))
        history = list(graph.get_state_history(graphs.config("t")))
        for n in range(1, 24, 3):
            target = next(s for s in history if s.values.get("n") == n)
            name = target.config["configurable"]["checkpoint_id"]
            fork(postgresql_url, "t", name, new=f"fork {n}")
        delete(postgresql_url, "t")
        for n in range(1, 24, 3):
            state = graph.get_state(graphs.config(f"fork {n}"))
            assert state.values["log"] == [f"event {i + 1}" for i in range(n)]
            final = graph.invoke(None, graphs.config(f"fork {n}"))
            assert final["log"] == [f"event {i + 1}" for i in range(24)]


def test_the_sample_delta_channel_goes_on_in_a_fork(samples: Path, postgresql_url: str) -> None:
    load_sample(samples, postgresql_url)
    with saver(postgresql_url) as own:
        graph = graphs.counter(own, graphs.Delta, until=50)
        history = list(graph.get_state_history(graphs.config("delta-1")))
        target = next(s for s in history if s.values.get("n") == 12 and s.next)
        fork(postgresql_url, "delta-1", target.config["configurable"]["checkpoint_id"])
        new = graphs.config("delta-1-fork")
        assert graph.get_state(new).values == target.values
        assert graph.invoke(None, new)["n"] == 50
        assert len(graph.get_state(new).values["log"]) == 50


def test_a_subgraph_that_keeps_its_state_comes_along(postgresql_url: str) -> None:
    def facts(own: Any, thread_id: str) -> list[str]:
        values = {"thread_id": thread_id, "checkpoint_ns": "memory"}
        return list(own.get_tuple({"configurable": values}).checkpoint["channel_values"]["facts"])

    with saver(postgresql_url) as own:
        graph = graphs.talk(own)
        ends, known = [], []
        for question in ("a", "b", "c"):
            graph.invoke({"q": question, "turns": []}, graphs.config("t"))
            ends.append(graph.get_state(graphs.config("t")).config["configurable"])
            known.append(facts(own, "t"))
        fork(postgresql_url, "t", ends[0]["checkpoint_id"])
        assert facts(own, "t-fork") == known[0]
        graph.invoke({"q": "b", "turns": []}, graphs.config("t-fork"))
        assert facts(own, "t-fork") == known[1]
        assert facts(own, "t") == known[2]


def test_a_fork_holds_its_lineage_and_no_value_that_it_does_not_name(postgresql_url: str) -> None:
    store, history = counted(postgresql_url)
    plan = store.plan_fork(history[3], thread_id="t-fork")
    head = fork(postgresql_url, "t", history[3].id)
    old, new = (rows_of(postgresql_url, name) for name in ("t", "t-fork"))
    ancestors = {record.id for record in history[4:]}
    for table in ("checkpoints", "checkpoint_writes"):
        copied = {repr(row[1:]) for row in old[table] if row[2] in ancestors}
        assert {repr(row[1:]) for row in new[table] if row[2] in ancestors} == copied
        assert copied
    assert {row[2] for row in new["checkpoints"]} == {*ancestors, head.checkpoint_id}
    assert {row[2] for row in new["checkpoint_writes"]} <= ancestors
    named = {
        (channel, version)
        for row in new["checkpoints"]
        for channel, version in row[5]["channel_versions"].items()
    }
    blobs = {(row[2], row[3]) for row in new["checkpoint_blobs"]}
    assert blobs <= named
    assert blobs == {(r[2], r[3]) for r in old["checkpoint_blobs"]} & named
    assert plan.copied_bytes is not None
    assert plan.copied_bytes > sum(len(row[5]) for row in new["checkpoint_blobs"])


def test_the_copy_says_where_it_comes_from(postgresql_url: str) -> None:
    store, history = counted(postgresql_url)
    restored = restore(postgresql_url, "t", history[3].id)
    head = fork(postgresql_url, "t", restored.checkpoint_id)
    copy = store.get(head.checkpoint_id)
    assert copy.parent_id == history[3].parent_id
    assert copy.metadata["forked_from"] == restored.checkpoint_id
    assert copy.metadata["forked_from_thread"] == "t"
    assert "restored_from" not in copy.metadata
    assert (head.operation_id, head.reason) == ("o", "to try again")
    assert store.load(copy) == store.load(history[3])


def test_the_same_operation_acts_once_also_after_a_run_went_on(postgresql_url: str) -> None:
    store, history = counted(postgresql_url)
    plan = store.plan_fork(history[3], thread_id="new")
    ids = store.choose_fork_ids(plan)
    order: dict[str, Any] = {"operation_id": "op", "reason": "r", "now": now()}
    first = store.fork(plan, written_ids=ids, **order)
    with saver(postgresql_url) as own:
        graphs.counter(own).invoke(None, graphs.config("new"))
    rows = rows_of(postgresql_url)
    again = store.fork(plan, written_ids=store.choose_fork_ids(plan), **order)
    assert again.checkpoint_id == first.checkpoint_id
    assert rows_of(postgresql_url) == rows


@pytest.mark.parametrize("table", ["checkpoints", "checkpoint_writes", "checkpoint_blobs"])
def test_a_thread_of_which_anything_is_there_is_refused(postgresql_url: str, table: str) -> None:
    store, history = counted(postgresql_url)
    plan = store.plan_fork(history[3], thread_id="new")
    ids = store.choose_fork_ids(plan)
    execute(postgresql_url, f"UPDATE {table} SET thread_id = 'new'")
    with pytest.raises(checkpoints.PlanRefused, match="there is a thread 'new'"):
        store.fork(plan, written_ids=ids, operation_id="o", reason="", now=now())


def test_another_agent_no_name_or_a_subgraph_is_refused(samples: Path, postgresql_url: str) -> None:
    load_sample(samples, postgresql_url)
    store = opened(postgresql_url)
    history = store.history(None, "memory-11")
    root = next(r for r in history if r.namespace == "")
    inner = next(r for r in history if r.namespace == "memory")
    with pytest.raises(checkpoints.PlanRefused, match="'other'"):
        store.plan_fork(root, thread_id="new", agent_id="other")
    for name in ("", "\0"):
        with pytest.raises(checkpoints.PlanRefused, match="name"):
            store.plan_fork(root, thread_id=name)
    with pytest.raises(checkpoints.PlanRefused, match="subgraph"):
        store.plan_fork(inner, thread_id="new")


def test_an_edit_sets_a_value_and_what_runs_next_stays(postgresql_url: str) -> None:
    _, history = counted(postgresql_url)
    edits = [Edit(path=("n",), value=4), Edit(path=("log", 1), value="changed")]
    fork(postgresql_url, "t", history[3].id, *edits)
    with saver(postgresql_url) as own:
        graph = graphs.counter(own)
        state = graph.get_state(graphs.config("t-fork"))
        assert state.values == {"n": 4, "log": ["event 1", "changed", "event 3"]}
        assert state.next == history[3].next_steps
        before = own.get_tuple(graphs.config("t", history[3].id))
        after = own.get_tuple(graphs.config("t-fork"))
        assert before
        assert after
        old, new = before.checkpoint["channel_versions"], after.checkpoint["channel_versions"]
        assert {name for name in new if new[name] != old[name]} == {"n", "log"}
        assert all(new[name] > max(old.values()) for name in ("n", "log"))
        assert graph.invoke(None, graphs.config("t-fork"))["log"][1] == "changed"
        assert graph.get_state(graphs.config("t")).values["log"][1] == "event 2"


@pytest.mark.parametrize(
    "value",
    [None, True, 0, 2**63, 1.5, "", "ünï", "a\0b", [], {}, {"deep": [{"er": "\0"}]}, [None]],
    ids=repr,
)
def test_a_value_of_any_plain_kind_is_read_back_by_langgraph(
    postgresql_url: str, value: Any
) -> None:
    store, history = counted(postgresql_url)
    for channel in ("n", "log", "added"):
        new = f"fork of {channel}"
        fork(postgresql_url, "t", history[3].id, Edit(path=(channel,), value=value), new=new)
        with saver(postgresql_url) as own:
            found = own.get_tuple(graphs.config(new))
        assert found
        assert found.checkpoint["channel_values"][channel] == value
        assert store.load(store.history(None, new)[0])[channel] == value
    assert {finding.kind for finding in store.verify()} <= {"poisoned"}


def test_edits_add_and_remove(postgresql_url: str) -> None:
    store, history = counted(postgresql_url)
    edits = [
        Edit(path=("log", 0), remove=True),
        Edit(path=("note",), value={}),
        Edit(path=("n",), remove=True),
    ]
    fork(postgresql_url, "t", history[3].id, *edits)
    state = store.load(store.history(None, "t-fork")[0])
    assert state["log"] == ["event 2", "event 3"]
    assert state["note"] == {}
    assert "n" not in state
    assert list(store.verify()) == []


class Chat(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


def chat(own: Any, seen: list[AnyMessage]) -> Any:
    def answer(state: Chat) -> dict[str, Any]:
        seen[:] = state["messages"]
        return {"messages": [AIMessage(f"you said {state['messages'][-1].content}")]}

    graph = StateGraph(Chat)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=own)


def test_a_message_is_changed_and_stays_a_message(postgresql_url: str) -> None:
    seen: list[AnyMessage] = []
    with saver(postgresql_url) as own:
        graph = chat(own, seen)
        graph.invoke({"messages": [HumanMessage("hello", id="1")]}, graphs.config("t"))
        history = graph.get_state_history(graphs.config("t"))
        asked = next(s for s in history if s.next == ("answer",))
        edit = Edit(path=("messages", 0, "value", "content"), value="good bye")
        fork(postgresql_url, "t", asked.config["configurable"]["checkpoint_id"], edit)
        graph.invoke(None, graphs.config("t-fork"))
    assert seen == [HumanMessage("good bye", id="1")]


def test_types_that_are_not_edited_pass_through(samples: Path, postgresql_url: str) -> None:
    load_sample(samples, postgresql_url)
    target = [r for r in opened(postgresql_url).history(None, "typed-5") if not r.namespace][3]
    fork(postgresql_url, "typed-5", target.id, Edit(path=("added",), value=1))
    with saver(postgresql_url) as own:
        before = own.get_tuple(graphs.config("typed-5", target.id))
        after = own.get_tuple(graphs.config("typed-5-fork"))
    assert before
    assert after
    expected = {**before.checkpoint["channel_values"], "added": 1}
    assert after.checkpoint["channel_values"].keys() == expected.keys()
    for name, value in after.checkpoint["channel_values"].items():
        assert repr(value) == repr(expected[name])


def test_a_delta_channel_is_not_edited(samples: Path, postgresql_url: str) -> None:
    load_sample(samples, postgresql_url)
    store = opened(postgresql_url)
    for record in store.history(None, "delta-1")[:8]:
        with pytest.raises(checkpoints.PlanRefused, match="delta channel"):
            store.plan_fork(record, thread_id="new", edits=[Edit(path=("log",), value=[])])


def test_an_encrypted_value_is_shown_as_such_copied_and_not_edited(postgresql_url: str) -> None:
    store, _ = counted(postgresql_url)
    execute(postgresql_url, "UPDATE checkpoint_blobs SET type = 'msgpack+aes', blob = '\\x0102'")
    target = store.history(None, "t")[3]
    shown = store.load(target)
    assert shown["log"] == {"__type__": "msgpack+aes", "value": b"\x01\x02"}
    assert {f.kind for f in store.verify()} == {"encrypted"}
    with pytest.raises(checkpoints.PlanRefused, match="msgpack\\+aes"):
        store.plan_fork(target, thread_id="new", edits=[Edit(path=("log",), value=[])])
    fork(postgresql_url, "t", target.id)
    assert store.load(store.history(None, "t-fork")[0]) == shown
