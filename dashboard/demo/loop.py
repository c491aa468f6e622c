"""The loop that every demo agent runs: step, save, and go on from wherever the head is."""

from __future__ import annotations

import logging
import threading
from random import Random

import checkpoints
from dashboard.demo.agents import DemoAgent, State, Step

logger = logging.getLogger("holdfast.demo")

FIRST_STEPS = 25
"""Steps taken without a pause on a fresh store, so that there is something to see at once."""
RETENTION = checkpoints.RetentionPolicy(
    last={checkpoints.Kind.ROUTINE: 400, checkpoints.Kind.RECOVERY: 50}
)


class AgentLoop:
    """One agent and the manager that keeps its checkpoints."""

    def __init__(self, agent: DemoAgent, store: checkpoints.Store | str) -> None:
        self._agent = agent
        self._manager = checkpoints.CheckpointManager(agent.name, store=store, retention=RETENTION)
        self._random = Random(agent.name)
        self._state: State = {}

    def begin(self) -> None:
        """Go on from the head, or take the first steps of a fresh agent at once."""
        resumed = self._manager.resume()
        self._state = self._agent.begin() if resumed is None else resumed
        for _ in range(FIRST_STEPS if resumed is None else 0):
            self.advance()

    def run(self, stop: threading.Event) -> None:
        """Take a step every few seconds until told to stop."""
        with self._manager:
            while not stop.wait(self._agent.seconds):
                self.advance()

    def advance(self) -> None:
        """Take one step and save it, or go on from what an operator restored."""
        try:
            self._state = self._step()
        except checkpoints.HeadMoved:
            self._state = self._manager.resume() or self._agent.begin()
            self._agent.put_back()
            logger.info("%s goes on from a restored checkpoint", self._agent.name)
        except checkpoints.TransientStoreError as error:
            logger.warning("%s tries again: %s", self._agent.name, error)

    def _step(self) -> State:
        """Take a step and save it; return to the newest clean checkpoint when the agent drifts."""
        step = self._agent.step(self._state, self._random)
        self._save(step)
        if not self._agent.watches_itself or not self._manager.detect_drift():
            return step.state
        self._manager.create_checkpoint(
            checkpoints.Kind.RECOVERY, step.state, step_name=step.name, metrics=step.metrics
        )
        clean = self._manager.get_latest_checkpoint(checkpoints.Kind.ROUTINE)
        if clean is None:
            return step.state
        self._agent.put_back()
        return self._manager.restore_checkpoint(clean)

    def _save(self, step: Step) -> None:
        self._manager.create_checkpoint(
            step.kind,
            step.state,
            step_name=step.name,
            iteration=step.iteration,
            status=step.status,
            metrics=step.metrics,
            metadata=step.metadata,
        )
