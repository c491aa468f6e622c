"""Location, scale and shape of a few points, a tenth of which may be wild."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from math import sqrt

_MAD = 1.4826
"""For normal points the standard deviation is this times the median absolute deviation."""
_CLIP = 2.5
"""Deviations beyond which a point counts as if it lay there (Huber)."""
_CLIPPED = 1.02
"""The deviation of normal points over that of the same points clipped."""
_NOTHING = 1e-12
_TAIL = 0.08
_TAIL_RANGE = 2.81
"""Deviations between the quantiles .08 and .92 of normal points."""


def middle(ordered: Sequence[float]) -> float:
    """Return the median of points that are in order."""
    n = len(ordered)
    return (ordered[n // 2] + ordered[(n - 1) // 2]) / 2


def median_and_mad(points: Sequence[float]) -> tuple[float, float]:
    """Return the median, and the median absolute deviation from it."""
    center = middle(sorted(points))
    return center, middle(sorted([abs(point - center) for point in points]))


def location_and_scale(points: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the standard deviation that the points have without the wild ones.

    Starts at median and MAD, and is nearly as exact as mean and deviation on normal points, of
    which a MAD alone would need three times as many. Where more than 8 in 100 lie far out on one
    side they are no accidents, and the scale covers them. The scale is 0 for equal points.
    """
    ordered = sorted(points)
    n = len(ordered)
    center = middle(ordered)
    deviations = sorted([abs(point - center) for point in ordered])
    scale = middle(deviations) * _MAD or sum(deviations) / n * 1.2533
    if scale <= 0.0:
        return center, 0.0
    for _ in range(2):
        low, high = center - _CLIP * scale, center + _CLIP * scale
        clipped = [low if x < low else high if x > high else x for x in ordered]
        center = sum(clipped) / n
        squares = sum([(x - center) ** 2 for x in clipped])
        scale = sqrt(squares / max(1, n - 1)) * _CLIPPED or scale
    cut = int(n * _TAIL)
    tails = (ordered[n - 1 - cut] - ordered[cut]) / _TAIL_RANGE if cut else 0.0
    return center, max(scale, tails * 0.9)


def moments(points: Sequence[float], *, limit: float) -> tuple[float, float]:
    """Return skewness and excess kurtosis of standardised points, held within ``limit``."""
    n = len(points)
    held = [min(max(point, -limit), limit) for point in points]
    mean = sum(held) / n
    squares = [(point - mean) ** 2 for point in held]
    variance = sum(squares) / n
    if variance < _NOTHING:
        return 0.0, 0.0
    cubes = sum([square * (point - mean) for square, point in zip(squares, held, strict=True)])
    fourths = sum([square * square for square in squares])
    return cubes / n / variance**1.5, fourths / n / variance**2 - 3.0


def echo(points: Sequence[float], *, limit: float = 3.0) -> float:
    """Return the correlation of standardised points with the ones before, without its bias.

    The estimate of n points is too small by (1 + 3r) / n on average (Kendall 1954).
    """
    held = [min(max(point, -limit), limit) for point in points]
    power = sum([point * point for point in held])
    if power <= 0.0:
        return 0.0
    shared = sum([before * after for before, after in itertools.pairwise(held)])
    raw = shared / power
    return raw + (1 + 3 * raw) / len(points)
