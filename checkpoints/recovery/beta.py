"""The Beta distribution: what is believed of a share after so many successes and failures."""

from __future__ import annotations

import math

_TINY = 1e-300
_MOST_TERMS = 300
_ENOUGH = 1e-12
_HALVINGS = 60


def quantile(share: float, successes: float, failures: float) -> float:
    """Return the value below which the Beta(successes, failures) holds ``share`` of its mass.

    Both parameters are above 0. By halving the interval on :func:`cumulative`, to 2⁻⁶⁰.
    """
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if cumulative(middle, successes, failures) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def cumulative(value: float, successes: float, failures: float) -> float:
    """Return the mass of Beta(successes, failures) below ``value``.

    The regularised incomplete beta function by its continued fraction, evaluated after Lentz:
    DLMF 8.17.22.
    """
    if value <= 0.0 or value >= 1.0:
        return float(value >= 1.0)
    if value > (successes + 1.0) / (successes + failures + 2.0):
        return 1.0 - cumulative(1.0 - value, failures, successes)
    logarithm = (
        math.lgamma(successes + failures)
        - math.lgamma(successes)
        - math.lgamma(failures)
        + successes * math.log(value)
        + failures * math.log1p(-value)
    )
    return math.exp(logarithm) * _fraction(value, successes, failures) / successes


def _fraction(value: float, a: float, b: float) -> float:
    numerator, denominator = 1.0, _away_from_zero(1.0 - (a + b) * value / (a + 1.0))
    denominator = 1.0 / denominator
    fraction = denominator
    for m in range(1, _MOST_TERMS):
        for term in _terms(m, value, a, b):
            denominator = 1.0 / _away_from_zero(1.0 + term * denominator)
            numerator = _away_from_zero(1.0 + term / numerator)
            step = denominator * numerator
            fraction *= step
        if abs(step - 1.0) < _ENOUGH:
            break
    return fraction


def _terms(m: int, value: float, a: float, b: float) -> tuple[float, float]:
    even = m * (b - m) * value / ((a + 2 * m - 1) * (a + 2 * m))
    odd = -(a + m) * (a + b + m) * value / ((a + 2 * m) * (a + 2 * m + 1))
    return even, odd


def _away_from_zero(number: float) -> float:
    return number if abs(number) > _TINY else _TINY
