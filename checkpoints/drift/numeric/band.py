"""What is usual for a metric, for a chart."""

from __future__ import annotations

from dataclasses import dataclass

from checkpoints.drift.numeric.baseline import Baseline

_NINE_IN_TEN = 1.645


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The middle of a metric and what nine in ten points stay within, in the metric's own unit.

    Of a counter it is the rise per point. ``n`` points stand behind it.
    """

    center: float
    low: float
    high: float
    n: int


def band_of(baseline: Baseline) -> Band:
    """Return the band of a baseline."""
    back = baseline.transform.back
    reach = _NINE_IN_TEN * baseline.scale
    return Band(
        center=back(baseline.center),
        low=back(baseline.center - reach),
        high=back(baseline.center + reach),
        n=baseline.n,
    )
