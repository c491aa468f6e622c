"""What a restore means, read from real stores."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

import checkpoints
from checkpoints.connectors.kaizen import KaizenStore
from checkpoints.connectors.langgraph_sqlite import LangGraphSqliteStore
from checkpoints.impact_reading import STATES_SINCE, read_impact
from checkpoints.integrations.langgraph import HoldfastSaver
from checkpoints.lineage import plan_restore
from checkpoints.stores.urls import open_store
from checkpoints.testing import draft
from tests.checkpoints.connectors.kaizen_folders import copied


@pytest.fixture
def graphs(samples: Path, tmp_path: Path) -> LangGraphSqliteStore:
    for path in samples.glob("langgraph.sqlite*"):
        shutil.copyfile(path, tmp_path / path.name)
    return LangGraphSqliteStore(tmp_path / "langgraph.sqlite")


def test_a_graphs_calls_since_the_target_are_named(graphs: LangGraphSqliteStore) -> None:
    history = [r for r in graphs.history(None, "support-001") if not r.namespace]
    asking = next(record for record in history if record.next_steps == ("tools",))
    impact = read_impact(graphs, plan_restore(graphs, asking))
    pending = [call for call in impact.tool_calls if call.is_pending]
    assert len(pending) == 1
    assert pending[0].has_result
    assert impact.next_steps == ("tools",)
    assert "messages" in impact.diff.fields
    assert impact.notes == ()


def test_the_question_that_a_graph_waits_with_is_asked_again(
    graphs: LangGraphSqliteStore,
) -> None:
    history = graphs.history(None, "approval-7")
    asking = next(record for record in history[1:] if graphs.questions(record))
    [asked] = read_impact(graphs, plan_restore(graphs, asking)).interrupts
    assert "Approve as" in (asked.question or "")
    silent = next(record for record in history[1:] if not graphs.questions(record))
    assert not read_impact(graphs, plan_restore(graphs, silent)).interrupts


def test_every_graph_can_be_told_of(graphs: LangGraphSqliteStore) -> None:
    for thread in list(graphs.threads()):
        roots = [r for r in graphs.history(None, thread.thread_id) if not r.namespace]
        for record in roots[1::12]:
            impact = read_impact(graphs, plan_restore(graphs, record), most=3)
            assert impact.reruns or impact.next_steps
            assert impact.notes == ()


def test_a_kaizen_agents_actions_since_the_target_are_named(samples: Path, tmp_path: Path) -> None:
    store = KaizenStore(copied(samples / "kaizen" / "flat", tmp_path / "flat"))
    history = store.history("research_agent", "main")
    impact = read_impact(store, plan_restore(store, history[5]))
    before, after = (store.load(record) for record in (history[5], history[0]))
    done = len(after["completed_actions"]) - len(before["completed_actions"])
    assert impact.tool_calls.total == done
    assert impact.tool_counts.total >= 1
    assert [step.step for step in impact.reruns][-1] == history[0].step


@pytest.fixture
def native(tmp_path: Path) -> checkpoints.Store:
    store = open_store(f"sqlite:///{tmp_path / 'agents.db'}")
    assert isinstance(store, checkpoints.Store)
    before = None
    for step in range(30):
        saved = store.put(draft(step, parent=before), {"step": step}, expected_head=before)
        before = saved.id
    return store


def test_what_an_agent_did_outside_since_the_target_is_named(native: checkpoints.Store) -> None:
    history = native.history("agent-1", "main")
    native.record(
        [
            checkpoints.JournalEntry(
                agent_id="agent-1",
                thread_id="main",
                kind="effect",
                key=record.id,
                recorded_at=datetime.now(UTC),
                checkpoint_id=record.id,
                data={"name": "mail", "key": record.id, "run_id": None, "result": None},
            )
            for record in (history[2], history[9])
        ]
    )
    impact = read_impact(native, plan_restore(native, history[5]))
    assert [(effect.name, effect.key) for effect in impact.effects] == [("mail", history[2].id)]
    assert impact.reruns.total == 5
    assert (impact.diff.changed, impact.diff.fields) == (1, ("step",))


def test_only_a_few_states_are_read(
    native: checkpoints.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    load = type(native).load

    def counted(store: object, record: checkpoints.Checkpoint) -> object:
        loaded.append(record.id)
        return load(native, record)

    oldest = native.history("agent-1", "main")[-1]
    plan = plan_restore(native, oldest)
    monkeypatch.setattr(type(native), "load", counted)
    read_impact(native, plan)
    assert len(loaded) <= STATES_SINCE + 2


def test_a_head_that_is_damaged_is_said(samples: Path, tmp_path: Path) -> None:
    store = KaizenStore(copied(samples / "kaizen" / "flat", tmp_path / "flat"))
    plan = plan_restore(store, store.history("research_agent", "main")[5])
    next(store.path.glob(f"{plan.expected_head}*")).unlink()
    impact = read_impact(store, plan)
    assert any("head could not be read" in note for note in impact.notes)
    assert impact.tool_calls.total > 0


def test_the_question_of_a_graph_in_a_store_of_ours_is_asked_again(tmp_path: Path) -> None:
    graph = approving(f"sqlite:///{tmp_path / 'agents.db'}")
    config = {"configurable": {"thread_id": "approval"}}
    graph.invoke({"amount": 7}, config)
    graph.invoke(Command(resume=True), config)
    store = open_store(f"sqlite:///{tmp_path / 'agents.db'}")
    [thread] = store.threads()
    history = store.history(thread.agent_id, thread.thread_id)
    asked = [
        one.question
        for record in history[1:]
        for one in read_impact(store, plan_restore(store, record)).interrupts
    ]
    assert "Approve 7?" in asked


class Amount(TypedDict):
    amount: int


def approving(url: str) -> Any:
    def approve(state: Amount) -> dict[str, int]:
        interrupt(f"Approve {state['amount']}?")
        return {"amount": 0}

    builder = StateGraph(Amount)
    builder.add_node("approve", approve)
    builder.add_edge(START, "approve")
    builder.add_edge("approve", END)
    return builder.compile(checkpointer=HoldfastSaver(url))
