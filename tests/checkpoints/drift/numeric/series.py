"""Made-up series, the same each time."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from checkpoints.drift.numeric import SeriesDetector
from checkpoints.drift.signals import Signal


def latencies(
    count: int, *, seed: int = 3, middle: float = 2.0, spread: float = 0.3
) -> list[float]:
    """Points like latencies: log-normal, each on its own."""
    random = Random(seed)
    return [middle * random.lognormvariate(0.0, spread) for _ in range(count)]


def levels(count: int, *, seed: int = 3, middle: float = 0.0, spread: float = 1.0) -> list[float]:
    """Points of either sign about a level."""
    random = Random(seed)
    return [random.gauss(middle, spread) for _ in range(count)]


def signals(detector: SeriesDetector, values: Iterable[float]) -> list[Signal]:
    """Give values to a detector; return what it said."""
    found = (detector.update(value) for value in values)
    return [signal for signal in found if signal is not None]
