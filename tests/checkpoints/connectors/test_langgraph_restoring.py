"""Restores in a LangGraph file, proved by the real LangGraph resuming from them."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ormsgpack
import pytest

import checkpoints
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from checkpoints.connectors.sqlite_files import database as database_module
from checkpoints.records import Head, Strategy
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
    "support-001",
    "support-002",
    "typed-5",
)


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


def restore(path: Path, thread_id: str, checkpoint_id: str, operation: str = "op-1") -> Head:
    """Restore as an operator does: plan, choose ids, carry out."""
    store = LangGraphSqliteStore(path)
    try:
        plan = store.plan_restore(store.get(checkpoint_id, thread_id=thread_id))
        return store.restore(
            plan,
            written_ids=store.choose_ids(plan),
            operation_id=operation,
            reason="it went wrong",
            now=now(),
        )
    finally:
        store.close()


def count_rows(path: Path) -> tuple[int, int]:
    connection = sqlite3.connect(path)
    counts = [
        connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("checkpoints", "writes")
    ]
    connection.close()
    return counts[0], counts[1]


@pytest.mark.parametrize("thread_id", SAMPLE_THREADS)
@pytest.mark.parametrize("position", [0.2, 0.5, 0.9])
def test_langgraph_resumes_a_sample_thread_where_it_was_put_back(
    sample: Path, thread_id: str, position: float
) -> None:
    store = LangGraphSqliteStore(sample)
    history = store.history(None, thread_id)
    roots = [record for record in history if record.namespace == "" and record.next_steps]
    if not roots:
        roots = [record for record in history if record.namespace == ""]
    target = roots[int(position * len(roots))]
    restored = restore(sample, thread_id, target.id)
    ran: list[str] = []
    with graphs.saver(sample) as saver:
        before = saver.get_tuple(graphs.config(thread_id, target.id))
        after = saver.get_tuple(graphs.config(thread_id))
        assert before
        assert after
        assert after.checkpoint["id"] == restored.checkpoint_id
        assert after.pending_writes == []
        for part in ("channel_values", "channel_versions", "versions_seen"):
            assert repr(after.checkpoint[part]) == repr(before.checkpoint[part])
        channels = {c for c in after.checkpoint["channel_values"] if c.isidentifier()}
        channels -= {"__start__", "__pregel_tasks"}
        graph = graphs.lookalike(history, channels or {"q"}, saver, ran)
        state = graph.get_state(graphs.config(thread_id))
        assert sorted(state.next) == sorted(target.next_steps)
        held = before.checkpoint["channel_values"]
        assert state.values == {name: held[name] for name in state.values}
        assert channels <= set(state.values)
        graph.invoke(None, graphs.config(thread_id))
    assert sorted(ran) == sorted(step for step in target.next_steps if step != "__start__")


def test_a_graph_goes_on_from_a_restored_checkpoint(path: Path) -> None:
    with graphs.saver(path) as saver:
        graph = graphs.counter(saver)
        graph.invoke({"n": 0, "log": []}, graphs.config("t"))
        third = next(s for s in graph.get_state_history(graphs.config("t")) if s.values["n"] == 3)
        restore(path, "t", third.config["configurable"]["checkpoint_id"])
        state = graph.get_state(graphs.config("t"))
        assert state.values == third.values == {"n": 3, "log": ["event 1", "event 2", "event 3"]}
        assert state.next == ("work",)
        assert graph.invoke(None, graphs.config("t"))["n"] == 6
        assert graph.get_state(graphs.config("t")).values["log"][3:] == [
            "event 4",
            "event 5",
            "event 6",
        ]


@pytest.mark.parametrize("n", range(1, 24))
def test_a_delta_channel_keeps_its_value_wherever_it_is_restored(path: Path, n: int) -> None:
    with graphs.saver(path) as saver:
        graph = graphs.counter(saver, graphs.Delta, until=24)
        graph.invoke({"n": 0, "log": []}, graphs.config("t"))
        history = list(graph.get_state_history(graphs.config("t")))
        target = next(s for s in history if s.values.get("n") == n)
        restore(path, "t", target.config["configurable"]["checkpoint_id"])
        state = graph.get_state(graphs.config("t"))
        assert state.values["log"] == target.values["log"] == [f"event {i + 1}" for i in range(n)]
        final = graph.invoke(None, graphs.config("t"))
        assert final["log"] == [f"event {i + 1}" for i in range(24)]


def test_the_sample_delta_channel_resumes(sample: Path) -> None:
    with graphs.saver(sample) as saver:
        graph = graphs.counter(saver, graphs.Delta, until=50)
        history = list(graph.get_state_history(graphs.config("delta-1")))
        target = next(s for s in history if s.values.get("n") == 12 and s.next)
        restore(sample, "delta-1", target.config["configurable"]["checkpoint_id"])
        state = graph.get_state(graphs.config("delta-1"))
        assert state.values == target.values
        assert len(state.values["log"]) == 12
        assert graph.invoke(None, graphs.config("delta-1"))["n"] == 50
        assert len(graph.get_state(graphs.config("delta-1")).values["log"]) == 50


def facts(saver: Any, thread_id: str) -> list[str]:
    values = {"thread_id": thread_id, "checkpoint_ns": "memory"}
    found = saver.get_tuple({"configurable": values})
    return list(found.checkpoint["channel_values"]["facts"])


def test_a_persistent_subgraph_goes_back_with_its_thread(path: Path) -> None:
    with graphs.saver(path) as saver:
        graph = graphs.talk(saver)
        ends, known = [], []
        for question in ("a", "b", "c"):
            graph.invoke({"q": question, "turns": []}, graphs.config("t"))
            ends.append(graph.get_state(graphs.config("t")).config["configurable"])
            known.append(facts(saver, "t"))
        restore(path, "t", ends[0]["checkpoint_id"])
        assert facts(saver, "t") == known[0]
        assert graph.get_state(graphs.config("t")).values["turns"] == ["answered a"]
        graph.invoke({"q": "b", "turns": []}, graphs.config("t"))
        assert facts(saver, "t") == known[1]


def test_a_restore_can_be_undone_and_redone_with_its_subgraph(path: Path) -> None:
    with graphs.saver(path) as saver:
        graph = graphs.talk(saver)
        ends, known = [], []
        for question in ("a", "b", "c"):
            graph.invoke({"q": question, "turns": []}, graphs.config("t"))
            ends.append(graph.get_state(graphs.config("t")).config["configurable"])
            known.append(facts(saver, "t"))
        first = restore(path, "t", ends[0]["checkpoint_id"], "op-1")
        restore(path, "t", ends[2]["checkpoint_id"], "op-2")
        assert facts(saver, "t") == known[2]
        assert len(graph.get_state(graphs.config("t")).values["turns"]) == 3
        restore(path, "t", first.checkpoint_id, "op-3")
        assert facts(saver, "t") == known[0]
        assert graph.get_state(graphs.config("t")).values["turns"] == ["answered a"]


def test_the_sample_persistent_subgraph_goes_back(sample: Path) -> None:
    store = LangGraphSqliteStore(sample)
    roots = [r for r in store.history(None, "memory-11") if r.namespace == ""]
    target = next(r for r in roots if r.status == "completed" and len(store.load(r)["turns"]) == 4)
    with graphs.saver(sample) as saver:
        later = facts(saver, "memory-11")
        restore(sample, "memory-11", target.id)
        earlier = facts(saver, "memory-11")
        assert earlier == later[: len(earlier)]
        assert len(earlier) == 4 < len(later)


def test_a_join_and_an_interrupt_are_taken_again(path: Path) -> None:
    with graphs.saver(path) as saver:
        graph = graphs.fan(saver)
        graph.invoke({"seen": []}, graphs.config("t"))
        store = LangGraphSqliteStore(path)
        [thread] = store.threads()
        assert (thread.status, thread.next_steps) == ("waiting", ("ask",))
        asked = graph.get_state(graphs.config("t")).config["configurable"]["checkpoint_id"]
        from langgraph.types import Command

        graph.invoke(Command(resume="yes"), graphs.config("t"))
        plan = store.plan_restore(store.get(asked))
        assert any("interrupt" in warning for warning in plan.warnings)
        restore(path, "t", asked)
        state = graph.get_state(graphs.config("t"))
        assert state.next == ("ask",)
        graph.invoke(None, graphs.config("t"))
        assert graph.get_state(graphs.config("t")).interrupts[0].value == "go on?"
        assert graph.invoke(Command(resume="no"), graphs.config("t"))["seen"][-1] == "no"


@pytest.mark.parametrize("build", [graphs.counter, graphs.talk, graphs.fan])
def test_next_steps_are_those_that_langgraph_would_take(path: Path, build: Any) -> None:
    with graphs.saver(path) as saver:
        graph = build(saver)
        graph.invoke({"n": 0, "log": [], "q": "a", "seen": []}, graphs.config("t"))
        store = LangGraphSqliteStore(path)
        records = {record.id: record for record in store.history(None, "t")}
        snapshots = list(graph.get_state_history(graphs.config("t")))
        assert snapshots
        for snapshot in snapshots:
            record = records[snapshot.config["configurable"]["checkpoint_id"]]
            assert sorted(record.next_steps) == sorted(snapshot.next)


def counted(path: Path) -> tuple[LangGraphSqliteStore, list[checkpoints.Checkpoint]]:
    with graphs.saver(path) as saver:
        graphs.counter(saver).invoke({"n": 0, "log": []}, graphs.config("t"))
    store = LangGraphSqliteStore(path)
    return store, store.history(None, "t")


def test_the_copy_says_where_it_comes_from(path: Path) -> None:
    store, history = counted(path)
    head = restore(path, "t", history[3].id)
    copy = store.get(head.checkpoint_id)
    assert copy.parent_id == history[3].parent_id
    assert copy.step == history[3].step + 1
    assert copy.metadata["source"] == "fork"
    assert copy.metadata["restored_from"] == history[3].id
    assert (head.operation_id, head.reason) == ("op-1", "it went wrong")
    assert store.load(copy) == store.load(history[3])
    assert store.head(None, "t") == head


def test_nothing_but_the_copies_is_written(sample: Path) -> None:
    store = LangGraphSqliteStore(sample)
    before = {r.id: r for t in store.threads() for r in store.history(None, t.thread_id)}
    rows, writes = count_rows(sample)
    target = next(r for r in store.history(None, "memory-11") if r.namespace == "" and r.step == 12)
    restore(sample, "memory-11", target.id)
    assert count_rows(sample) == (rows + 2, writes)
    after = {r.id: r for t in store.threads() for r in store.history(None, t.thread_id)}
    assert {i: after[i].sha256 for i in before} == {i: r.sha256 for i, r in before.items()}


def test_what_a_restore_appended_is_not_taken_for_a_live_run(sample: Path) -> None:
    store = LangGraphSqliteStore(sample)
    rows = [r for r in store.history(None, "memory-11") if r.namespace == ""]
    target, other = (next(r for r in rows if r.step == step) for step in (12, 6))
    restore(sample, "memory-11", target.id)

    assert not any("still alive" in text for text in store.plan_restore(other).warnings)
    store.close()


def test_the_same_operation_acts_once(path: Path) -> None:
    store, history = counted(path)
    plan = store.plan_restore(history[2])
    ids = store.choose_ids(plan)
    order: dict[str, Any] = {"operation_id": "op", "reason": "r", "now": now()}
    first = store.restore(plan, written_ids=ids, **order)
    rows = count_rows(path)
    assert store.restore(plan, written_ids=ids, **order) == first
    assert store.restore(plan, written_ids=store.choose_ids(plan), **order) == first
    assert count_rows(path) == rows


def test_a_head_that_moved_is_refused(path: Path) -> None:
    store, history = counted(path)
    plan = store.plan_restore(history[2])
    with graphs.saver(path) as saver:
        graphs.counter(saver).invoke({"n": 0, "log": []}, graphs.config("t"))
    rows = count_rows(path)
    with pytest.raises(checkpoints.HeadMoved) as refused:
        store.restore(
            plan, written_ids=store.choose_ids(plan), operation_id="o", reason="", now=now()
        )
    assert refused.value.expected == history[0].id
    assert refused.value.actual not in (None, history[0].id)
    assert count_rows(path) == rows


def test_an_id_that_is_no_longer_the_newest_is_refused(path: Path) -> None:
    store, history = counted(path)
    plan = store.plan_restore(history[2])
    rows = count_rows(path)
    with pytest.raises(checkpoints.HeadMoved):
        store.restore(plan, written_ids=[history[1].id], operation_id="o", reason="", now=now())
    assert count_rows(path) == rows


def flip(path: Path, checkpoint_id: str) -> None:
    connection = sqlite3.connect(path)
    [body] = connection.execute(
        "SELECT checkpoint FROM checkpoints WHERE checkpoint_id = ?", (checkpoint_id,)
    ).fetchone()
    changed = body.replace(b"event 1", b"event 9")
    assert changed != body
    connection.execute(
        "UPDATE checkpoints SET checkpoint = ? WHERE checkpoint_id = ?", (changed, checkpoint_id)
    )
    connection.commit()
    connection.close()


def test_a_target_that_changed_since_the_plan_is_refused(path: Path) -> None:
    store, history = counted(path)
    plan = store.plan_restore(history[2])
    ids = store.choose_ids(plan)
    flip(path, history[2].id)
    rows = count_rows(path)
    with pytest.raises(checkpoints.CorruptCheckpoint):
        store.restore(plan, written_ids=ids, operation_id="o", reason="", now=now())
    assert count_rows(path) == rows
    with pytest.raises(checkpoints.CorruptCheckpoint):
        store.load(history[2])


def test_a_target_that_cannot_be_read_is_refused(path: Path) -> None:
    store, history = counted(path)
    connection = sqlite3.connect(path)
    connection.execute(
        "UPDATE checkpoints SET checkpoint = substr(checkpoint, 1, 40) WHERE checkpoint_id = ?",
        (history[2].id,),
    )
    connection.commit()
    connection.close()
    damaged = store.get(history[2].id)
    assert damaged.damage
    with pytest.raises(checkpoints.CorruptCheckpoint):
        store.plan_restore(damaged)
    assert len(store.history(None, "t")) == len(history)
    assert {f.kind for f in store.verify()} == {"truncated"}


def test_a_clock_behind_the_thread_is_refused(path: Path) -> None:
    _, history = counted(path)
    store = LangGraphSqliteStore(path, clock=lambda: now() - timedelta(hours=1))
    with pytest.raises(checkpoints.PlanRefused, match="clock"):
        store.plan_restore(history[2])


def test_a_subgraph_is_not_restored_by_itself(sample: Path) -> None:
    store = LangGraphSqliteStore(sample)
    inner = next(r for r in store.history(None, "memory-11") if r.namespace == "memory")
    with pytest.raises(checkpoints.PlanRefused, match="subgraph"):
        store.plan_restore(inner)


def test_a_directive_travels_with_the_head(path: Path) -> None:
    store, history = counted(path)
    plan = store.plan_restore(history[2])
    directive = checkpoints.Directive(
        strategy=Strategy.MODIFY_PARAMETERS, parameters={"temperature": 0.2}
    )
    head = store.restore(
        plan,
        written_ids=store.choose_ids(plan),
        operation_id="o",
        reason="r",
        now=now(),
        directive=directive,
    )
    assert head.directive == directive


def test_a_file_with_a_trigger_is_read_but_not_written(path: Path) -> None:
    _, history = counted(path)
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TRIGGER spy AFTER INSERT ON checkpoints BEGIN DELETE FROM writes; END"
    )
    connection.commit()
    connection.close()
    store = LangGraphSqliteStore(path)
    assert len(store.history(None, "t")) == len(history)
    assert not store.capabilities.restore
    assert "trigger spy" in store.capabilities.reasons["restore"]
    with pytest.raises(checkpoints.PlanRefused, match="trigger spy"):
        store.plan_restore(history[2])


def test_a_trigger_that_came_after_the_plan_is_refused(path: Path) -> None:
    store, history = counted(path)
    plan = store.plan_restore(history[2])
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TRIGGER spy AFTER INSERT ON checkpoints BEGIN DELETE FROM writes; END"
    )
    connection.commit()
    connection.close()
    rows = count_rows(path)
    with pytest.raises(checkpoints.PlanRefused, match="trigger spy"):
        store.restore(
            plan, written_ids=store.choose_ids(plan), operation_id="o", reason="", now=now()
        )
    assert count_rows(path) == rows


def test_a_locked_file_is_a_passing_condition(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "_BUSY_SECONDS", 0.1)
    store, history = counted(path)
    plan = store.plan_restore(history[2])
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(checkpoints.TransientStoreError, match="locked"):
        store.restore(
            plan, written_ids=store.choose_ids(plan), operation_id="o", reason="", now=now()
        )
    connection.close()


def test_a_file_of_an_older_version_is_read_and_restored(path: Path) -> None:
    counted(path)
    connection = sqlite3.connect(path)
    connection.execute("ALTER TABLE writes DROP COLUMN task_path")
    connection.commit()
    connection.close()
    store = LangGraphSqliteStore(path)
    history = store.history(None, "t")
    assert history[0].written_by == ("work",)
    head = restore(path, "t", history[2].id)
    with graphs.saver(path) as saver:
        assert (
            graphs.counter(saver)
            .get_state(graphs.config("t"))
            .config["configurable"]["checkpoint_id"]
            == head.checkpoint_id
        )


def test_metadata_keeps_what_the_run_was_configured_with(path: Path) -> None:
    _, history = counted(path)
    restore(path, "t", history[2].id)
    connection = sqlite3.connect(path)
    [text] = connection.execute(
        "SELECT metadata FROM checkpoints ORDER BY checkpoint_id DESC LIMIT 1"
    ).fetchone()
    connection.close()
    assert json.loads(text)["parents"] == {}


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from checkpoints.connectors.langgraph import heads
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore

def die(*_args):
    os.kill(os.getpid(), signal.SIGKILL)

store = LangGraphSqliteStore(Path(sys.argv[1]))
plan = store.plan_restore(store.get(sys.argv[2]))
heads.head_of = die
store.restore(plan, written_ids=store.choose_ids(plan), operation_id="op-1", reason="r",
              now=datetime.now(UTC))
"""


