"""Timing, and the rows of the table."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median


class Bound(StrEnum):
    """On which side of its goal a figure has to lie."""

    AT_MOST = "≤"
    AT_LEAST = "≥"
    EXACTLY = "="


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. ``goal`` is None where there is nothing to hold, only to know.

    ``value`` is None where it could not be measured; ``note`` then says why.
    """

    name: str
    value: float | None
    unit: str
    goal: float | None = None
    bound: Bound = Bound.AT_MOST
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the goal is met; None without a goal or a figure."""
        if self.goal is None or self.value is None:
            return None
        if self.bound is Bound.EXACTLY:
            return self.value == self.goal
        if self.bound is Bound.AT_LEAST:
            return self.value >= self.goal
        return self.value <= self.goal

    @property
    def measured(self) -> str:
        """The figure with its unit."""
        return "not measured" if self.value is None else f"{_short(self.value)} {self.unit}".strip()

    @property
    def wanted(self) -> str:
        """The goal with its unit, empty without one."""
        if self.goal is None:
            return ""
        return f"{self.bound} {_short(self.goal)} {self.unit}".strip()

    @property
    def verdict(self) -> str:
        """The outcome in words."""
        return {None: "", True: "reached", False: "NOT REACHED"}[self.reached]


def seconds(call: Callable[[], object]) -> float:
    """Return how long one call took."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def median_ms(call: Callable[[], object], runs: int) -> float:
    """Return the median of several calls in milliseconds, after one that does not count."""
    call()
    return median(seconds(call) for _ in range(runs)) * 1000


def p99(values: Sequence[float]) -> float:
    """Return the value that 99 in 100 do not exceed."""
    return sorted(values)[max(0, -(-len(values) * 99 // 100) - 1)]


def _short(value: float) -> str:
    """Write a figure with three digits that count, or all of a large one."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
