"""Restores in LangGraph's tables, proved by the real LangGraph resuming from them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command

import checkpoints
from checkpoints.connectors.langgraph_postgresql import LangGraphPostgresqlStore
from checkpoints.records import Head, Strategy
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


def facts(opened_saver: Any, thread_id: str) -> list[str]:
    values = {"thread_id": thread_id, "checkpoint_ns": "memory"}
    found = opened_saver.get_tuple({"configurable": values})
    return list(found.checkpoint["channel_values"]["facts"])


def counted(url: str) -> tuple[LangGraphPostgresqlStore, list[checkpoints.Checkpoint]]:
    with saver(url) as own:
        graphs.counter(own).invoke({"n": 0, "log": []}, graphs.config("t"))
    store = opened(url)
    return store, store.history(None, "t")


@pytest.mark.parametrize("thread_id", SAMPLE_THREADS)
def test_langgraph_resumes_a_sample_thread_wherever_it_was_put_back(
    samples: Path, postgresql_url: str, thread_id: str
) -> None:
    load_sample(samples, postgresql_url)
    with saver(postgresql_url) as own:
        for number, position in enumerate((0.0, 0.2, 0.5, 0.9)):
            history = opened(postgresql_url).history(None, thread_id)
            original = [
                r for r in history if r.namespace == "" and "restored_from" not in r.metadata
            ]
            roots = [r for r in original if r.next_steps] or original
            target = roots[int(position * len(roots))]
            restored = restore(postgresql_url, thread_id, target.id, f"op-{number}")
            before = own.get_tuple(graphs.config(thread_id, target.id))
            after = own.get_tuple(graphs.config(thread_id))
            assert before
            assert after
            assert after.checkpoint["id"] == restored.checkpoint_id
            assert after.pending_writes == []
            for part in PARTS:
                assert repr(after.checkpoint[part]) == repr(before.checkpoint[part])
            channels = {c for c in after.checkpoint["channel_values"] if c.isidentifier()}
            channels -= {"__start__", "__pregel_tasks"}
            ran: list[str] = []
            graph = graphs.lookalike(history, channels or {"q"}, own, ran)
            state = graph.get_state(graphs.config(thread_id))
            assert sorted(state.next) == sorted(target.next_steps)
            held = before.checkpoint["channel_values"]
            assert state.values == {name: held[name] for name in state.values}
            assert channels <= set(state.values)
            graph.invoke(None, graphs.config(thread_id))
            assert sorted(ran) == sorted(step for step in target.next_steps if step != "__start__")
    assert list(opened(postgresql_url).verify()) == []


def test_the_sample_delta_channel_resumes_wherever_it_was_put_back(
    samples: Path, postgresql_url: str
) -> None:
    load_sample(samples, postgresql_url)
    with saver(postgresql_url) as own:
        graph = graphs.counter(own, graphs.Delta, until=50)
        history = list(graph.get_state_history(graphs.config("delta-1")))
        for n in (3, 8, 12, 17):
            target = next(s for s in history if s.values.get("n") == n and s.next)
            name = target.config["configurable"]["checkpoint_id"]
            restore(postgresql_url, "delta-1", name, f"op-{n}")
            state = graph.get_state(graphs.config("delta-1"))
            assert state.values == target.values
            assert len(state.values["log"]) == n
            assert graph.invoke(None, graphs.config("delta-1"))["n"] == 50
            assert len(graph.get_state(graphs.config("delta-1")).values["log"]) == 50


@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_delta_channel_keeps_its_value_wherever_it_is_restored(
    postgresql_url: str, first: int
) -> None:
    with saver(postgresql_url) as own:
        graph = graphs.counter(own, graphs.Delta, until=24)
        graph.invoke({"n": 0, "log": []}, graphs.config("t"))
        history = list(graph.get_state_history(graphs.config("t")))
        for n in range(first, 24, 3):
            target = next(s for s in history if s.values.get("n") == n)
            name = target.config["configurable"]["checkpoint_id"]
            restore(postgresql_url, "t", name, f"op-{n}")
            state = graph.get_state(graphs.config("t"))
            expected = [f"event {i + 1}" for i in range(n)]
            assert state.values["log"] == target.values["log"] == expected
            final = graph.invoke(None, graphs.config("t"))
            assert final["log"] == [f"event {i + 1}" for i in range(24)]


def test_a_graph_goes_on_from_a_restored_checkpoint(postgresql_url: str) -> None:
    with saver(postgresql_url) as own:
        graph = graphs.counter(own)
        graph.invoke({"n": 0, "log": []}, graphs.config("t"))
        history = list(graph.get_state_history(graphs.config("t")))
        third = next(s for s in history if s.values["n"] == 3)
        restore(postgresql_url, "t", third.config["configurable"]["checkpoint_id"])
        state = graph.get_state(graphs.config("t"))
        assert state.values == third.values == {"n": 3, "log": ["event 1", "event 2", "event 3"]}
        assert graph.invoke(None, graphs.config("t"))["log"][3:] == [
            "event 4",
            "event 5",
            "event 6",
        ]


def test_a_persistent_subgraph_goes_back_with_its_thread_and_forward_again(
    postgresql_url: str,
) -> None:
    with saver(postgresql_url) as own:
        graph = graphs.talk(own)
        ends, known = [], []
        for question in ("a", "b", "c"):
            graph.invoke({"q": question, "turns": []}, graphs.config("t"))
            ends.append(graph.get_state(graphs.config("t")).config["configurable"])
            known.append(facts(own, "t"))
        first = restore(postgresql_url, "t", ends[0]["checkpoint_id"], "op-1")
        assert facts(own, "t") == known[0]
        assert graph.get_state(graphs.config("t")).values["turns"] == ["answered a"]
        restore(postgresql_url, "t", ends[2]["checkpoint_id"], "op-2")
        assert facts(own, "t") == known[2]
        restore(postgresql_url, "t", first.checkpoint_id, "op-3")
        assert facts(own, "t") == known[0]
        graph.invoke({"q": "b", "turns": []}, graphs.config("t"))
        assert facts(own, "t") == known[1]


def test_the_sample_persistent_subgraph_goes_back(samples: Path, postgresql_url: str) -> None:
    load_sample(samples, postgresql_url)
    store = opened(postgresql_url)
    roots = [r for r in store.history(None, "memory-11") if r.namespace == ""]
    target = next(r for r in roots if r.status == "completed" and len(store.load(r)["turns"]) == 4)
    with saver(postgresql_url) as own:
        later = facts(own, "memory-11")
        restore(postgresql_url, "memory-11", target.id)
        earlier = facts(own, "memory-11")
    assert earlier == later[: len(earlier)]
    assert len(earlier) == 4 < len(later)


def test_a_join_and_an_interrupt_are_taken_again(postgresql_url: str) -> None:
    with saver(postgresql_url) as own:
        graph = graphs.fan(own)
        graph.invoke({"seen": []}, graphs.config("t"))
        store = opened(postgresql_url)
        [thread] = store.threads()
        assert (thread.status, thread.next_steps) == ("waiting", ("ask",))
        asked = graph.get_state(graphs.config("t")).config["configurable"]["checkpoint_id"]
        graph.invoke(Command(resume="yes"), graphs.config("t"))
        plan = store.plan_restore(store.get(asked))
        assert any("interrupt" in warning for warning in plan.warnings)
        restore(postgresql_url, "t", asked)
        assert graph.get_state(graphs.config("t")).next == ("ask",)
        graph.invoke(None, graphs.config("t"))
        assert graph.get_state(graphs.config("t")).interrupts[0].value == "go on?"
        assert graph.invoke(Command(resume="no"), graphs.config("t"))["seen"][-1] == "no"


@pytest.mark.parametrize("build", [graphs.counter, graphs.talk, graphs.fan])
def test_next_steps_are_those_that_langgraph_would_take(postgresql_url: str, build: Any) -> None:
    with saver(postgresql_url) as own:
        graph = build(own)
        graph.invoke({"n": 0, "log": [], "q": "a", "seen": []}, graphs.config("t"))
        records = {record.id: record for record in opened(postgresql_url).history(None, "t")}
        snapshots = list(graph.get_state_history(graphs.config("t")))
        assert snapshots
        for snapshot in snapshots:
            record = records[snapshot.config["configurable"]["checkpoint_id"]]
            assert sorted(record.next_steps) == sorted(snapshot.next)


def test_the_copy_says_where_it_comes_from(postgresql_url: str) -> None:
    store, history = counted(postgresql_url)
    head = restore(postgresql_url, "t", history[3].id)
    copy = store.get(head.checkpoint_id)
    assert copy.parent_id == history[3].parent_id
    assert copy.step == history[3].step + 1
    assert copy.metadata["source"] == "fork"
    assert copy.metadata["restored_from"] == history[3].id
    assert (head.operation_id, head.reason) == ("op-1", "it went wrong")
    assert store.load(copy) == store.load(history[3])
    assert store.head(None, "t") == head


def test_nothing_but_the_copies_is_written_and_no_value_twice(
    samples: Path, postgresql_url: str
) -> None:
    load_sample(samples, postgresql_url)
    store = opened(postgresql_url)
    before = rows_of(postgresql_url)
    target = next(r for r in store.history(None, "memory-11") if r.namespace == "" and r.step == 12)
    restore(postgresql_url, "memory-11", target.id)
    after = rows_of(postgresql_url)
    new = [row for row in after["checkpoints"] if row not in before["checkpoints"]]
    assert sorted(row[1] for row in new) == ["", "memory"]
    assert len(after["checkpoints"]) == len(before["checkpoints"]) + 2
    for table in ("checkpoint_blobs", "checkpoint_writes"):
        assert after[table] == before[table]


def test_metadata_keeps_its_exact_form(postgresql_url: str) -> None:
    _, history = counted(postgresql_url)
    large = "123456789012345678901234567890.12345678901234567890"
    execute(
        postgresql_url, f"UPDATE checkpoints SET metadata = metadata || '{{\"cost\": {large}}}'"
    )
    head = restore(postgresql_url, "t", history[2].id)
    [(text,)] = execute(
        postgresql_url,
        "SELECT metadata ->> 'cost' FROM checkpoints WHERE checkpoint_id = %s",
        head.checkpoint_id,
    )
    assert text == large


def test_the_same_operation_acts_once(postgresql_url: str) -> None:
    store, history = counted(postgresql_url)
    plan = store.plan_restore(history[2])
    ids = store.choose_ids(plan)
    order: dict[str, Any] = {"operation_id": "op", "reason": "r\0\ud800", "now": now()}
    first = store.restore(plan, written_ids=ids, **order)
    rows = rows_of(postgresql_url)
    assert store.restore(plan, written_ids=ids, **order) == first
    assert store.restore(plan, written_ids=store.choose_ids(plan), **order) == first
    assert rows_of(postgresql_url) == rows


def test_a_head_that_moved_is_refused(postgresql_url: str) -> None:
    store, history = counted(postgresql_url)
    plan = store.plan_restore(history[2])
    with saver(postgresql_url) as own:
        graphs.counter(own).invoke({"n": 0, "log": []}, graphs.config("t"))
    rows = rows_of(postgresql_url)
    with pytest.raises(checkpoints.HeadMoved) as refused:
        store.restore(
            plan, written_ids=store.choose_ids(plan), operation_id="o", reason="", now=now()
        )
    assert refused.value.expected == history[0].id
    assert rows_of(postgresql_url) == rows


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE checkpoint_blobs SET blob = '\\x90' WHERE channel = 'log'",
        "DELETE FROM checkpoint_blobs WHERE channel = 'log'",
        'UPDATE checkpoints SET checkpoint = checkpoint || \'{"channel_values": {"n": 7}}\'',
    ],
    ids=["another value", "a value that is gone", "another body"],
)
def test_a_target_that_changed_since_the_plan_is_refused(postgresql_url: str, change: str) -> None:
    store, history = counted(postgresql_url)
    plan = store.plan_restore(history[2])
    ids = store.choose_ids(plan)
    execute(postgresql_url, change)
    rows = rows_of(postgresql_url)
    with pytest.raises((checkpoints.CorruptCheckpoint, checkpoints.HeadMoved)):
        store.restore(plan, written_ids=ids, operation_id="o", reason="", now=now())
    assert rows_of(postgresql_url) == rows
    with pytest.raises(checkpoints.CorruptCheckpoint):
        store.load(history[2])
    with pytest.raises(checkpoints.CorruptCheckpoint):
        store.plan_restore(history[2])


@pytest.mark.parametrize("value", ["'\\xc1'", "'\\x91c1'", "'\\x81a1'"])
def test_a_target_that_cannot_be_read_is_refused(postgresql_url: str, value: str) -> None:
    store, history = counted(postgresql_url)
    execute(postgresql_url, f"UPDATE checkpoint_blobs SET blob = {value} WHERE channel = 'log'")
    damaged = store.get(history[2].id)
    with pytest.raises(checkpoints.CorruptCheckpoint, match="log"):
        store.load(damaged)
    with pytest.raises(checkpoints.CorruptCheckpoint, match="log"):
        store.plan_restore(damaged)
    assert {f.kind for f in store.verify()} <= {"undecodable", "truncated"}
    assert len(list(store.verify())) == 7


def test_a_clock_behind_the_thread_is_refused(postgresql_url: str) -> None:
    _, history = counted(postgresql_url)
    store = opened(postgresql_url, clock=lambda: now() - timedelta(hours=1))
    with pytest.raises(checkpoints.PlanRefused, match="clock"):
        store.plan_restore(history[2])


def test_a_subgraph_is_not_restored_by_itself(samples: Path, postgresql_url: str) -> None:
    load_sample(samples, postgresql_url)
    store = opened(postgresql_url)
    inner = next(r for r in store.history(None, "memory-11") if r.namespace == "memory")
    with pytest.raises(checkpoints.PlanRefused, match="subgraph"):
        store.plan_restore(inner)


def test_a_directive_travels_with_the_head(postgresql_url: str) -> None:
    store, history = counted(postgresql_url)
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


def test_restores_at_once_leave_one_winner(postgresql_url: str) -> None:
    store, history = counted(postgresql_url)
    plan = store.plan_restore(history[3])
    stores = [opened(postgresql_url) for _ in range(6)]
    ids = [one.choose_ids(plan) for one in stores]

    def attempt(number: int) -> Head | checkpoints.HeadMoved:
        try:
            return stores[number].restore(
                plan, written_ids=ids[number], operation_id=f"op-{number}", reason="", now=now()
            )
        except checkpoints.HeadMoved as error:
            return error

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(attempt, range(6)))
    winners = [outcome for outcome in outcomes if isinstance(outcome, Head)]
    assert len(winners) == 1
    assert store.head(None, "t") == winners[0]


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from checkpoints.connectors.langgraph import heads
from checkpoints.connectors.langgraph_postgresql import open_url
from checkpoints.stores.urls import parse_url

def die(*_args):
    os.kill(os.getpid(), signal.SIGKILL)

store = open_url(parse_url(sys.argv[1]))
plan = store.plan_restore(store.get(sys.argv[2]))
heads.head_of = die
store.restore(plan, written_ids=store.choose_ids(plan), operation_id="op-1", reason="r",
              now=datetime.now(UTC))
"""


