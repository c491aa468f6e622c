"""An agent whose plan has less and less to do with its goal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Self

from checkpoints.drift import times
from checkpoints.drift.numeric import SeriesDetector
from checkpoints.drift.signals import At, Direction, Pattern, Signal, SignalKind
from checkpoints.drift.similarity import says_something, similarity

__all__ = ["GoalDivergence", "similarity"]

METRIC: Final = "divergence"
LEAST_RISE: Final = 0.15
"""A smaller rise may be how a plan is worded."""
STAYS: Final = 3
"""Further plans that must be as far away where one jumped."""
_PATTERNS: Final = frozenset({Pattern.LEVEL, Pattern.RAMP, Pattern.SPIKE})


class GoalDivergence:
    """Watches 1 − :func:`similarity` of goal and plan as one more series.

    Only rises that last count: a single plan may be worded otherwise.
    """

    def __init__(self, *, sensitivity: float | str = 0.5) -> None:
        self._series = SeriesDetector(METRIC, sensitivity=sensitivity)
        self._jumped: Signal | None = None
        self._stayed = 0

    def update(self, goal: Any, plan: Any, at: At | None = None) -> Signal | None:
        """Take goal and plan as texts, lists or mappings of texts; an empty one tells nothing."""
        if not says_something(goal) or not says_something(plan):
            return None
        value = 1 - similarity(goal, plan)
        signal = self._series.update(value, times.kept(at))
        if signal is not None and _is_away(signal):
            if signal.pattern is not Pattern.SPIKE:
                self._jumped = None
                return _told(signal)
            self._jumped, self._stayed = signal, 0
            return None
        return self._stays(value, at)

    def _stays(self, value: float, at: At | None) -> Signal | None:
        """Say that a plan jumped once the next ones stayed there."""
        jumped = self._jumped
        if jumped is None:
            return None
        self._stayed += 1
        if value < (jumped.evidence.baseline_median or 0.0) + LEAST_RISE:
            self._jumped = None
        if self._jumped is None or self._stayed < STAYS:
            return None
        self._jumped = None
        lasting = replace(jumped, pattern=Pattern.LEVEL, index=jumped.index + STAYS)
        return _told(replace(lasting, at=times.kept(at)))

    def learn_normal(self) -> None:
        """Take the present distance as the baseline."""
        self._series.learn_normal()

    def to_dict(self) -> dict[str, Any]:
        """Return all that it remembers as JSON types; no text of goal or plan."""
        jumped = self._jumped.to_dict() if self._jumped else None
        return {"series": self._series.to_dict(), "jumped": jumped, "stayed": self._stayed}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Go on exactly where the one of :meth:`to_dict` stood."""
        made = cls()
        made._series = SeriesDetector.from_dict(values["series"])
        made._jumped = Signal.from_dict(values["jumped"]) if values["jumped"] else None
        made._stayed = values["stayed"]
        return made


def _is_away(signal: Signal) -> bool:
    if signal.direction is Direction.DOWN or signal.pattern not in _PATTERNS:
        return False
    usual, observed = signal.evidence.baseline_median, signal.evidence.observed
    return usual is None or observed is None or observed >= usual + LEAST_RISE


def _told(signal: Signal) -> Signal:
    words = f"the plan has moved away from the goal: {signal.evidence.words}"
    evidence = replace(signal.evidence, words=words)
    return replace(signal, kind=SignalKind.DIVERGENCE, evidence=evidence)
