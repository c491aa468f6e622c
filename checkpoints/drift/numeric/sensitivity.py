"""The thresholds that follow from how much a detector is willing to say."""

from __future__ import annotations

from functools import lru_cache
from math import erfc, exp, log, sqrt
from typing import NamedTuple

RUN = 20_000.0
"""Points of a calm series between two false alarms of one test, at the sensitivity 0.5."""
SPREAD = 256.0
"""How many times as long that run is at sensitivity 0 as it is at 1."""


def run_length(sensitivity: float) -> float:
    """Return after how many points of a calm series one test may alarm falsely, on average."""
    return RUN * float(SPREAD ** (0.5 - sensitivity))


def cusum_threshold(run: float, reference: float) -> float:
    """Return the height a one-sided CUSUM of standard normal points passes once in ``run``.

    Siegmund's approximation (Sequential Analysis, 1985): with b the height + 1.166,
    run = (exp(2kb) - 2kb - 1) / 2k².
    """
    low, high = 0.0, 80.0
    for _ in range(60):
        middle = (low + high) / 2
        rise = 2 * reference * (middle + 1.166)
        if (exp(min(rise, 700.0)) - rise - 1) / (2 * reference**2) < run:
            low = middle
        else:
            high = middle
    return high


def normal_threshold(run: float) -> float:
    """Return what a standard normal point exceeds once in ``run``, up or down."""
    low, high = 0.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        if erfc(middle / sqrt(2)) * run > 1:
            low = middle
        else:
            high = middle
    return high


class Thresholds(NamedTuple):
    """Heights of the tests: of small and large shifts, of the variance, and of one point."""

    small: float
    large: float
    wide: float
    point: float


@lru_cache(maxsize=64)
def thresholds(sensitivity: float) -> Thresholds:
    """Return the heights at which each test alarms falsely once in its run of calm points."""
    run = run_length(sensitivity)
    return Thresholds(
        small=cusum_threshold(run, 0.5),
        large=cusum_threshold(run, 1.0),
        wide=log(run) - _RATIO_GAIN,
        point=normal_threshold(run),
    )


_RATIO_GAIN = 2.7
"""The mean run of a CUSUM of log likelihood ratios is exp(height + this); 2.5 to 2.8 in simulated
runs over normal points, for a doubled deviation."""
