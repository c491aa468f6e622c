"""Looking for drift now and then, and what to do about it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from checkpoints.drift import DriftReport
from checkpoints.loops.going_back import head_of, is_sound, newest
from checkpoints.loops.state import LoopState
from checkpoints.loops.ways import Ways
from checkpoints.manager import CheckpointManager
from checkpoints.records import Checkpoint, Kind

logger = logging.getLogger("checkpoints")

MAX_RETURNS = 2
"""Returns to one checkpoint in a run; drift that comes back after them needs a person."""


class OnDrift(StrEnum):
    """What a loop does when it drifts, after it has saved a recovery checkpoint."""

    CONTINUE = "continue"
    RESTORE = "restore"
    STOP = "stop"


Decide = Callable[[DriftReport, LoopState], OnDrift]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftCheck:
    """``manager.detect_drift()`` every so many cycles, and then ``then``, or what it returns.

    ``restore`` goes back to the newest routine checkpoint before the drift began; after two
    returns to the same one, and with ``stop``, the loop ends as waiting for a person. Raises
    ValueError for an ``every`` below 1.
    """

    every: int = 10
    then: OnDrift | Decide = OnDrift.RESTORE

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every counts cycles from 1 on, not {self.every!r}")

    def due(self, cycle: int) -> bool:
        """Return whether to look after this many cycles."""
        return cycle % self.every == 0

    def decide(self, report: DriftReport, state: LoopState) -> OnDrift:
        """Return what to do about what was found."""
        return self.then if isinstance(self.then, OnDrift) else OnDrift(self.then(report, state))


class DriftWatch:
    """Looks for drift in one run of a loop, as a ``DriftCheck`` says."""

    def __init__(self, check: DriftCheck | None, manager: CheckpointManager, ways: Ways) -> None:
        self._check = check
        self._manager = manager
        self._ways = ways
        self._returns: Counter[str] = Counter()
        self._drifted: set[str] = set()

    def due(self, cycle: int) -> bool:
        """Return whether to look after this many cycles; the newest must be saved by then."""
        return self._check is not None and self._check.due(cycle)

    def look(self, state: LoopState) -> str | None:
        """Look and act; return why the loop has to wait for a person, if it has to."""
        report = DriftReport.of(self._manager.detect_drift())
        if self._check is None or not report:
            return None
        logger.warning("the loop drifts: %s", report)
        head = head_of(self._manager)
        self._drifted |= {head.id} if head else set()
        self._manager.create_checkpoint(Kind.RECOVERY, **{**state.details(), "step_name": None})
        decision = self._check.decide(report, state)
        if decision is OnDrift.RESTORE:
            return self._return_before(report)
        return f"drift: {report}" if decision is OnDrift.STOP else None

    def _return_before(self, report: DriftReport) -> str | None:
        target = newest(self._manager, self._is_sound)
        if target is None or self._returns[target.id] >= MAX_RETURNS:
            return f"drift that a return does not end: {report}"
        self._returns[target.id] += 1
        self._ways.go_back_to(target)
        return None

    def _is_sound(self, record: Checkpoint) -> bool:
        """Whether it was saved before drift; an overridden ``detect_drift`` leaves no mark."""
        drifted = record.id in self._drifted or self._manager.has_drifted(record)
        return is_sound(record) and not drifted
