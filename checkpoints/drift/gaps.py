"""How long an agent's pauses are, and how long one may become before it is a stall."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence
from math import exp, log
from typing import Final

MEMORY: Final = 128
"""Gaps that are remembered."""
TIMES_MEDIAN: Final = 10.0
DEVIATIONS: Final = 3.75
"""Robust standard deviations above the median of the logarithms that are unusual."""
_MAD_TO_SIGMA: Final = 1.4826
"""For a normal distribution the standard deviation is 1.4826 × the median absolute deviation."""
RECURRING: Final = 3.0
"""A pause is usual up to this many times the length of one that came at least twice,"""
ONCE: Final = 1.5
"""and, while fewer gaps than :data:`KNOWN` were seen, of one that came once."""
KNOWN: Final = 40
LEAST: Final = 1e-3
"""Seconds below which gaps are not told apart."""
_RENEW_EVERY: Final = 16


class Gaps:
    """The last gaps between two signs of life, and their threshold.

    The threshold is computed anew after every few gaps, which are few enough not to matter.
    """

    def __init__(self, gaps: Iterable[float] = (), *, waiting: int = 0, limit: float = 0.0) -> None:
        self._gaps = deque(gaps, maxlen=MEMORY)
        self._ordered = sorted(self._gaps)
        self._waiting = waiting
        self._limit = limit

    def __len__(self) -> int:
        return len(self._gaps)

    @property
    def median(self) -> float:
        """Median gap in seconds."""
        return _middle(self._ordered)

    @property
    def deviation(self) -> float:
        """Median absolute deviation of the gaps in seconds."""
        median = self.median
        return _middle(sorted(abs(gap - median) for gap in self._ordered))

    def add(self, gap: float) -> None:
        """Remember a gap."""
        gap = max(gap, LEAST)
        if len(self._gaps) == MEMORY:
            del self._ordered[bisect_left(self._ordered, self._gaps[0])]
        self._gaps.append(gap)
        insort(self._ordered, gap)
        self._waiting += 1
        if self._waiting >= _RENEW_EVERY or len(self._gaps) < 2 * _RENEW_EVERY:
            self._waiting, self._limit = 0, self._computed()

    def limit(self, exponent: float) -> float:
        """Return the gap in seconds above which it is a stall.

        ``exponent`` is 1 at the usual sensitivity, less at a higher one. What recurs is usual at
        every sensitivity.
        """
        median = self.median
        if len(self._ordered) < 2:
            return self._limit
        once = ONCE * self._ordered[-1] if len(self._ordered) < KNOWN else 0.0
        usual = median * max(1.0, self._limit / median) ** exponent
        return max(float(usual), RECURRING * self._ordered[-2], once)

    def _computed(self) -> float:
        """Return the greater of ten medians and the unusual of the logarithms."""
        logs = [log(gap) for gap in self._ordered]
        middle = _middle(logs)
        spread = _middle(sorted([abs(one - middle) for one in logs])) * _MAD_TO_SIGMA
        spread_out = exp(min(700.0, middle + DEVIATIONS * spread))
        return max(TIMES_MEDIAN * self.median, spread_out)

    def to_dict(self) -> dict[str, object]:
        """Return all that it remembers as JSON types."""
        return {"gaps": list(self._gaps), "waiting": self._waiting, "limit": self._limit}


def _middle(ordered: Sequence[float]) -> float:
    if not ordered:
        return 0.0
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
