"""Which transform suits a metric: its points say, its name only hints."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from checkpoints.drift.numeric.estimates import location_and_scale, moments
from checkpoints.drift.numeric.transforms import Log, Logit, Plain, Root, Transform

_HINTS: dict[str, tuple[str, ...]] = {
    "log": ("token", "cost", "price", "latenc", "durat", "time", "second", "size", "byte"),
    "logit": ("rate", "ratio", "share", "score", "confiden", "similar", "diverg", "percent"),
    "root": ("count", "calls", "retr", "error", "steps"),
}
_USUAL = {"log": 0.0, "logit": 0.0, "root": 1.0, "plain": 2.0}
"""Standard errors of skewness by which a transform has to be better than the usual one."""
_COUNTS = 50
"""Whole numbers about a smaller median are counts."""
_SHARES = 0.02


def chosen(points: Sequence[float], metric: str) -> Transform:
    """Return the transform under which the points are least lopsided.

    Few points say little about that, so that the usual transform, and one that the metric's name
    suggests, stays until another is better by more than chance.
    """
    possible = _possible(points)
    if len(possible) == 1:
        return possible[0]
    error = sqrt(6 / len(points))
    name = metric.lower()
    return min(possible, key=lambda one: _lopsided(one, points) + error * _penalty(one, name))


def _possible(points: Sequence[float]) -> list[Transform]:
    ordered = sorted(points)
    low, high, median = ordered[0], ordered[-1], ordered[len(ordered) // 2]
    if low < 0.0 or high == 0.0:
        return [Plain()]
    if median < _COUNTS and all(point.is_integer() for point in points):
        return [Root(0.375)]
    positive = [point for point in ordered if point > 0.0]
    typical = positive[len(positive) // 2]
    shift = 0.1 * typical if low == 0.0 else 0.0
    found: list[Transform] = [Log(shift, 1e-3 * typical + shift / 2), Root(0.0), Plain()]
    return [*found, Logit(1e-3)] if high <= 1.0 and median > _SHARES else found


def _lopsided(transform: Transform, points: Sequence[float]) -> float:
    seen = [transform.forth(point) for point in points]
    center, scale = location_and_scale(seen)
    if scale <= 0.0:
        return 0.0
    return abs(moments([(point - center) / scale for point in seen], limit=4.0)[0])


def _penalty(transform: Transform, name: str) -> float:
    hinted = any(word in name for word in _HINTS.get(transform.name, ()))
    return _USUAL[transform.name] - hinted
