"""The agent loop of the Resilient Checkpoint System, on Holdfast.

Only the import line differs from the original's: a routine checkpoint every 30 minutes, a
recovery checkpoint after two hours, on drift and on every error, and a return to the newest
routine checkpoint when the agent drifts. Run it: ``python examples/resilient_agent.py``
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from checkpoints import ResilientCheckpointManager

logger = logging.getLogger("agent-3")


class Agent(ResilientCheckpointManager):
    """An agent that works off tasks; its memory is what its checkpoints carry."""

    def __init__(self, agent_id: str, **options: object) -> None:
        super().__init__(agent_id, **options)  # type: ignore[arg-type]
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


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
    with Agent("agent-3") as agent:
        agent.resume()
        tasks = iter(range(5))
        run(agent, agent.work, keep_running=lambda: next(tasks, None) is not None)
        agent.create_checkpoint("routine")
        logger.info("%d checkpoints, %d tasks", len(agent.history()), len(agent.state["memory"]))
