"""Everything that an autonomous agent of Kaizen's needs to go on, captured and restored.

By itself such an agent leaves out of its checkpoints what was said, its model, the plan's steps
that are under way and the last observation. It stores failed runs as completed, does not put its
budget back, and cannot resume at all with a conversation in one of Kaizen's memories.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import inspect
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from kaizen.core.autonomy.state import AgentState

from checkpoints.integrations.kaizen.recording import RecordedStrategy, Recording

KEY = "captured_by_holdfast"
"""Where ``AgentState.metadata`` holds what no field of its own is for."""

A = TypeVar("A")
_Agent: Any = object


class FullCapture(_Agent):  # type: ignore[misc]
    """Goes before the agent's class: ``class Mine(FullCapture, BaseAutonomousAgent)``.

    Captures and restores the conversation, the memory of the session, the model, the whole plan,
    the budget, the counts of tools and the last observation; a run that failed is stored as
    failed. Agents whose loop never saves (ClaudeCodeAgent, CodexAgent) save where they write their
    own files, and resume where ``resume_from_checkpoint`` is set.
    """

    recording: Recording
    strategy: Any

    async def _autonomous_loop(self, task: str, session_id: str | None = None) -> dict[str, Any]:
        strategy = self.strategy
        self.recording = Recording(session_id=session_id, counts_steps=not self._saves_itself())
        self.strategy = RecordedStrategy(strategy, self)
        try:
            return await self._looped(task, session_id)
        finally:
            self.strategy = strategy

    async def _looped(self, task: str, session_id: str | None) -> dict[str, Any]:
        result: dict[str, Any]
        if self._saves_itself():
            result = await super()._autonomous_loop(task, session_id=session_id)
            return result
        if self.autonomous_config.resume_from_checkpoint:
            state = await self.state_manager.resume_from_latest(self._capture_state().agent_id)
            if state is not None:
                self._restore_state(state)
        result = await super()._autonomous_loop(task)
        await self._save_final_checkpoint()
        return result

    def _saves_itself(self) -> bool:
        return "session_id" in inspect.signature(super()._autonomous_loop).parameters

    @property
    def _last_result(self) -> Mapping[str, Any]:
        """What Kaizen looks at to tell a failed run from a completed one."""
        return self._recording().last_result

    def _recording(self) -> Recording:
        if not hasattr(self, "recording"):
            self.recording = Recording()
        return self.recording

    def _save_checkpoint(self, state: dict[str, Any], cycle_num: int) -> None:
        super()._save_checkpoint(state, cycle_num)
        if not self._saves_itself():
            with ThreadPoolExecutor(1) as thread:  # this method blocks, and a loop runs here
                saving = self.state_manager.save_checkpoint(self._capture_state())
                thread.submit(asyncio.run, saving).result()

    def _capture_state(self) -> AgentState:
        state = super()._capture_state()
        recording = self._recording()
        state.model = state.model or getattr(self.config, "model", None) or ""
        counts = getattr(self.execution_context, "tool_usage_count", {})
        state.tool_usage_counts = {**counts, **state.tool_usage_counts}
        turns = self._turns(recording.session_id)
        if not hasattr(self.memory, "messages"):
            state.conversation_history = [*_messages(turns), *recording.messages]
        kept = recording.kept() | {"plan": copy.deepcopy(self.current_plan), "turns": turns}
        state.metadata = {**state.metadata, KEY: kept}
        return state

    def _restore_state(self, state: AgentState) -> None:
        if not hasattr(self.memory, "add_message"):
            super()._restore_state(dataclasses.replace(state, conversation_history=[]))
        else:
            super()._restore_state(state)
        self.execution_context.budget_used = state.budget_spent_usd
        self.execution_context.tool_usage_count = dict(state.tool_usage_counts)
        kept = state.metadata.get(KEY)
        if isinstance(kept, Mapping):
            self.current_plan = copy.deepcopy(kept["plan"])
            self._recording().go_on_from(kept)
            self._put_turns_back(kept)

    def _turns(self, session_id: str | None) -> list[dict[str, Any]]:
        """Return what the memory holds of a session, as far as it tells."""
        if self.memory is None or session_id is None or not hasattr(self.memory, "load_context"):
            return []
        context = self.memory.load_context(session_id)
        names = ("turns", "all_turns", "recent_turns")
        found: list[dict[str, Any]] = next((context[name] for name in names if name in context), [])
        return copy.deepcopy(found)

    def _put_turns_back(self, kept: Mapping[str, Any]) -> None:
        session_id = kept["session_id"]
        if self.memory is None or session_id is None or not hasattr(self.memory, "save_turn"):
            return
        self.memory.clear(session_id)
        for turn in kept["turns"]:
            self.memory.save_turn(session_id, copy.deepcopy(turn))


def capture_fully(agent: A) -> A:
    """Have an agent capture and restore everything, as :class:`FullCapture` says; return it."""
    if not isinstance(agent, FullCapture):
        kind = type(agent)
        agent.__class__ = type(kind.__name__, (FullCapture, kind), {"__module__": kind.__module__})
    return agent


def _messages(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    roles = (("user", "user"), ("agent", "assistant"))
    return [
        {"role": role, "content": turn[name]}
        for turn in turns
        for name, role in roles
        if name in turn
    ]
