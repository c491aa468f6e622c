"""Kaizen's own agents on HoldfastStorage: run, killed, resumed, finished."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kaizen.core.autonomy.interrupts.types import InterruptedError as KaizenInterrupted
from kaizen.core.autonomy.interrupts.types import InterruptMode, InterruptSource
from kaizen.core.autonomy.state import AgentState

from checkpoints.integrations.kaizen import FullCapture, HoldfastStorage, capture_fully
from checkpoints.lineage import plan_restore, restore
from checkpoints.records import Kind, Status
from checkpoints.stores.base import Store
from tests.checkpoints.integrations.kaizen.agents import COST, CYCLES, KINDS, Answers, agent_on

ROOT = Path(__file__).resolve().parents[4]
AGENT = "autonomous_agent"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints"


@pytest.fixture
def storage(folder: Path) -> HoldfastStorage:
    return HoldfastStorage(folder)


def run(agent: Any) -> dict[str, Any]:
    result: dict[str, Any] = agent.run(task="think", session_id="s")
    return result


def listed(storage: HoldfastStorage) -> list[tuple[int, str]]:
    found = asyncio.run(storage.list_checkpoints(AGENT))
    return [(one.step_number, one.status) for one in found]


def latest(storage: HoldfastStorage) -> AgentState:
    found = asyncio.run(storage.list_checkpoints(AGENT))
    return asyncio.run(storage.load(found[0].checkpoint_id))


def in_a_process(folder: Path, kind: str, *, dies_at: int) -> int:
    module = "tests.checkpoints.integrations.kaizen.agents"
    command = [sys.executable, "-m", module, str(folder), kind, str(dies_at)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder.parent, env=environment, capture_output=True, check=False
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode


@pytest.mark.parametrize("kind", KINDS)
def test_an_agent_that_was_killed_goes_on_where_it_was(
    folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    assert in_a_process(folder, kind, dies_at=4) == -signal.SIGKILL
    storage, answers = HoldfastStorage(folder), Answers()
    assert listed(storage) == [(3, "running"), (2, "running"), (1, "running")]
    agent = agent_on(storage, kind=kind, strategy=answers, checkpoint_dir=folder / "own")
    result = run(agent)
    assert result["thought"] == f"thought {CYCLES}"
    assert [inputs.get("observation") for inputs in answers.seen] == [3, 4, 5]
    assert agent.execution_context.budget_used == COST * CYCLES
    assert agent.current_step == CYCLES
    assert listed(storage)[0] == (CYCLES, "completed")


def test_an_agent_of_kaizens_own_capture_resumes_too(storage: HoldfastStorage) -> None:
    run(agent_on(storage, full=False, strategy=Answers(fails_at=4)))
    again = agent_on(storage, full=False)
    run(again)
    assert again.current_step == 3 + CYCLES


def test_the_conversation_is_captured_and_goes_on(storage: HoldfastStorage) -> None:
    run(agent_on(storage, strategy=Answers(fails_at=3)))
    said = latest(storage).conversation_history
    assert said[0] == {"role": "user", "content": "think"}
    assert [message["content"]["thought"] for message in said[1:]] == ["thought 1", "thought 2"]
    run(agent_on(storage))
    said = latest(storage).conversation_history
    assert [m["content"]["observation"] for m in said[1:]] == list(range(1, CYCLES + 1))


def test_the_memory_of_the_session_comes_back(storage: HoldfastStorage) -> None:
    turn = {"user": "hello", "agent": "hi", "timestamp": "2026-03-01T12:00:00"}
    first = agent_on(storage, strategy=Answers(fails_at=2))
    first.memory.save_turn("s", turn)
    run(first)
    again = agent_on(storage, strategy=Answers(fails_at=2))
    run(again)
    assert again.memory.load_context("s")["turns"][0] == turn
    assert latest(storage).conversation_history[:2] == [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "hi"},
    ]


def test_the_budget_and_the_counts_of_tools_are_captured_and_put_back(
    storage: HoldfastStorage,
) -> None:
    run(agent_on(storage, strategy=Answers(fails_at=4)))
    state = latest(storage)
    assert (state.budget_spent_usd, state.tool_usage_counts) == (4 * COST, {"LLM": 4})
    again = agent_on(storage)
    asyncio.run(again.state_manager.resume_from_latest(AGENT))
    again._restore_state(state)
    assert again.execution_context.budget_used == 4 * COST
    assert again.execution_context.tool_usage_count == {"LLM": 4}


def test_the_whole_plan_comes_back_with_what_is_under_way(storage: HoldfastStorage) -> None:
    plan = [{"task": name, "status": name} for name in ("completed", "in_progress", "pending")]
    agent = agent_on(storage)
    agent.current_plan = plan
    again = agent_on(storage)
    again.current_plan = [{"task": "made before the resume", "status": "pending"}]
    again._restore_state(agent._capture_state())
    assert again.current_plan == plan


def test_the_model_is_captured(storage: HoldfastStorage) -> None:
    assert agent_on(storage)._capture_state().model == "llama3.2"


def test_a_run_that_failed_is_stored_as_failed(storage: HoldfastStorage) -> None:
    assert run(agent_on(storage, strategy=Answers(fails_at=2)))["status"] == "failed"
    record = storage.store.history(AGENT, "main", limit=1)[0]
    assert (record.status, record.kind, record.step) == (Status.FAILED, Kind.RECOVERY, 1)


def test_a_finished_run_ends_with_a_completed_checkpoint(storage: HoldfastStorage) -> None:
    run(agent_on(storage))
    assert listed(storage)[0] == (CYCLES, "completed")


def test_an_interrupted_run_leaves_a_checkpoint_that_says_why(storage: HoldfastStorage) -> None:
    agent = agent_on(storage)
    agent.interrupt_manager.request_interrupt(
        mode=InterruptMode.IMMEDIATE, source=InterruptSource.USER, message="enough"
    )
    with pytest.raises(KaizenInterrupted):
        run(agent)
    state = latest(storage)
    assert state.status == "interrupted"
    assert state.metadata["interrupt_reason"]["message"] == "enough"


def test_the_class_may_be_written_instead(storage: HoldfastStorage) -> None:
    base = KINDS["base"][0]

    class Mine(FullCapture, base):  # type: ignore[misc, valid-type]
        pass

    agent = capture_fully(agent_on(storage, full=False))
    assert isinstance(agent, base)
    assert isinstance(agent, FullCapture)
    assert capture_fully(agent) is agent
    assert Mine.__mro__[1] is FullCapture


def test_what_cannot_be_kept_of_an_answer_is_kept_as_text(storage: HoldfastStorage) -> None:
    class Odd(Answers):
        def execute(self, agent: Any, inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
            return {**super().execute(agent, inputs, **more), "folder": Path("/tmp")}

    run(agent_on(storage, strategy=Odd()))
    assert latest(storage).conversation_history[1]["content"]["folder"] == "/tmp"


def test_a_restore_under_a_running_agent_holds(storage: HoldfastStorage, folder: Path) -> None:
    class RestoredMeanwhile(Answers):
        def execute(self, agent: Any, inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
            answer = super().execute(agent, inputs, **more)
            if answer["observation"] == 4:
                restore_step(HoldfastStorage(folder).store, 2)
            return answer

    with pytest.raises(OSError, match="somebody restored"):
        run(agent_on(storage, strategy=RestoredMeanwhile()))
    answers = Answers()
    run(agent_on(HoldfastStorage(folder), strategy=answers))
    assert [inputs.get("observation") for inputs in answers.seen] == [2, 3, 4, 5]


def restore_step(store: Store, step: int) -> None:
    target = next(one for one in store.history(AGENT, "main") if one.step == step)
    restore(
        store,
        plan_restore(store, target),
        written_ids=(),
        operation_id="op",
        reason="it went wrong",
        now=target.created_at,
    )
