"""Metrics that left their band."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from checkpoints.drift.reports import Sign

MIN_BASELINE = 8
"""Points before the last one without which nothing is said."""
THRESHOLD = 8.0
"""Robust z score. Sums of agent metrics have heavy tails, so this is far from the 3 of a normal."""
_MAD_TO_SIGMA = 1.4826
"""For a normal distribution the standard deviation is 1.4826 × the median absolute deviation."""


def metric_signs(metrics: Sequence[Mapping[str, float]]) -> Iterator[Sign]:
    """Yield a sign for each metric whose last value is far outside of the ones before.

    ``metrics`` come oldest first, one mapping per checkpoint.
    """
    for name in sorted(metrics[-1] if metrics else ()):
        values = [point[name] for point in metrics if name in point]
        *baseline, last = values
        if len(baseline) >= MIN_BASELINE:
            yield from _outlier(name, baseline, last)


def _outlier(name: str, baseline: Sequence[float], last: float) -> Iterator[Sign]:
    middle = median(baseline)
    spread = median(abs(value - middle) for value in baseline) * _MAD_TO_SIGMA
    floor = abs(middle) * 0.05 or 1.0
    score = (last - middle) / max(spread, floor)
    if abs(score) >= THRESHOLD:
        direction = "rose" if score > 0 else "fell"
        yield Sign(
            kind="metric",
            evidence=f"{name} {direction} to {last:g} from a median of {middle:g} "
            f"over {len(baseline)} checkpoints",
        )
