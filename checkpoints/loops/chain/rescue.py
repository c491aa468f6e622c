"""Getting a chain over a failure: choose, apply, wait, remember what became of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from checkpoints.errors import CheckpointError
from checkpoints.loops.chain.progress import Progress
from checkpoints.records import Strategy
from checkpoints.recovery import (
    CircuitBreaker,
    Failure,
    Outcome,
    RecoveryAction,
    RecoveryManager,
    Trial,
)

logger = logging.getLogger("checkpoints")


@dataclass(frozen=True, slots=True)
class _Open:
    """A trial whose outcome shows when the chain is past the place where it had failed."""

    trial: Trial
    place: tuple[int, int]


class Rescue:
    """Recovers one run of a chain, within its breaker's limits."""

    def __init__(
        self,
        recovery: RecoveryManager,
        breaker: CircuitBreaker,
        apply: Callable[[Progress, RecoveryAction], bool],
        sleep: Callable[[float], None],
    ) -> None:
        self._recovery = recovery
        self._breaker = breaker
        self._apply = apply
        self._sleep = sleep
        self._open: _Open | None = None

    def past(self, place: tuple[int, int]) -> None:
        """Note that the chain got to a place; beyond the failure, the trial has recovered it."""
        if self._open is not None and place > self._open.place:
            self._recovery.settle(self._open.trial, Outcome.RECOVERED)
            self._open = None

    def recover(
        self, failure: Failure, progress: Progress, *, agent_id: str, checkpoint_id: str | None
    ) -> str | None:
        """Apply the best suggestion and wait as it needs; return why not, if none is left."""
        self._breaker.failed(failure)
        self._settle_as_failed(failure)
        why_open = self._breaker.why_open(failure)
        if why_open is not None:
            return why_open
        place, chain_id = progress.place, str(progress.values["chain_id"])
        action = self._applied(failure, progress, chain_id)
        if action is None:
            return f"{failure.error_class} needs a person, or nothing that is left can be applied"
        trial = self._recovery.begin(
            failure, action, agent_id=agent_id, chain_id=chain_id, checkpoint_id=checkpoint_id
        )
        self._open = _Open(trial, place)
        self._breaker.tries(failure, action)
        self._sleep(self._breaker.wait(failure))
        return None

    def _applied(
        self, failure: Failure, progress: Progress, chain_id: str
    ) -> RecoveryAction | None:
        """Apply the first suggestion that can be; none once a person would be the better one."""
        excluded = self._breaker.exhausted(failure)
        for action in self._recovery.suggest(failure, chain_id=chain_id, excluded=excluded):
            if action.strategy is Strategy.ESCALATE_TO_HUMAN:
                return None
            if self._can_be_applied(action, progress):
                logger.info("recovering from %s: %s", failure.error_type, action.description)
                return action
        return None

    def _can_be_applied(self, action: RecoveryAction, progress: Progress) -> bool:
        """Apply an action; one that the store does not let through gives way to the next."""
        try:
            return self._apply(progress, action)
        except CheckpointError as error:
            logger.warning("%s could not be applied: %s", action.strategy, error)
            return False

    def _settle_as_failed(self, failure: Failure) -> None:
        if self._open is not None:
            same = self._open.trial.failure.fingerprint == failure.fingerprint
            self._recovery.settle(self._open.trial, Outcome.RECURRED if same else Outcome.FAILED)
            self._open = None
