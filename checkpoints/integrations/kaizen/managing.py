"""Kaizen's StateManager with hooks that see the state, and may refuse or change it."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

from kaizen.core.autonomy.hooks import HookEvent, HookManager, HookResult
from kaizen.core.autonomy.state import AgentState, StateManager

from checkpoints.errors import SaveVetoed
from checkpoints.integrations.kaizen.keeping import utc_now


class HoldfastStateManager(StateManager):  # type: ignore[misc]
    """Takes what StateManager takes.

    A PRE_CHECKPOINT_SAVE hook finds the state in ``context.data["state"]``. It may change it
    there, answer ``HookResult(success=True, data={"state": another})`` to have another one saved,
    or ``data={"veto": reason}`` to have nothing saved. A hook that fails or is late stops nothing.
    """

    async def save_checkpoint(self, state: AgentState, force: bool = False) -> str:  # noqa: FBT001, FBT002 - Kaizen's signature
        """Save a state and return its checkpoint id.

        Raises SaveVetoed when a hook forbids it, OSError when it fails; then nothing was saved.
        """
        if self.hook_manager is None:
            return str(await super().save_checkpoint(state, force=force))
        state = await self._passed(state)
        rest = copy.copy(self)
        rest.hook_manager = _WithoutBefore(self.hook_manager)
        return str(await StateManager.save_checkpoint(rest, state, force=force))

    async def _passed(self, state: AgentState) -> AgentState:
        """Return the state as the hooks leave it; the agent's own stays as it is."""
        passed = copy.deepcopy(state)
        told = {"step_number": state.step_number, "status": state.status, "state": passed}
        results = await self.hook_manager.trigger(
            HookEvent.PRE_CHECKPOINT_SAVE,
            data={"agent_id": state.agent_id, "timestamp": utc_now().timestamp(), **told},
            agent_id=state.agent_id,
        )
        for result in results:
            passed = _answered(result, passed)
        return passed


@dataclasses.dataclass(frozen=True, slots=True)
class _WithoutBefore:
    """Passes on all events but the one that was told already."""

    hooks: HookManager

    async def trigger(self, event: HookEvent, **told: Any) -> list[HookResult]:
        if event is HookEvent.PRE_CHECKPOINT_SAVE:
            return []
        answers: list[HookResult] = await self.hooks.trigger(event, **told)
        return answers


def _answered(result: HookResult, state: AgentState) -> AgentState:
    answer = result.data or {}
    if answer.get("veto"):
        raise SaveVetoed(
            f"a PRE_CHECKPOINT_SAVE hook forbids this save: {answer['veto']}; nothing was saved",
            hook=HookEvent.PRE_CHECKPOINT_SAVE.value,
            reason=str(answer["veto"]),
        )
    given = answer.get("state")
    return given if isinstance(given, AgentState) else state
