"""Every snippet of Kaizen's Checkpoint & Resume documents, on Holdfast.

A real agent of Kaizen's (``pip install kaizen-agents 'holdfast[kaizen]'``). Its model is a strategy
that makes up its thoughts; leave it out and name a provider to have a real one think. Run it:
``python examples/kaizen_autonomous.py``; killed at any moment, it goes on where it was.
"""

from __future__ import annotations

import asyncio
from typing import Any

from kaizen.core.autonomy.hooks import HookEvent, HookManager, HookResult
from kaizen.memory import BufferMemory
from kaizen.signatures import InputField, OutputField, Signature
from kaizen.strategies.multi_cycle import MultiCycleStrategy
from kaizen_agents.agents.autonomous.base import AutonomousConfig, BaseAutonomousAgent

from checkpoints.integrations.kaizen import HoldfastStateManager, HoldfastStorage, capture_fully

FOLDER = ".kaizen/checkpoints"
CYCLES = 12


class TaskSignature(Signature):  # type: ignore[misc]
    """A task and what came of it."""

    task: str = InputField(description="what to do")
    answer: str = OutputField(description="what came of it")


class Thoughts(MultiCycleStrategy):  # type: ignore[misc]
    """Stands for a model: each cycle counts on from what it observed last."""

    def execute(self, agent: Any, inputs: dict[str, Any], **_more: Any) -> dict[str, Any]:
        """Carry out one cycle, at a cent."""
        number = int(inputs.get("observation", 0)) + 1
        agent.execution_context.record_tool_usage("think", cost_usd=0.01)
        calls = [{"name": "think"}] if number < CYCLES else []
        return {"thought": f"thought {number}", "observation": number, "tool_calls": calls}


async def pre_checkpoint_hook(context: Any) -> HookResult:
    """Look at the state before it is saved: change it, or forbid to save it."""
    state = context.data["state"]
    if state.budget_spent_usd < 0:
        return HookResult(success=True, data={"veto": "the budget cannot be negative"})
    state.metadata["checked"] = True
    return HookResult(success=True)


async def post_checkpoint_hook(context: Any) -> HookResult:
    """Say what was saved."""
    data = context.data
    print(f"Saved checkpoint {data['checkpoint_id']} at step {data['step_number']}")
    return HookResult(success=True)


def hooks() -> HookManager:
    """Return the hooks, registered as ever."""
    hook_manager = HookManager()
    hook_manager.register(HookEvent.PRE_CHECKPOINT_SAVE, pre_checkpoint_hook)
    hook_manager.register(HookEvent.POST_CHECKPOINT_SAVE, post_checkpoint_hook)
    return hook_manager


def production(folder: str) -> HoldfastStateManager:
    """Return a manager that saves every 10 steps or 5 minutes and keeps 20 checkpoints."""
    return HoldfastStateManager(
        storage=HoldfastStorage(folder, compress=True),
        checkpoint_frequency=10,
        checkpoint_interval=300.0,
        retention_count=20,
        hook_manager=hooks(),
    )


def development(folder: str) -> HoldfastStateManager:
    """Return a manager that saves every step and keeps 5 checkpoints."""
    return HoldfastStateManager(
        storage=HoldfastStorage(base_dir=folder, compress=False),
        checkpoint_frequency=1,
        retention_count=5,
        hook_manager=hooks(),
    )


def build(state_manager: HoldfastStateManager) -> BaseAutonomousAgent:
    """Return the agent, which resumes by itself."""
    config = AutonomousConfig(
        max_cycles=50,
        checkpoint_frequency=5,
        checkpoint_interval_seconds=300.0,
        resume_from_checkpoint=True,
        llm_provider="ollama",
        model="llama3.2",
    )
    agent = BaseAutonomousAgent(
        config=config,
        signature=TaskSignature(),
        strategy=Thoughts(),
        state_manager=state_manager,
        memory=BufferMemory(),
        mcp_servers=[],
    )
    return capture_fully(agent)


async def show(state_manager: HoldfastStateManager) -> None:
    """Print what is kept, and branch off where the agent stands."""
    for listed in await state_manager.list_checkpoints("autonomous_agent"):
        print(f"{listed.checkpoint_id}: step {listed.step_number}, {listed.status}")
    latest = await state_manager.resume_from_latest("autonomous_agent")
    if latest is not None:
        said = len(latest.conversation_history)
        print(f"{said} messages, {latest.budget_spent_usd:.2f} US dollars, model {latest.model}")
        fork = await state_manager.fork_from_checkpoint(latest.checkpoint_id)
        print(f"Forked to {fork.checkpoint_id}")


def main(folder: str = FOLDER) -> None:
    """Run the agent, then look at what it left."""
    agent = build(development(folder))
    result = agent.run(task="Perform a complex task")
    print(f"{result['thought']} after {agent.current_step} steps")
    asyncio.run(show(production(folder)))


if __name__ == "__main__":
    main()
