"""What becomes of an episode: the series is as before, or it has a new usual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from checkpoints.drift.numeric.baseline import Baseline
from checkpoints.drift.numeric.estimates import location_and_scale
from checkpoints.drift.signals import Pattern

POINTS = 14
"""Points of an episode by which it is judged, and from which a new baseline is made."""
MOST = 40
"""Points of an episode that are kept."""
_CALM = 3
_NEAR = 3.0
_SAME_LEVEL = 0.8
_SAME_SCALE = 1.6
_NARROW = 0.3


class Outcome(StrEnum):
    """What the points after a signal say."""

    OPEN = "open"
    BACK = "back"
    MOVED = "moved"


@dataclass(slots=True, kw_only=True)
class Aftermath:
    """An episode that was signalled and is not over, with its newest points.

    ``accepted``: somebody said that this is the new usual.
    """

    pattern: Pattern
    points: list[float]
    calm: int = 0
    accepted: bool = False

    def take(self, point: float, run: int, baseline: Baseline) -> Outcome:
        """Note a point and how many equal ones came before it; tell whether the episode is over."""
        self.points.append(point)
        del self.points[:-MOST]
        if self.pattern is Pattern.FLATLINE:
            return Outcome.OPEN if run else Outcome.BACK
        self.calm = self.calm + 1 if _is_near(baseline, point) else 0
        if self.pattern is Pattern.SPIKE and self.calm >= _CALM:
            return Outcome.BACK
        if len(self.points) < POINTS:
            return Outcome.OPEN
        if self.accepted or not self._as_before(baseline):
            return Outcome.MOVED
        return Outcome.BACK

    def lasted(self, baseline: Baseline) -> int:
        """Return how many of the newest points in a row are still away from the usual."""
        near = (at for at, point in enumerate(reversed(self.points)) if _is_near(baseline, point))
        return next(near, len(self.points))

    @property
    def newest(self) -> list[float]:
        """The points that a new baseline is made from."""
        return self.points[-POINTS:]

    def _as_before(self, baseline: Baseline) -> bool:
        center, scale = location_and_scale([baseline.away(point) for point in self.newest])
        return abs(center) < _SAME_LEVEL and _NARROW < scale < _SAME_SCALE

    def to_dict(self) -> dict[str, Any]:
        return {
            "pattern": str(self.pattern),
            "points": list(self.points),
            "calm": self.calm,
            "accepted": self.accepted,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(**{**values, "pattern": Pattern(values["pattern"])})


def _is_near(baseline: Baseline, point: float) -> bool:
    return abs(baseline.away(point)) < _NEAR
