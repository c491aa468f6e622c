"""Timing and rows of the table."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. ``goal`` is None where there is nothing to hold, only to know."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the goal is met."""
        return None if self.goal is None else self.value <= self.goal


def seconds(call: Callable[[], object]) -> float:
    """Return how long one call took."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def median_ms(call: Callable[[], object], runs: int) -> float:
    """Return the median of several calls in milliseconds, after one that does not count."""
    call()
    return median(seconds(call) for _ in range(runs)) * 1000
