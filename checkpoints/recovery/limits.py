"""When recovery has to stop: tries, waits and the breaker that ends a recovery loop."""

from __future__ import annotations

import dataclasses
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from checkpoints.records import Strategy
from checkpoints.recovery.failures import Failure
from checkpoints.recovery.suggestions import RecoveryAction

MAX_ASKED_WAIT = 120.0
"""Seconds for which another side's Retry-After is heeded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryLimits:
    """How far a run may go to save itself.

    ``max_recoveries`` per run; ``max_attempts`` of the same failure (class, type, message and
    step), the first included; a strategy that did not help ``max_repeats`` times against the same
    failure is not tried against it again. Waits are full jitter: between 0 and
    min(``max_wait``, ``first_wait`` × 2ⁿ) seconds. Raises ValueError for numbers below 0.
    """

    max_recoveries: int = 5
    max_attempts: int = 4
    max_repeats: int = 2
    first_wait: float = 1.0
    max_wait: float = 60.0

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} is a number from 0 on, not {value!r}")


class CircuitBreaker:
    """Counts one run's failures and recoveries; open means that nothing more is tried."""

    def __init__(
        self, limits: RecoveryLimits | None = None, jitter: Callable[[], float] = random.random
    ) -> None:
        self.limits = limits or RecoveryLimits()
        self._jitter = jitter
        self._failures: Counter[str] = Counter()
        self._tried: Counter[tuple[str, Strategy]] = Counter()
        self._recoveries = 0

    def failed(self, failure: Failure) -> None:
        """Count a failure."""
        self._failures[failure.fingerprint] += 1

    def tries(self, failure: Failure, action: RecoveryAction) -> None:
        """Count that a strategy is tried against a failure."""
        self._tried[failure.fingerprint, action.strategy] += 1
        self._recoveries += 1

    def why_open(self, failure: Failure) -> str | None:
        """Say why nothing more is tried, or None while it may go on."""
        seen = self._failures[failure.fingerprint]
        if self._recoveries >= self.limits.max_recoveries:
            return f"{self._recoveries} recoveries in one run are the limit"
        if seen >= self.limits.max_attempts:
            return f"the same failure came {seen} times"
        return None

    def exhausted(self, failure: Failure) -> frozenset[Strategy]:
        """Return the strategies that did not help often enough to be left out."""
        repeats = self.limits.max_repeats
        return frozenset(s for s in Strategy if self._tried[failure.fingerprint, s] >= repeats)

    def wait(self, failure: Failure) -> float:
        """Return the seconds to wait before the next try; 0 for what does not pass by itself."""
        if failure.retry_after is not None:
            return min(max(failure.retry_after, 0.0), MAX_ASKED_WAIT)
        if not failure.transient:
            return 0.0
        doublings = max(self._failures[failure.fingerprint] - 1, 0)
        ceiling = min(self.limits.max_wait, self.limits.first_wait * 2.0**doublings)
        return self._jitter() * ceiling
