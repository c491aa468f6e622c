"""Taking a chain's steps, saving each, and getting over what fails."""

from __future__ import annotations

import logging
from typing import Any

from checkpoints.errors import CheckpointError, HeadMoved
from checkpoints.loops.chain.progress import ChainStep, Progress
from checkpoints.loops.chain.rescue import Rescue
from checkpoints.loops.chain.steps import Steps
from checkpoints.loops.chain.strategies import Strategies
from checkpoints.loops.chain.thoughts import Thought
from checkpoints.loops.going_back import follow, is_done_by_the_restore
from checkpoints.loops.stopping import Stop, Stopped
from checkpoints.manager import CheckpointManager
from checkpoints.records import Checkpoint, Directive, Status, Strategy
from checkpoints.recovery import Failure, RecoveryAction

logger = logging.getLogger("checkpoints")


class WaitingForHuman(CheckpointError):
    """An operator asked for a person; the chain is saved and goes on when it is run again."""


class Execution:
    """One chain on its way; ``progress`` is how far it is."""

    def __init__(
        self,
        manager: CheckpointManager,
        steps: Steps,
        strategies: Strategies,
        progress: Progress,
    ) -> None:
        self._manager = manager
        self._steps = steps
        self._strategies = strategies
        self.progress = progress

    def to_the_end(self, rescue: Rescue | None, stop: Stop) -> Thought:
        """Take every step that is left; with a rescue, recover from what fails.

        Raises Stopped, between two steps, when somebody asks for the end.
        """
        while (step := self.progress.position) is not None:
            self._end_if_asked(step, stop)
            iteration = self.progress.thought.iteration
            try:
                self._steps.take(self.progress, step)
            except BaseException as error:
                if not self._recovered(error, step, rescue):
                    raise
            else:
                self._keep(step, iteration)
                if rescue is not None:
                    rescue.past(self.progress.place)
        self._manager.flush()
        return self.progress.thought

    def obey(self, directive: Directive | None, *, restored: bool) -> None:
        """Carry out what an operator left. Raises WaitingForHuman when it is to escalate."""
        if directive is None:
            return
        if directive.strategy is Strategy.ESCALATE_TO_HUMAN:
            self._wait_for_a_person()
        action = RecoveryAction(
            strategy=directive.strategy,
            description="left by an operator",
            confidence=1.0,
            parameters=directive.parameters,
        )
        if not (restored and is_done_by_the_restore(directive)):
            self._apply_if_possible(action)
        self._save_obedience(directive.strategy)

    def _apply_if_possible(self, action: RecoveryAction) -> None:
        """Apply what an operator left; what cannot be done is logged and does not end the chain."""
        try:
            applied = self._strategies.apply(self.progress, action)
        except HeadMoved:
            raise
        except CheckpointError as error:
            logger.error("the directive was not carried out: %s", error)
            return
        if not applied:
            logger.warning("the directive %s could not be applied here", action.strategy)

    def apply(self, action: RecoveryAction) -> bool:
        """Apply an action and save what it changed; False when there was nothing to do."""
        applied = self._strategies.apply(self.progress, action)
        if applied:
            self._save_obedience(action.strategy)
        return applied

    def _keep(self, step: ChainStep, iteration: int) -> None:
        """Save what a step has done, or go where an operator has put the chain meanwhile."""
        try:
            self._save_or_obey(step, iteration)
        except HeadMoved as error:
            self.progress = Progress.read(follow(self._manager, error))
            self.obey(self._manager.directive, restored=True)
        except (KeyboardInterrupt, SystemExit) as error:
            self._save_failure(error, step)
            raise

    def _save_or_obey(self, step: ChainStep, iteration: int) -> None:
        directive = self._manager.next_directive()
        if directive is not None:
            self.obey(directive, restored=False)
        elif step is not ChainStep.RETRIEVAL:
            self._save(step, iteration)

    def _save(self, step: ChainStep, iteration: int) -> None:
        self._manager.state = self.progress.values
        self._manager.create_checkpoint(
            step_name=str(step),
            iteration=iteration,
            status=Status.COMPLETED if step is ChainStep.COMPLETE else Status.RUNNING,
            metrics=self.progress.metrics,
        )

    def _recovered(self, error: BaseException, step: ChainStep, rescue: Rescue | None) -> bool:
        """Save the failure and recover from it; say so, or note on the error why not."""
        saved = self._save_failure(error, step)
        if rescue is None or not isinstance(error, Exception):
            return False
        why_not = rescue.recover(
            Failure.from_exception(error, step=str(step)),
            self.progress,
            agent_id=self._manager.agent_id,
            checkpoint_id=saved.id if saved else None,
        )
        if why_not is not None:
            after = "the chain is saved and can go on later" if saved else "it was not saved"
            _note(error, f"not recovered: {why_not}; {after}")
        return why_not is None

    def _save_failure(self, error: BaseException, step: ChainStep) -> Checkpoint | None:
        self._manager.state = self.progress.values
        try:
            return self._manager.fail(
                error,
                step_name=str(step),
                iteration=self.progress.thought.iteration,
                metrics=self.progress.metrics,
            )
        except Exception as ours:  # noqa: BLE001 - it would mask the agent's
            logger.error("the recovery checkpoint was not saved (%s); the error follows", ours)
            return None

    def _wait_for_a_person(self) -> None:
        self._save_obedience(Strategy.ESCALATE_TO_HUMAN, Status.WAITING)
        raise WaitingForHuman(
            f"an operator asked for a person before {self.progress.position or 'anything else'}; "
            "the chain is saved and goes on when it is run again"
        )

    def _end_if_asked(self, step: ChainStep, stop: Stop) -> None:
        if stop.asked_by is not None:
            self._save_where_it_stands(Status.INTERRUPTED, reason=stop.asked_by)
            raise Stopped(
                f"{stop.asked_by} asked the chain to end before {step}; it is saved and goes on "
                "when it is run again"
            )

    def _save_obedience(self, strategy: Strategy, status: Status = Status.RUNNING) -> None:
        ended = status is Status.RUNNING and self.progress.position is None
        self._save_where_it_stands(
            Status.COMPLETED if ended else status, directive={"strategy": str(strategy)}
        )

    def _save_where_it_stands(self, status: Status, **metadata: Any) -> None:
        self._manager.state = self.progress.values
        self._manager.create_checkpoint(
            step_name=self.progress.values["current_step"],
            iteration=self.progress.thought.iteration,
            status=status,
            metrics=self.progress.metrics,
            metadata=metadata,
        )


def _note(error: Exception, text: str) -> None:
    """Note something on an exception once; one that takes no notes is left as it is."""
    try:
        if text not in getattr(error, "__notes__", ()):
            error.add_note(text)
    except Exception:  # noqa: BLE001 - it would mask the agent's
        logger.error("%s", text)
