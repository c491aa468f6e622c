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
_PATTERNS: Final = frozenset({Pattern.LEVEL, Pattern.RAMP})


class GoalDivergence:
    """Watches 1 − :func:`similarity` of goal and plan as one more series.

    Only rises that last count: a single plan may be worded otherwise.
    """

    def __init__(self, *, sensitivity: float | str = 0.5) -> None:
        self._series = SeriesDetector(METRIC, sensitivity=sensitivity)

    def update(self, goal: Any, plan: Any, at: At | None = None) -> Signal | None:
        """Take goal and plan as texts, lists or mappings of texts; an empty one tells nothing."""
        if not says_something(goal) or not says_something(plan):
            return None
        signal = self._series.update(1 - similarity(goal, plan), times.kept(at))
        if signal is None or signal.direction is Direction.DOWN or signal.pattern not in _PATTERNS:
            return None
        evidence = signal.evidence
        usual, observed = evidence.baseline_median, evidence.observed
        if usual is not None and observed is not None and observed < usual + LEAST_RISE:
            return None
        words = f"the plan has moved away from the goal: {evidence.words}"
        return replace(signal, kind=SignalKind.DIVERGENCE, evidence=replace(evidence, words=words))

    def learn_normal(self) -> None:
        """Take the present distance as the baseline."""
        self._series.learn_normal()

    def to_dict(self) -> dict[str, Any]:
        """Return all that it remembers as JSON types; no text of goal or plan."""
        return {"series": self._series.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Go on exactly where the one of :meth:`to_dict` stood."""
        made = cls()
        made._series = SeriesDetector.from_dict(values["series"])
        return made
