"""Forks and edited forks in a LangGraph file, proved by the real LangGraph going on from them."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypedDict

import ormsgpack
import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

import checkpoints
from checkpoints import Edit, ForkPlan, Head
from checkpoints.connectors.langgraph.editing import edited
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from tests.checkpoints.connectors import graphs

SAMPLE_THREADS = (
    "approval-7",
    "coder-42",
    "crew-alpha",
    "crew-beta",
    "drift-9",
    "etl-nightly",
    "exit-1",
    "hog-3",
    "memory-11",
    "support-001",
    "support-002",
    "typed-5",
)
PARTS = ("channel_values", "channel_versions", "versions_seen")


@pytest.fixture
def sample(samples: Path, tmp_path: Path) -> Path:
    target = tmp_path / "sample.sqlite"
    shutil.copyfile(samples / "langgraph.sqlite", target)
    return target


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own.sqlite"


def now() -> datetime:
    return datetime.now(UTC)


def fork(
    path: Path, thread_id: str, checkpoint_id: str, *edits: Edit, operation: str = "op-1"
) -> Head:
    """Fork as an operator does: plan, choose ids, carry out."""
    with closing(LangGraphSqliteStore(path)) as store:
        target = store.get(checkpoint_id, thread_id=thread_id)
        plan = store.plan_fork(target, thread_id=f"{thread_id}-fork", edits=edits)
        plan = ForkPlan.from_dict(json.loads(json.dumps(plan.to_dict())))
        ids = store.choose_fork_ids(plan)
        return carry_out(store, plan, ids, operation)


def carry_out(
    store: LangGraphSqliteStore, plan: ForkPlan, ids: tuple[str, ...], operation: str = "op-1"
) -> Head:
    return store.fork(
        plan, written_ids=ids, operation_id=operation, reason="to try again", now=now()
    )


def rows_of(path: Path, thread_id: str) -> list[list[tuple[Any, ...]]]:
    """Return everything that both tables hold of a thread, in its order."""
    with closing(sqlite3.connect(path)) as connection:
        return [
            connection.execute(
                f"SELECT rowid, * FROM {table} WHERE thread_id = ? ORDER BY rowid", (thread_id,)
            ).fetchall()
            for table in ("checkpoints", "writes")
        ]


def execute(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, values)


@pytest.mark.parametrize("thread_id", SAMPLE_THREADS)
@pytest.mark.parametrize("position", [0.0, 0.2, 0.5, 0.9])
def test_langgraph_goes_on_from_a_fork_of_a_sample_thread(
    sample: Path, thread_id: str, position: float
) -> None:
    store = LangGraphSqliteStore(sample)
    history = store.history(None, thread_id)
    roots = [record for record in history if record.namespace == "" and record.next_steps]
    if not roots:
        roots = [record for record in history if record.namespace == ""]
    target = roots[int(position * len(roots))]
    old = rows_of(sample, thread_id)
    forked = fork(sample, thread_id, target.id)
    new, ran = f"{thread_id}-fork", list[str]()
    with graphs.saver(sample) as saver:
        before = saver.get_tuple(graphs.config(thread_id, target.id))
        after = saver.get_tuple(graphs.config(new))
        assert before
        assert after
        assert after.checkpoint["id"] == forked.checkpoint_id
        assert after.pending_writes == []
        for part in PARTS:
            assert repr(after.checkpoint[part]) == repr(before.checkpoint[part])
        channels = {c for c in after.checkpoint["channel_values"] if c.isidentifier()}
        channels -= {"__start__", "__pregel_tasks"}
        graph = graphs.lookalike(history, channels or {"q"}, saver, ran)
        state = graph.get_state(graphs.config(new))
        assert sorted(state.next) == sorted(target.next_steps)
        held = before.checkpoint["channel_values"]
        assert state.values == {name: held[name] for name in state.values}
        graph.invoke(None, graphs.config(new))
    assert sorted(ran) == sorted(step for step in target.next_steps if step != "__start__")
    assert rows_of(sample, thread_id) == old
    assert list(store.verify()) == []


@pytest.mark.parametrize("n", range(1, 24, 3))
def test_a_delta_channel_has_its_value_in_a_fork(path: Path, n: int) -> None:
    with graphs.saver(path) as saver:
        graph = graphs.counter(saver, graphs.Delta, until=24)
        graph.invoke({"n": 0, "log": []}, graphs.config("t"))
        history = list(graph.get_state_history(graphs.config("t")))
        target = next(s for s in history if s.values.get("n") == n)
        fork(path, "t", target.config["configurable"]["checkpoint_id"])
        execute(path, "DELETE FROM checkpoints WHERE thread_id = 't'")
        execute(path, "DELETE FROM writes WHERE thread_id = 't'")
        state = graph.get_state(graphs.config("t-fork"))
        assert state.values["log"] == target.values["log"] == [f"event {i + 1}" for i in range(n)]
        final = graph.invoke(None, graphs.config("t-fork"))
        assert final["log"] == [f"event {i + 1}" for i in range(24)]


def test_the_sample_delta_channel_goes_on_in_a_fork(sample: Path) -> None:
    with graphs.saver(sample) as saver:
        graph = graphs.counter(saver, graphs.Delta, until=50)
        history = list(graph.get_state_history(graphs.config("delta-1")))
        target = next(s for s in history if s.values.get("n") == 12 and s.next)
        fork(sample, "delta-1", target.config["configurable"]["checkpoint_id"])
        new = graphs.config("delta-1-fork")
        assert graph.get_state(new).values == target.values
        assert graph.invoke(None, new)["n"] == 50
        assert len(graph.get_state(new).values["log"]) == 50


def facts(saver: Any, thread_id: str) -> list[str]:
    values = {"thread_id": thread_id, "checkpoint_ns": "memory"}
    found = saver.get_tuple({"configurable": values})
    return list(found.checkpoint["channel_values"]["facts"])


def test_a_subgraph_that_keeps_its_state_comes_along(path: Path) -> None:
    with graphs.saver(path) as saver:
        graph = graphs.talk(saver)
        ends, known = [], []
        for question in ("a", "b", "c"):
            graph.invoke({"q": question, "turns": []}, graphs.config("t"))
            ends.append(graph.get_state(graphs.config("t")).config["configurable"])
            known.append(facts(saver, "t"))
        fork(path, "t", ends[0]["checkpoint_id"])
        assert facts(saver, "t-fork") == known[0]
        graph.invoke({"q": "b", "turns": []}, graphs.config("t-fork"))
        assert facts(saver, "t-fork") == known[1]
        assert facts(saver, "t") == known[2]


def counted(path: Path) -> tuple[LangGraphSqliteStore, list[checkpoints.Checkpoint]]:
    with graphs.saver(path) as saver:
        graphs.counter(saver).invoke({"n": 0, "log": []}, graphs.config("t"))
    store = LangGraphSqliteStore(path)
    return store, store.history(None, "t")


def test_ancestors_are_copied_byte_for_byte_with_what_their_tasks_wrote(path: Path) -> None:
    _, history = counted(path)
    fork(path, "t", history[3].id)
    old, new = (rows_of(path, thread) for thread in ("t", "t-fork"))
    ancestors = {record.id for record in history[4:]}
    assert len(ancestors) == len(history) - 4
    for table in (0, 1):
        copied = {row[2:] for row in old[table] if row[3] in ancestors}
        assert {row[2:] for row in new[table] if row[3] in ancestors} == copied
        assert copied
    assert {row[3] for row in new[1]} <= ancestors


def test_the_copy_says_where_it_comes_from(path: Path) -> None:
    store, history = counted(path)
    head = fork(path, "t", history[3].id)
    copy = store.get(head.checkpoint_id)
    assert copy.parent_id == history[3].parent_id
    assert copy.step == history[3].step + 1
    assert copy.metadata["forked_from"] == history[3].id
    assert copy.metadata["forked_from_thread"] == "t"
    assert (head.operation_id, head.reason) == ("op-1", "to try again")
    assert (head.thread_id, head.version) == ("t-fork", len(history) - 3)
    assert store.load(copy) == store.load(history[3])


def test_the_same_operation_acts_once_also_after_a_run_went_on(path: Path) -> None:
    store, history = counted(path)
    plan = store.plan_fork(history[3], thread_id="new")
    ids = store.choose_fork_ids(plan)
    first = carry_out(store, plan, ids)
    rows = rows_of(path, "new")
    assert carry_out(store, plan, store.choose_fork_ids(plan)) == first
    assert rows_of(path, "new") == rows
    with graphs.saver(path) as saver:
        graphs.counter(saver).invoke(None, graphs.config("new"))
    rows = rows_of(path, "new")
    assert carry_out(store, plan, ids).checkpoint_id == first.checkpoint_id
    assert rows_of(path, "new") == rows


def test_a_thread_that_is_there_is_refused(path: Path) -> None:
    store, history = counted(path)
    with pytest.raises(checkpoints.PlanRefused, match="there is a thread 't'"):
        store.plan_fork(history[3], thread_id="t")
    plan = store.plan_fork(history[3], thread_id="new")
    ids = store.choose_fork_ids(plan)
    with graphs.saver(path) as saver:
        graphs.counter(saver).invoke({"n": 0, "log": []}, graphs.config("new"))
    rows = rows_of(path, "new")
    with pytest.raises(checkpoints.PlanRefused, match="there is a thread 'new'"):
        carry_out(store, plan, ids)
    assert rows_of(path, "new") == rows


def test_another_agent_or_no_name_is_refused(path: Path) -> None:
    store, history = counted(path)
    assert store.plan_fork(history[3], thread_id="new", agent_id="own").new_agent_id == "own"
    with pytest.raises(checkpoints.PlanRefused, match="'other'"):
        store.plan_fork(history[3], thread_id="new", agent_id="other")
    with pytest.raises(checkpoints.PlanRefused, match="name"):
        store.plan_fork(history[3], thread_id="")


def test_a_target_that_changed_since_the_plan_is_refused(path: Path) -> None:
    store, history = counted(path)
    plan = store.plan_fork(history[3], thread_id="new")
    ids = store.choose_fork_ids(plan)
    execute(
        path,
        "UPDATE checkpoints SET checkpoint = ? WHERE checkpoint_id = ?",
        store.raw(history[3]).replace(b"event 1", b"event 9"),
        history[3].id,
    )
    with pytest.raises(checkpoints.CorruptCheckpoint, match="not what it was"):
        carry_out(store, plan, ids)
    assert rows_of(path, "new") == [[], []]


def test_a_subgraph_is_not_forked_by_itself(sample: Path) -> None:
    store = LangGraphSqliteStore(sample)
    inner = next(r for r in store.history(None, "memory-11") if r.namespace == "memory")
    with pytest.raises(checkpoints.PlanRefused, match="subgraph"):
        store.plan_fork(inner, thread_id="new")


def test_a_clock_behind_the_thread_is_refused(path: Path) -> None:
    _, history = counted(path)
    store = LangGraphSqliteStore(path, clock=lambda: now() - timedelta(hours=1))
    with pytest.raises(checkpoints.PlanRefused, match="clock"):
        store.plan_fork(history[2], thread_id="new")


def test_a_file_with_a_trigger_is_not_forked_in(path: Path) -> None:
    store, history = counted(path)
    plan = store.plan_fork(history[3], thread_id="new")
    ids = store.choose_fork_ids(plan)
    execute(path, "CREATE TRIGGER spy AFTER INSERT ON checkpoints BEGIN DELETE FROM writes; END")
    with pytest.raises(checkpoints.PlanRefused, match="trigger spy"):
        carry_out(store, plan, ids)
    again = LangGraphSqliteStore(path)
    assert "trigger spy" in again.capabilities.reasons["fork"]
    assert "trigger spy" in again.capabilities.reasons["edit"]
    with pytest.raises(checkpoints.PlanRefused, match="trigger spy"):
        again.plan_fork(history[3], thread_id="new")


def test_the_plan_says_what_is_copied_and_taken_again(path: Path) -> None:
    store, history = counted(path)
    plan = store.plan_fork(history[3], thread_id="new")
    assert [target.checkpoint_id for target in plan.targets] == [history[3].id]
    assert plan.rerun_steps == history[3].next_steps
    carry_out(store, plan, store.choose_fork_ids(plan))
    [bodies, written] = rows_of(path, "new")
    copied = sum(len(row[-1]) + len(row[-2]) for row in bodies) + sum(len(r[-1]) for r in written)
    assert plan.copied_bytes
    assert abs(copied - plan.copied_bytes) < 5_000


def test_a_column_that_a_later_version_may_add_is_copied(path: Path) -> None:
    _, history = counted(path)
    execute(path, "ALTER TABLE checkpoints ADD COLUMN flavour TEXT")
    execute(path, "UPDATE checkpoints SET flavour = 'of ' || checkpoint_id")
    fork(path, "t", history[3].id)
    new = {row[3]: row[-1] for row in rows_of(path, "t-fork")[0]}
    assert new[history[4].id] == f"of {history[4].id}"


def test_an_edit_sets_a_value_and_what_runs_next_stays(path: Path) -> None:
    _, history = counted(path)
    edits = [Edit(path=("n",), value=4), Edit(path=("log", 1), value="changed")]
    fork(path, "t", history[3].id, *edits)
    with graphs.saver(path) as saver:
        graph = graphs.counter(saver)
        state = graph.get_state(graphs.config("t-fork"))
        assert state.values == {"n": 4, "log": ["event 1", "changed", "event 3"]}
        assert state.next == history[3].next_steps
        old = saver.get_tuple(graphs.config("t", history[3].id)).checkpoint["channel_versions"]
        new = saver.get_tuple(graphs.config("t-fork")).checkpoint["channel_versions"]
        assert {name for name in new if new[name] != old[name]} == {"n", "log"}
        assert all(new[name] > max(old.values()) for name in ("n", "log"))
        assert graph.invoke(None, graphs.config("t-fork"))["log"][1] == "changed"


def test_edits_add_and_remove(path: Path) -> None:
    _, history = counted(path)
    fork(
        path, "t", history[3].id, Edit(path=("log", 0), remove=True), Edit(path=("note",), value={})
    )
    fields = LangGraphSqliteStore(path)
    copy = fields.history(None, "t-fork")[0]
    assert fields.load(copy)["log"] == ["event 2", "event 3"]
    assert fields.load(copy)["note"] == {}


class Chat(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


def chat(saver: Any, seen: list[AnyMessage]) -> Any:
    def answer(state: Chat) -> dict[str, Any]:
        seen[:] = state["messages"]
        return {"messages": [AIMessage(f"you said {state['messages'][-1].content}")]}

    graph = StateGraph(Chat)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=saver)


def test_a_message_is_changed_and_stays_a_message(path: Path) -> None:
    seen: list[AnyMessage] = []
    with graphs.saver(path) as saver:
        graph = chat(saver, seen)
        graph.invoke({"messages": [HumanMessage("hello", id="1")]}, graphs.config("t"))
        asked = next(
            s for s in graph.get_state_history(graphs.config("t")) if s.next == ("answer",)
        )
        place = ("messages", 0, "value", "content")
        fork(
            path,
            "t",
            asked.config["configurable"]["checkpoint_id"],
            Edit(path=place, value="good bye"),
        )
        graph.invoke(None, graphs.config("t-fork"))
    assert seen == [HumanMessage("good bye", id="1")]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (Edit(path=()), "channel first"),
        (Edit(path=("messages", 0), value={"content": "x"}), "HumanMessage"),
        (Edit(path=("messages", 0, "value"), remove=True), "cannot be built without"),
        (Edit(path=("messages", 7), value=1), "nothing at that place"),
        (Edit(path=("messages", 0, "content"), value="x"), "nothing at that place"),
        (Edit(path=("messages", "0"), value="x"), "nothing at that place"),
        (Edit(path=("none",), remove=True), "nothing at that place"),
        (Edit(path=("none", "deeper"), value=1), "nothing at that place"),
        (Edit(path=("branch:to:answer",), value=None), "LangGraph's own"),
        (Edit(path=("__pregel_tasks",), value=[]), "LangGraph's own"),
        (
            Edit(path=("note",), value={"__type__": "os.system", "value": 1}),
            "only the agent's code",
        ),
        (Edit(path=("note",), value=[{"lc": 1, "type": "constructor"}]), "only the agent's code"),
        (Edit(path=("note",), value={1: 2}), "only the agent's code"),
        (Edit(path=("note",), value=2**64), "only the agent's code"),
        (Edit(path=("note",), value="\ud800"), "only the agent's code"),
        (Edit(path=("note",), value=now()), "only the agent's code"),
        (Edit(path=("note",), value=float("nan")), "only the agent's code"),
    ],
)
def test_an_edit_that_cannot_be_made_is_refused(path: Path, edit: Edit, reason: str) -> None:
    with graphs.saver(path) as saver:
        chat(saver, []).invoke({"messages": [HumanMessage("hello", id="1")]}, graphs.config("t"))
    store = LangGraphSqliteStore(path)
    with pytest.raises(checkpoints.PlanRefused, match=reason):
        store.plan_fork(store.history(None, "t")[0], thread_id="new", edits=[edit])


def test_a_delta_channel_is_not_edited(sample: Path) -> None:
    store = LangGraphSqliteStore(sample)
    for record in store.history(None, "delta-1")[:8]:
        with pytest.raises(checkpoints.PlanRefused, match="delta channel"):
            store.plan_fork(record, thread_id="new", edits=[Edit(path=("log",), value=[])])


def test_an_encrypted_checkpoint_is_neither_forked_nor_edited(path: Path) -> None:
    store, history = counted(path)
    execute(path, "UPDATE checkpoints SET type = 'msgpack+aes'")
    for edits in ([], [Edit(path=("n",), value=1)]):
        with pytest.raises(checkpoints.CorruptCheckpoint, match="encrypted"):
            store.plan_fork(store.get(history[3].id), thread_id="new", edits=edits)


def test_types_that_are_not_edited_pass_through(sample: Path) -> None:
    store = LangGraphSqliteStore(sample)
    target = store.history(None, "typed-5")[3]
    fork(sample, "typed-5", target.id, Edit(path=("added",), value=1))
    with graphs.saver(sample) as saver:
        before = saver.get_tuple(graphs.config("typed-5", target.id)).checkpoint["channel_values"]
        after = saver.get_tuple(graphs.config("typed-5-fork")).checkpoint["channel_values"]
    assert repr({**before, "added": 1}) == repr(after)


def test_bodies_in_the_json_of_older_versions_are_forked_and_edited(path: Path) -> None:
    _, history = counted(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        for rowid, body in connection.execute(
            "SELECT rowid, checkpoint FROM checkpoints"
        ).fetchall():
            content = ormsgpack.unpackb(body)
            content["channel_values"]["kept"] = {"lc": 1, "type": "constructor", "id": ["a", "B"]}
            connection.execute(
                "UPDATE checkpoints SET type = 'json', checkpoint = ? WHERE rowid = ?",
                (json.dumps(content).encode(), rowid),
            )
    store = LangGraphSqliteStore(path)
    target = store.get(history[3].id)
    with pytest.raises(checkpoints.PlanRefused, match="LangChain object"):
        store.plan_fork(target, thread_id="new", edits=[Edit(path=("kept",), value=1)])
    fork(path, "t", target.id, Edit(path=("log", 0), value="changed"))
    copy = store.history(None, "t-fork")[0]
    assert store.load(copy)["log"] == ["changed", "event 2", "event 3"]
    assert store.load(copy)["kept"] == store.load(target)["kept"]


@pytest.mark.parametrize(
    "version", ["", "x", "9" * 5_000, "-1", float("nan"), float("inf"), 2**63, -1]
)
def test_versions_of_no_known_kind_are_refused(version: Any) -> None:
    content = {"channel_versions": {"n": version}}
    with pytest.raises(checkpoints.PlanRefused, match="version"):
        edited(content, [Edit(path=("n",), value=1)], ())


def test_an_edit_past_the_limits_is_refused(path: Path) -> None:
    store, history = counted(path)
    large = Edit(path=("log",), value=[0] * 200_001)
    with pytest.raises(checkpoints.CorruptCheckpoint, match="more than 200,000 values"):
        store.plan_fork(history[0], thread_id="new", edits=[large])


@pytest.mark.parametrize(("versions", "newer"), [([3, 7, 5], 8), ([1.0, 2.5], 3), ([], 1)])
def test_versions_that_are_numbers_are_raised(versions: list[float], newer: float) -> None:
    content = {"channel_versions": dict(zip("abc", versions, strict=False))}
    changed = edited(content, [Edit(path=("n",), value=1)], ())
    assert changed["channel_versions"]["n"] == newer
