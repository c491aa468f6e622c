"""From points to a baseline: what moves, how to look at it, and what is usual."""

from __future__ import annotations

from collections.abc import Sequence

from checkpoints.drift.numeric.baseline import Baseline, fitted
from checkpoints.drift.numeric.choosing import chosen
from checkpoints.drift.numeric.history import History
from checkpoints.drift.numeric.motion import Motion, Steps, counts_up, differences
from checkpoints.drift.numeric.transforms import Transform

SETTLED = 128
"""Points after which the transform stays as it is."""
_WALKING = 0.9
"""A correlation with the point before above which a series goes on from wherever it is."""
_WALKING_POINTS = 24
_NOISE = -0.35
"""An echo of steps below which they may be noise about one level."""
_STANDING = 0.6
_STEPS_ECHO = -0.6
"""Steps between noisy points echo with the opposite sign, by -0.5 where all is noise."""


def learnt(
    metric: str, history: History, steps: Steps, before: Baseline | None
) -> tuple[History, Baseline]:
    """Estimate a baseline from a history; change to steps where the points call for it.

    Returns the history, which then holds steps, and the baseline.
    """
    if before is None and steps.motion is Motion.LEVEL and counts_up(history.points):
        history = _stepwise(history, steps, Motion.COUNTER)
    points = history.settled()
    transform, chosen_at = _transform(metric, points, before)
    least = _STEPS_ECHO if steps.motion is Motion.WALK else 0.0
    found = fitted(points, transform, chosen_at=chosen_at, least_echo=least)
    long_enough = len(points) >= _WALKING_POINTS
    if steps.motion is Motion.LEVEL and long_enough and found.heard > _WALKING:
        return learnt(metric, walking(history, steps), steps, None)
    if steps.motion is Motion.WALK and long_enough and found.heard < _NOISE:
        return _standing(metric, history, steps, found)
    return history, found


def _standing(
    metric: str, history: History, steps: Steps, found: Baseline
) -> tuple[History, Baseline]:
    """Go back to levels where the steps turned out to be nothing but noise about one."""
    levels = [0.0]
    for step in reversed(history.points):
        levels.append(levels[-1] - step)
    again = History([(steps.last or 0.0) + level for level in reversed(levels)])
    points = again.settled()
    transform = chosen(points, metric)
    level = fitted(points, transform, chosen_at=len(points), least_echo=0.0)
    if level.heard > _STANDING:
        return history, found
    steps.motion = Motion.LEVEL
    return again, level


def walking(history: History, steps: Steps) -> History:
    """Watch the steps from now on; return the history of steps."""
    return _stepwise(history, steps, Motion.WALK)


def _stepwise(history: History, steps: Steps, motion: Motion) -> History:
    steps.motion = motion
    found = differences(history.points)
    return History([step for step in found if step >= 0 or motion is Motion.WALK])


def _transform(
    metric: str, points: Sequence[float], before: Baseline | None
) -> tuple[Transform, int]:
    """Keep the transform until the points have doubled or it fits no more; settled, it stays."""
    if before is None or not all(map(before.transform.fits, points)):
        return chosen(points, metric), len(points)
    if before.n < SETTLED and len(points) >= 2 * before.chosen_at:
        return chosen(points, metric), len(points)
    return before.transform, before.chosen_at
