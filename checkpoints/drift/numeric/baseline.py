"""What is usual for a series, and how far a point is from it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from math import log1p, sqrt
from typing import Any, Self

from checkpoints.drift.numeric.estimates import echo, location_and_scale, moments
from checkpoints.drift.numeric.transforms import Transform, packed_transform, unpacked_transform

_PRIOR_ECHO = 0.25
"""Metrics of agents echo a little from step to step; this is what is believed before any point."""
_PRIOR_POINTS = 10.0
_MOST_ECHO = 0.9
_TAIL_POINTS = 40.0
"""Points that stand against the first sight of heavy tails."""
_HELD = 4.0
_KEPT = 0.8
"""Degrees of freedom that a robust scale keeps of those a plain one has."""
_STATE = ("center", "chosen_at", "echo", "heard", "last", "n", "scale", "tail")


class Baseline:
    """The usual: a transform, its middle, scale, echo and tails, and how many points say so.

    ``slack`` is the standard error of the middle, in deviations. ``heard`` is the echo as it was
    measured, ``chosen_at`` the number of points that the transform was chosen by.
    """

    __slots__ = (*_STATE, "_bend", "dof", "gain", "slack", "transform")

    def __init__(self, transform: Transform, values: Mapping[str, Any]) -> None:
        self.transform = transform
        self.center = float(values["center"])
        self.scale = float(values["scale"])
        self.echo = float(values["echo"])
        self.heard = float(values["heard"])
        self.tail = float(values["tail"])
        self.last = float(values["last"])
        self.n = int(values["n"])
        self.chosen_at = int(values["chosen_at"])
        worth = self.n * (1 - self.echo) / (1 + self.echo)
        self.dof = max(3.0, 1 / (1 / max(4.0, _KEPT * (worth - 1)) + self.tail))
        self.gain = 1 / sqrt((1 - self.echo**2) * (1 + 1 / self.n)) / self.scale
        self.slack = 1 / sqrt(max(worth, 1.0))
        self._bend = (8 * self.dof + 1) / (8 * self.dof + 3)

    def residual(self, point: float) -> float:
        """Return what is new in a point, as a standard normal number.

        The echo of the last point is taken off (AR(1)). Middle and scale are estimates and the
        tails may be heavy, so that the quotient follows Student's distribution; it is brought to
        the normal one by Wallace's approximation (Annals of Mathematical Statistics, 1959).
        """
        away = self.transform.forth(point) - self.center
        quotient = (away - self.echo * self.last) * self.gain
        held = _HELD * self.scale
        self.last = held if away > held else -held if away < -held else away
        dof = self.dof
        normal = sqrt(dof * log1p(quotient * quotient / dof)) * self._bend
        return normal if quotient > 0 else -normal

    def away(self, point: float) -> float:
        """Return how many deviations a point lies from the middle, and remember nothing."""
        return (self.transform.forth(point) - self.center) / self.scale

    def to_dict(self) -> dict[str, Any]:
        kept = {name: getattr(self, name) for name in _STATE}
        return {**kept, "transform": packed_transform(self.transform)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(unpacked_transform(values["transform"]), values)


def fitted(
    points: Sequence[float], transform: Transform, *, chosen_at: int, least_echo: float
) -> Baseline:
    """Estimate a baseline from points under a transform."""
    seen = [transform.forth(point) for point in points]
    center, scale = location_and_scale(seen)
    steady = scale <= 0.0
    scale = transform.steady_scale(center) if steady else max(scale, transform.least_scale(center))
    standard = [(point - center) / scale for point in seen]
    n, heard = len(points), echo(standard)
    believed = (heard * n + _PRIOR_ECHO * _PRIOR_POINTS) / (n + _PRIOR_POINTS)
    held = min(max(believed, least_echo), _MOST_ECHO)
    values = {"center": center, "scale": scale, "echo": held, "heard": heard, "last": 0.0}
    tail = _tail(standard, held)
    return Baseline(transform, {**values, "n": n, "chosen_at": chosen_at, "tail": tail})


def _tail(standard: Sequence[float], echo: float) -> float:
    """Return 1 / degrees of freedom of the Student distribution with as heavy tails.

    Its excess kurtosis is 6 / (dof - 4).
    """
    pairs = itertools.pairwise(standard)
    news = [after - echo * before for before, after in pairs]
    if len(news) < 8:
        return 0.0
    excess = moments(news, limit=7.0)[1] * len(news) / (len(news) + _TAIL_POINTS)
    return 1 / (4 + 6 / excess) if excess > 0.05 else 0.0
