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


def run_agent(
    agent: DemoAgent, manager: checkpoints.CheckpointManager, stop: threading.Event
) -> None:
    """Run one agent until it is told to stop."""
    random = Random(agent.name)  # noqa: S311
    state = manager.resume()
    hurried = 0 if state is not None else FIRST_STEPS
    state = state if state is not None else agent.begin()
    while not stop.wait(0 if hurried > 0 else agent.seconds):
        hurried -= 1
        try:
            state = _advance(agent, manager, state, random)
        except checkpoints.HeadMoved:
            state = manager.resume() or agent.begin()
            agent.put_back()
            logger.info("%s goes on from a restored checkpoint", agent.name)


def _advance(
    agent: DemoAgent, manager: checkpoints.CheckpointManager, state: State, random: Random
) -> State:
    """Take a step and save it; return to the newest clean checkpoint when the agent drifts."""
    step = agent.step(state, random)
    _save(manager, step)
    if not agent.watches_itself or not manager.detect_drift():
        return step.state
    manager.create_checkpoint(checkpoints.Kind.RECOVERY, step.state, step_name=step.name)
    clean = manager.get_latest_checkpoint(checkpoints.Kind.ROUTINE)
    if clean is None:
        return step.state
    agent.put_back()
    return manager.restore_checkpoint(clean)


def _save(manager: checkpoints.CheckpointManager, step: Step) -> None:
    manager.create_checkpoint(
        step.kind,
        step.state,
        step_name=step.name,
        iteration=step.iteration,
        status=step.status,
        metrics=step.metrics,
        metadata=step.metadata,
    )
