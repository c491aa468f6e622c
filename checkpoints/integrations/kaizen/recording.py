"""What was said in a run of an agent of Kaizen's, noted cycle by cycle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class Recording:
    """The messages of one run and what its next cycle needs of the last one.

    ``counts_steps`` is set where the agent's loop does not count its steps itself.
    """

    session_id: str | None = None
    counts_steps: bool = False
    messages: list[dict[str, Any]] = field(default_factory=list)
    last_result: Mapping[str, Any] = field(default_factory=dict)
    observation: Any = None
    is_resumed: bool = False

    def kept(self) -> dict[str, Any]:
        """Return what a checkpoint holds of the run."""
        return {
            "session_id": self.session_id,
            "messages": list(self.messages),
            "observation": self.observation,
        }

    def go_on_from(self, kept: Mapping[str, Any]) -> None:
        """Take up a run where its checkpoint left it."""
        self.session_id = kept["session_id"]
        self.messages = list(kept["messages"])
        self.observation = kept["observation"]
        self.is_resumed = True

    def begin(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Note the task; return a cycle's inputs with what was observed before a resume."""
        if not self.messages:
            self.messages.append({"role": "user", "content": inputs.get("task", "")})
        given = dict(inputs)
        if self.is_resumed and self.observation is not None:
            given.setdefault("observation", self.observation)
        return given

    def end(self, result: Mapping[str, Any]) -> None:
        """Note what a cycle brought."""
        said = json.loads(json.dumps(result, default=str))
        self.messages.append({"role": "assistant", "content": said})
        self.last_result = result
        self.observation = said.get("observation", self.observation)


class RecordedStrategy:
    """A strategy of Kaizen's that tells its agent's recording of each cycle."""

    def __init__(self, strategy: Any, agent: Any) -> None:
        self._strategy = strategy
        self._agent = agent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._strategy, name)

    def execute(self, agent: Any, inputs: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Carry out a cycle."""
        recording: Recording = self._agent.recording
        given = recording.begin(inputs)
        try:
            result: dict[str, Any] = self._strategy.execute(agent, given, **more)
        except Exception as error:
            recording.last_result = {"error": str(error)}
            raise
        recording.end(result)
        if recording.counts_steps:
            self._agent.current_step += 1
        return result