def test_a_kill_before_the_commit_changes_nothing(path: Path) -> None:
    store, history = counted(path)
    rows = count_rows(path)
    command = [sys.executable, "-c", KILLED, str(path), history[3].id]
    root = Path(__file__).resolve().parents[3]
    ended = subprocess.run(command, cwd=root, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert count_rows(path) == rows
    assert store.plan_restore(history[3]).expected_head == history[0].id
    assert restore(path, "t", history[3].id).operation_id == "op-1"


def test_restores_at_once_leave_one_winner(path: Path) -> None:
    store, history = counted(path)
    plan = store.plan_restore(history[3])
    stores = [LangGraphSqliteStore(path) for _ in range(6)]
    ids = [opened.choose_ids(plan) for opened in stores]

    def attempt(number: int) -> Head | checkpoints.HeadMoved:
        try:
            return stores[number].restore(
                plan,
                written_ids=ids[number],
                operation_id=f"op-{number}",
                reason="",
                now=now(),
            )
        except checkpoints.HeadMoved as error:
            return error

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(attempt, range(6)))
    winners = [outcome for outcome in outcomes if isinstance(outcome, Head)]
    assert len(winners) == 1
    assert store.head(None, "t") == winners[0]


def test_bodies_in_the_json_of_older_versions_are_restored(path: Path) -> None:
    _, history = counted(path)
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT rowid, checkpoint FROM checkpoints").fetchall()
    for rowid, body in rows:
        text = json.dumps(ormsgpack.unpackb(body)).encode()
        connection.execute(
            "UPDATE checkpoints SET type = 'json', checkpoint = ? WHERE rowid = ?", (text, rowid)
        )
    connection.commit()
    connection.close()
    head = restore(path, "t", history[3].id)
    with graphs.saver(path) as saver:
        graph = graphs.counter(saver)
        state = graph.get_state(graphs.config("t"))
        assert state.config["configurable"]["checkpoint_id"] == head.checkpoint_id
        assert graph.invoke(None, graphs.config("t"))["n"] == 6


