"""How large a store will be: a straight line through its sizes, and how sure that is. Pure.

Through sizes y at times x (in days) goes the line of least squares. For a time x₀ it says ŷ₀, and
a single size at that time lies, with the probability that is asked for, within ::

    ŷ₀ ± t · s · √(1 + 1/n + (x₀ - x̄)² / Σ(x - x̄)²),    s² = Σ(y - ŷ)² / (n - 2)

where t is the quantile of Student's distribution with n - 2 degrees of freedom (Draper and Smith,
Applied Regression Analysis, 3rd edition, 1998, sections 1.4 and 3.1). That holds for sizes that
scatter about a line, each by itself. Sizes that wander, as sums of many saves do, scatter less
from hour to hour than in a month: give one size a day rather than one an hour.

What lies before the last drop by more than a fifth says nothing of the future: a prune takes its
bytes once. So the line begins with the first size after it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import NormalDist
from typing import NamedTuple

LEAST_POINTS = 5
LEAST_SPAN = timedelta(days=1)
DROP = 0.2
"""A size that is smaller than the one before by more than this share of it begins anew."""
CONFIDENCE = 0.9
FARTHEST = timedelta(days=10 * 365)
"""Nothing is said of what lies further ahead."""
_DAY = 86_400.0
_HALVINGS = 60


class Point(NamedTuple):
    """How many bytes there were at a time."""

    at: datetime
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """How many bytes there will be at a time: most likely, at least and at most.

    One size in ten lies outside, where the confidence is 0.9. None of them is below zero.
    """

    at: datetime
    expected: int
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """When a limit will be reached; ``latest`` is None where it may well never be."""

    limit: int
    expected: datetime
    earliest: datetime
    latest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A line through sizes. ``per_day`` is in bytes, and negative where they shrink.

    ``since`` is the first size that it goes through, ``until`` the last.
    """

    since: datetime
    until: datetime
    points: int
    per_day: float
    confidence: float
    last_size: int
    _mean_x: float
    _mean_y: float
    _spread: float
    _margin: float

    def at(self, moment: datetime) -> Forecast:
        """Return what there will be at a time."""
        middle, margin = self._line(_days(self.since, moment)), self._within(moment)
        low, expected, high = (
            max(0, round(size)) for size in (middle - margin, middle, middle + margin)
        )
        return Forecast(at=moment, expected=expected, low=low, high=high)

    def reaches(self, limit: int) -> Reach | None:
        """Return when there will be ``limit`` bytes, None where that lies too far ahead."""
        if self.last_size >= limit:
            return Reach(limit=limit, expected=self.until, earliest=self.until, latest=self.until)
        expected = self._first_above(limit, 0.0)
        if expected is None:
            return None
        earliest = self._first_above(limit, 1.0) or expected
        latest = self._first_above(limit, -1.0)
        return Reach(limit=limit, expected=expected, earliest=earliest, latest=latest)

    def _line(self, x: float) -> float:
        return self._mean_y + self.per_day * (x - self._mean_x)

    def _within(self, moment: datetime) -> float:
        off = _days(self.since, moment) - self._mean_x
        return self._margin * math.sqrt(1 + 1 / self.points + off**2 / self._spread)

    def _first_above(self, limit: int, side: float) -> datetime | None:
        """Return when the line, with its margin added or taken off, is at the limit.

        Behind the last size each of the three only rises, or never comes to a limit above it.
        """
        near, far = timedelta(0), FARTHEST
        if self._edge(far, side) < limit:
            return None
        for _ in range(_HALVINGS):
            middle = (near + far) / 2
            near, far = (near, middle) if self._edge(middle, side) >= limit else (middle, far)
        return self.until + far

    def _edge(self, ahead: timedelta, side: float) -> float:
        moment = self.until + ahead
        return self._line(_days(self.since, moment)) + side * self._within(moment)


def trend(
    points: Iterable[tuple[datetime, int]], *, confidence: float = CONFIDENCE
) -> Trend | None:
    """Return the line through sizes in the order of their times.

    None means not enough yet: fewer than five of them, or less than a day, since the last drop.
    """
    line = since_last_drop([Point(*point) for point in points])
    if len(line) < LEAST_POINTS or line[-1].at - line[0].at < LEAST_SPAN:
        return None
    xs = [_days(line[0].at, point.at) for point in line]
    ys = [float(point.size) for point in line]
    count, mean_x, mean_y = len(line), math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
    spread = math.fsum((x - mean_x) ** 2 for x in xs)
    pairs = list(zip(xs, ys, strict=True))
    slope = math.fsum((x - mean_x) * (y - mean_y) for x, y in pairs) / spread
    left = math.fsum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in pairs)
    quantile = student_quantile(1 - confidence, count - 2)
    return Trend(
        since=line[0].at,
        until=line[-1].at,
        points=count,
        per_day=slope,
        confidence=confidence,
        last_size=line[-1].size,
        _mean_x=mean_x,
        _mean_y=mean_y,
        _spread=spread,
        _margin=quantile * math.sqrt(left / (count - 2)),
    )


def forecast(
    points: Iterable[tuple[datetime, int]], at: datetime, *, confidence: float = CONFIDENCE
) -> Forecast | None:
    """Return how many bytes there will be at a time, None while that cannot be said yet."""
    line = trend(points, confidence=confidence)
    return line.at(at) if line is not None else None


def since_last_drop(points: Sequence[Point]) -> Sequence[Point]:
    """Return the sizes behind the last that is smaller than the one before by over a fifth."""
    for number in range(len(points) - 1, 0, -1):
        if points[number].size < points[number - 1].size * (1 - DROP):
            return points[number:]
    return points


def student_quantile(outside: float, freedom: int) -> float:
    """Return t such that a Student variable lies outside of ±t with a probability.

    Hill's expansion (G. W. Hill, Algorithm 396, Communications of the ACM 13, 1970, 619-620), for
    ``freedom`` from 3 on right to about six digits. Raises ValueError for fewer.
    """
    if freedom < 3 or not 0 < outside < 1:
        raise ValueError("it takes a probability between 0 and 1, and three degrees of freedom")
    a = 1 / (freedom - 0.5)
    b = 48 / a**2
    c = ((20_700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * math.sqrt(a * math.pi / 2) * freedom
    y = (d * outside) ** (2 / freedom)
    if y > 0.05 + a:
        return math.sqrt(freedom * _about_normal(outside, freedom, a, b, c, d))
    part = ((freedom + 6) / (freedom * y) - 0.089 * d - 0.822) * (freedom + 2) * 3
    tail = ((1 / part + 0.5 / (freedom + 4)) * y - 1) * (freedom + 1) / (freedom + 2) + 1 / y
    return math.sqrt(freedom * tail)


def _about_normal(outside: float, freedom: int, a: float, b: float, c: float, d: float) -> float:
    """Return t²/n by the expansion about the normal quantile."""
    x = NormalDist().inv_cdf(outside / 2)
    y = x * x
    if freedom < 5:
        c += 0.3 * (freedom - 4.5) * (x + 0.6)
    c += (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b
    y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x
    return math.expm1(a * y * y)


def _days(since: datetime, until: datetime) -> float:
    return (until - since).total_seconds() / _DAY
