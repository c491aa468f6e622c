"""A real agent of Kaizen's with a model that answers from a list; run as a program it may die."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kaizen.core.autonomy.state import StateManager
from kaizen.memory import BufferMemory
from kaizen.signatures import InputField, OutputField, Signature
from kaizen.strategies.multi_cycle import MultiCycleStrategy
from kaizen_agents.agents.autonomous import claude_code, codex
from kaizen_agents.agents.autonomous.base import AutonomousConfig, BaseAutonomousAgent

from checkpoints.integrations.kaizen import HoldfastStorage, capture_fully

CYCLES = 6
COST = 0.5
"""US dollars that each cycle spends."""

KINDS: dict[str, tuple[type[Any], type[Any]]] = {
    "base": (BaseAutonomousAgent, AutonomousConfig),
    "claude_code": (claude_code.ClaudeCodeAgent, claude_code.ClaudeCodeConfig),
    "codex": (codex.CodexAgent, codex.CodexConfig),
}


class TaskSignature(Signature):  # type: ignore[misc]
    task: str = InputField(description="what to do")
    answer: str = OutputField(description="what came of it")


class Answers(MultiCycleStrategy):  # type: ignore[misc]
    """Thinks as often as the task says, each thought after the one that it was shown last."""

    def __init__(self, *, dies_at: int = 0, fails_at: int = 0) -> None:
        super().__init__()
        self.dies_at, self.fails_at = dies_at, fails_at
        self.seen: list[Mapping[str, Any]] = []

    def execute(self, agent: Any, inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
        self.seen.append(dict(inputs))
        number = int(inputs.get("observation", 0)) + 1
        agent.execution_context.record_tool_usage("LLM", cost_usd=COST)
        if number == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == self.fails_at:
            raise ConnectionError("the model is gone")
        calls = [{"name": "think"}] if number < CYCLES else []
        return {"thought": f"thought {number}", "observation": number, "tool_calls": calls}


def agent_on(
    storage: Any,
    *,
    kind: str = "base",
    strategy: Answers | None = None,
    full: bool = True,
    **more: Any,
) -> Any:
    """Return an agent that saves after each cycle and resumes."""
    agent_class, config_class = KINDS[kind]
    agent = agent_class(
        config=config_class(
            max_cycles=20,
            checkpoint_frequency=1,
            resume_from_checkpoint=True,
            enable_interrupts=False,
            planning_enabled=kind == "base",
            llm_provider="mock",
            model="llama3.2",
        ),
        signature=TaskSignature(),
        strategy=strategy or Answers(),
        state_manager=more.pop("state_manager", None)
        or StateManager(storage=storage, checkpoint_frequency=1),
        memory=BufferMemory(),
        mcp_servers=[],
        **more,
    )
    return capture_fully(agent) if full else agent


def main(folder: str, kind: str, dies_at: str) -> None:
    """Run until the task is done or the process is killed."""
    agent = agent_on(
        HoldfastStorage(folder),
        kind=kind,
        strategy=Answers(dies_at=int(dies_at)),
        checkpoint_dir=Path(folder) / "own",
    )
    agent.run(task="think", session_id="s")


if __name__ == "__main__":
    import sys

    main(*sys.argv[1:])
