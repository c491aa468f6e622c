"""Every snippet of the Resilient Checkpoint System's document, on Holdfast.

Only the import line differs from the original's. The loop: a routine checkpoint every 30 minutes, a
recovery checkpoint after two hours, on drift and on every error, and a return to the newest routine
checkpoint when the agent drifts. Beside it: checkpoints before risky and critical operations, state
of the agent's own, and drift detection of its own. Run it: ``python examples/resilient_agent.py``
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from checkpoints import ResilientCheckpointManager

logger = logging.getLogger("agent-3")

T = TypeVar("T")

MOST_RETRIES = 3
"""Tries of one task after which this agent calls itself adrift."""


class CustomCheckpointManager(ResilientCheckpointManager):
    """Captures more than the state, and knows a kind of drift that is its own."""

    retries = 0

    def _get_custom_state(self) -> dict[str, Any]:
        """Collect custom agent state."""
        return {
            "special_data": {"retries": self.retries},
            "additional_context": f"{len(self.state.get('memory', ()))} tasks remembered",
        }

    def _get_operational_context(self) -> dict[str, Any]:
        """Override to include custom context."""
        context = super()._get_operational_context()
        context.update({"custom_fields": self._get_custom_state()})
        return context

    def detect_drift(self) -> Any:
        """Custom drift detection for specific agent."""
        standard_drift = super().detect_drift()
        custom_drift = self._detect_custom_drift()
        return standard_drift or custom_drift

    def _detect_custom_drift(self) -> bool:
        return self.retries > MOST_RETRIES


class Agent(CustomCheckpointManager):
    """An agent that works off tasks; its memory is what its checkpoints carry."""

    def __init__(self, agent_id: str, **options: Any) -> None:
        super().__init__(agent_id, **options)
        self.state = {"memory": [], "plan": ["read", "sort", "answer"]}

    def work(self) -> None:
        """Do one task and remember it."""
        self.state["memory"].append(f"task {len(self.state['memory']) + 1}")


def run(
    checkpoint_manager: ResilientCheckpointManager,
    execute_current_task: Callable[[], None],
    *,
    keep_running: Callable[[], bool],
) -> None:
    """Run the loop of the original document until ``keep_running`` says no."""
    session_start_time = time.time()
    last_checkpoint_time = session_start_time

    while keep_running():
        try:
            execute_current_task()

            current_time = time.time()
            if current_time - last_checkpoint_time >= 1800:  # 30 minutes
                checkpoint_manager.create_checkpoint("routine")
                last_checkpoint_time = current_time

            if current_time - session_start_time >= 7200:  # 2 hours
                checkpoint_manager.create_checkpoint("recovery")
                session_start_time = current_time

            if checkpoint_manager.detect_drift():
                logger.warning("Potential drift detected, creating recovery checkpoint")
                checkpoint_manager.create_checkpoint("recovery")
                latest = checkpoint_manager.get_latest_checkpoint("routine")
                if latest:
                    logger.info("Restoring from latest routine checkpoint: %s", latest)
                    checkpoint_manager.restore_checkpoint(latest)

        except Exception as error:  # noqa: BLE001 (the original's loop survives everything)
            recovery_checkpoint = checkpoint_manager.create_checkpoint("recovery")
            logger.error("Error during operation: %s", error)
            logger.info("Recovery point created: %s", recovery_checkpoint)


def risky(checkpoint_manager: ResilientCheckpointManager, risky_operation: Callable[[], T]) -> T:
    """Do a risky operation; when it fails, the state is as it was before."""
    pre_op_checkpoint = checkpoint_manager.create_checkpoint("pre_operation")

    try:
        return risky_operation()
    except Exception as error:
        logger.error("Operation failed: %s", error)
        checkpoint_manager.restore_checkpoint(pre_op_checkpoint)
        raise


def guarded(
    checkpoint_manager: ResilientCheckpointManager, critical_operation: Callable[[], T]
) -> T:
    """Do a critical operation behind a recovery checkpoint."""
    checkpoint_manager.create_checkpoint("recovery")
    return critical_operation()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
    with Agent("agent-3") as agent:
        agent.resume()
        tasks = iter(range(5))
        run(agent, agent.work, keep_running=lambda: next(tasks, None) is not None)
        risky(agent, agent.work)
        guarded(agent, agent.work)
        agent.create_checkpoint("routine")
        logger.info("%d checkpoints, %d tasks", len(agent.history()), len(agent.state["memory"]))