def test_a_record_that_was_altered_since_it_was_listed_is_not_planned(path: Path) -> None:
    store, history = counted(path)
    flip(path, history[2].id)
    with pytest.raises(checkpoints.CorruptCheckpoint, match="changed"):
        store.plan_restore(history[2])


@pytest.mark.parametrize("metadata", [b"[]", b"{", b"3", b"\xff"])
def test_a_target_whose_metadata_cannot_be_read_is_refused(path: Path, metadata: bytes) -> None:
    store, history = counted(path)
    connection = sqlite3.connect(path)
    connection.execute(
        "UPDATE checkpoints SET metadata = ? WHERE checkpoint_id = ?", (metadata, history[2].id)
    )
    connection.commit()
    connection.close()
    with pytest.raises(checkpoints.CorruptCheckpoint, match="metadata"):
        store.plan_restore(history[2])


def test_a_run_that_is_alive_goes_on_after_a_restore_was_refused_or_done(path: Path) -> None:
    store, history = counted(path)
    outcomes: list[str] = []

    def agent() -> None:
        with graphs.saver(path) as saver:
            saver.conn.execute("PRAGMA busy_timeout = 5000")
            for _ in range(15):
                graphs.counter(saver).invoke({"n": 0, "log": []}, graphs.config("t"))

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(agent)
        while not running.done():
            try:
                restore(path, "t", history[2].id, f"op-{len(outcomes)}")
                outcomes.append("done")
            except (checkpoints.HeadMoved, checkpoints.TransientStoreError):
                outcomes.append("refused")
        running.result()
    assert outcomes
    assert list(store.verify()) == []
