"""A signal, and in words what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

from checkpoints.drift.numeric.baseline import Baseline
from checkpoints.drift.numeric.estimates import location_and_scale, median_and_mad
from checkpoints.drift.numeric.motion import Motion
from checkpoints.drift.numeric.watches import Verdict
from checkpoints.drift.signals import At, Direction, Evidence, Pattern, Signal, SignalKind

_UNITS = (1e3, 1e6)
_RAMP_POINTS = 6
_RAMP_RISE = 2.4
"""The rise between the halves of n points, in deviations times the root of n, that makes a ramp:
1.2 standard errors, for an alarm comes while a ramp is young."""


_WIDER = 1.2
"""How many times as wide values scatter for words to say so; else they left their band together."""


class Told(NamedTuple):
    """What a signal is about, and when it was found."""

    metric: str
    motion: Motion
    found: int
    at: At | None


def signal_of(
    told: Told, verdict: Verdict, points: Sequence[float], usual: Sequence[float], to: Baseline
) -> Signal:
    """Make the signal of a verdict: ``points`` since its onset, ``usual`` ones before."""
    center, mad = median_and_mad(usual) if len(usual) else (to.transform.back(to.center), 0.0)
    observed = median_and_mad(points)[0]
    evidence = Evidence(
        words=_words(told, verdict, points, (center, mad, len(usual)), to),
        baseline_median=center,
        baseline_mad=mad,
        baseline_n=len(usual),
        window=(verdict.onset, told.found),
        observed=observed,
        between_points=told.motion is not Motion.LEVEL,
    )
    return Signal(
        kind=SignalKind.METRIC,
        metric=told.metric,
        onset=verdict.onset,
        index=told.found,
        score=verdict.score,
        threshold=verdict.threshold,
        evidence=evidence,
        direction=verdict.direction,
        pattern=verdict.pattern,
        onset_at=verdict.onset_at,
        at=told.at,
    )


def formed(verdict: Verdict, points: Sequence[float], to: Baseline) -> Verdict:
    """Tell a ramp from a step: ``points`` since the onset still move on. A step began later."""
    if verdict.pattern is not Pattern.LEVEL:
        return verdict
    if len(points) >= _RAMP_POINTS and _rise(verdict, points, to) > _RAMP_RISE:
        return verdict._replace(pattern=Pattern.RAMP)
    if verdict.step is None:
        return verdict
    return verdict._replace(onset=verdict.step, onset_at=verdict.step_at)


def _rise(verdict: Verdict, points: Sequence[float], to: Baseline) -> float:
    """Return the rise between the halves, of the kind that spoke, times the root of points."""
    half = len(points) // 2
    seen = [to.away(point) for point in points]
    rise = location_and_scale(seen[half:])[0] - location_and_scale(seen[:half])[0]
    return (rise if verdict.direction is Direction.UP else -rise) * sqrt(len(points))


def _words(
    told: Told,
    verdict: Verdict,
    points: Sequence[float],
    usual: tuple[float, float, int],
    to: Baseline,
) -> str:
    center, mad, count = usual
    what = _what(told, verdict, points, center, to)
    before = f"median {center:.4g}, MAD {mad:.3g} over {count} points before"
    measure = f"score {verdict.score:.1f} against a threshold of {verdict.threshold:.1f}"
    return f"{what}; {before}; {measure}"


def _what(
    told: Told,
    verdict: Verdict,
    points: Sequence[float],
    center: float,
    to: Baseline,
) -> str:
    name, pattern = told.metric, verdict.pattern
    if told.motion is not Motion.LEVEL:
        name = f"{told.metric}, by its steps from point to point,"
    since = f"since point {verdict.onset}"
    observed = median_and_mad(points)[0]
    rose = "rose" if verdict.direction is Direction.UP else "fell"
    if pattern is Pattern.FLATLINE:
        run = told.found - verdict.onset + 1
        return f"{told.metric} is exactly the same {run} points in a row, {since}"
    if pattern is Pattern.VARIANCE:
        scale = location_and_scale([to.away(point) for point in points])[1]
        if scale < _WIDER:
            return f"{name} moved {since}, to a median of {observed:.4g}"
        return f"{name} varies {scale:.1f} times as much {since}"
    if pattern is Pattern.SPIKE:
        return f"{name} {rose} to {points[-1]:.4g} at once{_unit(points[-1], center)}"
    rose = f"{rose} bit by bit" if pattern is Pattern.RAMP else rose
    return f"{name} {rose} to a median of {observed:.4g} {since}{_unit(observed, center)}"


def _unit(observed: float, center: float) -> str:
    """Say so where the quotient is one of units: a thousand or a million."""
    if not observed or not center:
        return ""
    factor = max(abs(observed / center), abs(center / observed))
    near = [unit for unit in _UNITS if 0.5 < factor / unit < 2]
    return f" (by a factor of about {near[0]:,.0f}: has its unit changed?)" if near else ""