def test_a_kill_before_the_commit_changes_nothing(postgresql_url: str) -> None:
    store, history = counted(postgresql_url)
    rows = rows_of(postgresql_url)
    command = [sys.executable, "-c", KILLED, store.url, history[3].id]
    root = Path(__file__).resolve().parents[3]
    ended = subprocess.run(command, cwd=root, check=False, timeout=60, env=os.environ)
    assert ended.returncode == -signal.SIGKILL
    assert rows_of(postgresql_url) == rows
    assert restore(postgresql_url, "t", history[3].id).operation_id == "op-1"


def test_a_run_that_is_alive_goes_on_after_a_restore_was_refused_or_done(
    postgresql_url: str,
) -> None:
    store, history = counted(postgresql_url)
    outcomes: list[str] = []

    def agent() -> None:
        with saver(postgresql_url) as own:
            for _ in range(10):
                graphs.counter(own).invoke({"n": 0, "log": []}, graphs.config("t"))

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(agent)
        while not running.done():
            try:
                restore(postgresql_url, "t", history[2].id, f"op-{len(outcomes)}")
                outcomes.append("done")
            except (checkpoints.HeadMoved, checkpoints.TransientStoreError):
                outcomes.append("refused")
        running.result()
    assert outcomes
    assert list(store.verify()) == []
