"""Whether a series is watched by its points or by its steps from one to the next."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Self


class Motion(StrEnum):
    """How a series moves: about a level, only upwards, or from wherever it is."""

    LEVEL = "level"
    COUNTER = "counter"
    WALK = "walk"


class Steps:
    """Turns the values of a series into the points that are watched."""

    __slots__ = ("last", "motion")

    def __init__(self, motion: Motion = Motion.LEVEL, last: float | None = None) -> None:
        self.motion = motion
        self.last = last

    def take(self, value: float) -> float | None:
        last, self.last = self.last, value
        if self.motion is Motion.LEVEL:
            return value
        if last is None or (self.motion is Motion.COUNTER and value < last):
            return None
        return value - last

    def to_dict(self) -> dict[str, Any]:
        return {"motion": str(self.motion), "last": self.last}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(Motion(values["motion"]), values["last"])


def differences(values: Sequence[float]) -> list[float]:
    """Return the steps between values that follow each other."""
    return [after - before for before, after in itertools.pairwise(values)]


def counts_up(values: Sequence[float]) -> bool:
    """Whether values only ever rise, at least every other time, but for falls near to the least.

    Twelve values that come at random are in order once in 479 million.
    """
    steps = differences(values)
    falls = sum([step < 0 for step in steps])
    if falls * 10 > len(steps) or sum([step > 0 for step in steps]) * 2 < len(steps):
        return False
    fallen = [value for value, step in zip(values[1:], steps, strict=True) if step < 0]
    low, high = min(values), max(values)
    return all(value - low <= 0.1 * (high - low) for value in fallen)
