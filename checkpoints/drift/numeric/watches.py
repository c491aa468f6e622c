"""The tests that every residual goes through, side by side.

Four are CUSUMs of the level (Page, Biometrika 1954): up and down, one for small shifts and one for
large ones; the fifth is a CUSUM of the likelihood ratio of a doubled deviation; and a single point
may be far enough out by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Any, NamedTuple

from checkpoints.drift.numeric.sensitivity import Thresholds, thresholds
from checkpoints.drift.signals import At, Direction, Pattern
from checkpoints.drift.times import dump, load

HELD = 3.5
"""A point speaks for a new level at most this loud: a level is not one point."""
_HELD_SQUARE = 16.0
_GROWTH = 2.0
"""The growth of the deviation that the variance test finds soonest."""
_COST = log(_GROWTH)
_SHARE = (1 - 1 / _GROWTH**2) / 2
_FADING = 0.5 ** (1 / 200)
"""What is left of caution after each point: half after 200."""
_RISEN = 0.4
"""Part of its threshold from which the sum for large shifts tells better when a shift began."""
_FORMS = (
    (Pattern.LEVEL, Direction.UP),
    (Pattern.LEVEL, Direction.UP),
    (Pattern.LEVEL, Direction.DOWN),
    (Pattern.LEVEL, Direction.DOWN),
    (Pattern.VARIANCE, Direction.UP),
)


class Verdict(NamedTuple):
    """A test that passed its threshold. ``onset`` is the point at which its rise began.

    ``step`` is where it began if it was all at once.
    """

    pattern: Pattern
    direction: Direction
    score: float
    threshold: float
    onset: int
    onset_at: At | None
    step: int | None = None
    step_at: At | None = None


class Watches:
    """Five sums, the points at which their present rises began, and how cautious to be.

    ``caution`` multiplies the thresholds: a series that alarmed often lately is an odd one.
    """

    __slots__ = (
        "_large",
        "_point",
        "_since",
        "_small",
        "_sums",
        "_times",
        "_usual",
        "_wide",
        "caution",
    )  # fmt: skip

    def __init__(self, sensitivity: float) -> None:
        found = thresholds(sensitivity)
        self._small, self._large = found.small, found.large
        self._wide, self._point = found.wide, found.point
        self._usual: Thresholds = thresholds(0.5)
        self.caution = 1.0
        self.clear()

    def clear(self) -> None:
        """Forget what speaks for a change."""
        self._sums = [0.0] * 5
        self._since = [0] * 5
        self._times: list[At | None] = [None] * 5

    def take(self, news: float, slack: float, index: int, at: At | None) -> Verdict | None:
        """Weigh one residual.

        ``slack`` is the standard error of the baseline's middle: the tests stand off by as much,
        for a baseline of few points may lie beside the truth.
        """
        held = HELD if news > HELD else -HELD if news < -HELD else news
        square = news * news
        square = min(square, _HELD_SQUARE)
        near, far = 0.5 + slack, 1.0 + slack
        gains = (held - near, held - far, -held - near, -held - far,
                 square * _SHARE - _COST - 0.5 * slack)  # fmt: skip
        sums = self._sums
        for number, gain in enumerate(gains):
            before = sums[number]
            if before > 0.0:
                risen = before + gain
                sums[number] = risen if risen > 0.0 else 0.0
            elif gain > 0.0:
                sums[number] = gain
                self._since[number] = index
                self._times[number] = at
        if self.caution > 1.0:
            self.caution = 1.0 + (self.caution - 1.0) * _FADING
        caution = self.caution
        small, large = self._small * caution, self._large * caution
        if news > self._point * caution or news < -self._point * caution:
            return self._spike(news, index, at)
        if (
            sums[0] > small or sums[1] > large or sums[2] > small or sums[3] > large
            or sums[4] > self._wide * caution
        ):  # fmt: skip
            return self._verdict((small, large, small, large, self._wide * caution))
        return None

    def calm(self, part: float) -> bool:
        """Whether all sums lie below a part of their usual thresholds.

        Those of the sensitivity 0.5, so that what a baseline learns does not hang on how much a
        detector is willing to say.
        """
        rose, rose_far, fell, fell_far, widened = self._sums
        usual = self._usual
        near, far = usual.small * part, usual.large * part
        return (
            rose < near and fell < near and rose_far < far and fell_far < far
            and widened < usual.wide * part
        )  # fmt: skip

    @property
    def pressure(self) -> float:
        """The largest part of its usual threshold, that of the sensitivity 0.5, of any sum."""
        rose, rose_far, fell, fell_far, widened = self._sums
        usual = self._usual
        return max(
            max(rose, fell) / usual.small, max(rose_far, fell_far) / usual.large,
            widened / usual.wide,
        )  # fmt: skip

    def warn(self, factor: float, most: float) -> None:
        """Be more cautious for a while."""
        self.caution = min(self.caution * factor, most)

    def _spike(self, news: float, index: int, at: At | None) -> Verdict:
        return Verdict(
            pattern=Pattern.SPIKE,
            direction=Direction.UP if news > 0 else Direction.DOWN,
            score=abs(news),
            threshold=self._point * self.caution,
            onset=index,
            onset_at=at,
        )

    def _verdict(self, heights: tuple[float, ...]) -> Verdict:
        """Return the first test that passed; the level is told before the variance."""
        number = next(n for n in range(5) if self._sums[n] > heights[n])
        pattern, direction = _FORMS[number]
        steep = number + 1 if self._is_steep(number, heights) else number
        return Verdict(
            pattern=pattern,
            direction=direction,
            score=self._sums[number],
            threshold=heights[number],
            onset=self._since[number],
            onset_at=self._times[number],
            step=self._since[steep],
            step_at=self._times[steep],
        )

    def _is_steep(self, number: int, heights: tuple[float, ...]) -> bool:
        """Whether the sum for large shifts tells of the same shift, and better when it began."""
        return number in (0, 2) and self._sums[number + 1] > heights[number + 1] * _RISEN

    def to_dict(self) -> dict[str, Any]:
        return {
            "caution": self.caution,
            "sums": list(self._sums),
            "since": list(self._since),
            "times": [dump(at) for at in self._times],
        }

    def restore(self, values: Mapping[str, Any]) -> None:
        """Take what :meth:`to_dict` returned."""
        self.caution = float(values["caution"])
        self._sums = [float(value) for value in values["sums"]]
        self._since = [int(value) for value in values["since"]]
        self._times = [load(at) for at in values["times"]]
