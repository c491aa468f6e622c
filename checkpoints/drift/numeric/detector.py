"""One metric of one agent, watched point by point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from checkpoints.drift.numeric import flatline
from checkpoints.drift.numeric.aftermath import MOST, Aftermath, Outcome
from checkpoints.drift.numeric.band import Band, band_of
from checkpoints.drift.numeric.baseline import Baseline
from checkpoints.drift.numeric.flatline import Repeats
from checkpoints.drift.numeric.history import WARM_UP, History
from checkpoints.drift.numeric.inputs import LIMIT, number
from checkpoints.drift.numeric.learning import SETTLED, learnt, walking
from checkpoints.drift.numeric.motion import Motion, Steps
from checkpoints.drift.numeric.sensitivity import run_length
from checkpoints.drift.numeric.watches import Verdict, Watches
from checkpoints.drift.numeric.words import Told, formed, signal_of
from checkpoints.drift.sensitivities import level
from checkpoints.drift.signals import At, Direction, Pattern, Signal

_CALM = 0.5
"""Part of the usual thresholds above which a baseline learns nothing: a drift may begin."""
_CAUTION, _MOST_CAUTION = 1.25, 2.5
_MOVES = 3
"""New levels, within so many points, after which a series has no level but goes from place to
place."""
_MOVES_WITHIN = 300


class SeriesDetector:
    """Finds where one metric leaves its band: level, ramp, variance, spike, flatline.

    ``baseline`` holds values of earlier runs, oldest first; with 14 or more the first point is
    judged. ``sensitivity`` goes from 0 to 1, or is low, medium or high. Values are taken in the
    order in which they are given; ``at`` is only handed on to the signal. Infinite values and NaN
    are gaps.

    Raises:
        ValueError: ``sensitivity`` is none.
        TypeError: A value is no number.

    """

    __slots__ = ("_aftermath", "_baseline", "_history", "_moved", "_repeats", "_run", "_steps",
                 "_watches", "index", "metric", "sensitivity")  # fmt: skip

    def __init__(
        self, metric: str, *, sensitivity: float | str = 0.5, baseline: Sequence[float] = ()
    ) -> None:
        self.metric = metric
        self.sensitivity = level(sensitivity)
        self.index = -1
        self._run = run_length(self.sensitivity)
        self._steps = Steps()
        self._repeats = Repeats()
        self._watches = Watches(self.sensitivity)
        self._history = History()
        self._baseline: Baseline | None = None
        self._aftermath: Aftermath | None = None
        self._moved: list[int] = []
        self._warm(baseline)

    def update(self, value: float, at: At | None = None) -> Signal | None:
        """Take the next value; return a signal when an episode is found, once.

        Raises:
            TypeError: The value is a text, None or another thing that is no number.

        """
        fine = type(value) is float and -LIMIT < value < LIMIT
        found = value if fine else number(value, self.metric)
        self.index += 1
        if found is None:
            return None
        run = self._repeats.take(found, self.index, at)
        point = self._steps.take(found)
        return None if point is None else self._judge(point, run, at)

    def _judge(self, point: float, run: int, at: At | None) -> Signal | None:
        """Weigh one point, of which ``run`` values before were equal to its own."""
        if self._aftermath is not None:
            self._follow(self._aftermath, point, run)
            return None
        baseline = self._baseline
        if baseline is None or (baseline.n < SETTLED and not baseline.transform.fits(point)):
            if self._history.add(point) or baseline is not None:
                self._learn()
            return None
        verdict = self._watches.take(baseline.residual(point), baseline.slack, self.index, at)
        if run >= flatline.LEAST:
            verdict = self._flat(run) or verdict
        if verdict is not None:
            return self._found(verdict, point, baseline, at)
        if self._history.add(point):
            self._look_again()
        return None

    @property
    def band(self) -> Band | None:
        """What is usual, in the metric's own unit; None while too little is known."""
        return None if self._baseline is None else band_of(self._baseline)

    @property
    def lasted(self) -> int:
        """How many points in a row are still away from the usual since its signal."""
        if self._aftermath is None or self._baseline is None:
            return 0
        return self._aftermath.lasted(self._baseline)

    @property
    def is_between_points(self) -> bool:
        """Whether it looks at the steps from point to point, since the values grow or wander."""
        return self._steps.motion is not Motion.LEVEL

    @property
    def pressure(self) -> float:
        """How much speaks for a change: 1 is what suffices at the sensitivity 0.5.

        0 while too little is known, and while an episode lasts. Several metrics that press at
        once say more than each of them.
        """
        is_watching = self._baseline is not None and self._aftermath is None
        return self._watches.pressure if is_watching else 0.0

    def learn_normal(self) -> None:
        """Take the present level as usual: somebody said that it is no drift.

        An open episode ends as soon as its points suffice for a baseline. For a while the
        detector is more cautious.
        """
        self._watches.clear()
        self._watches.warn(_CAUTION, _MOST_CAUTION)
        if self._aftermath is not None:
            self._aftermath.accepted = True
        elif self._baseline is not None:
            newest = self._history.since(min(len(self._history), WARM_UP))
            self._history = History(newest)
            self._learn()

    def to_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on exactly here, as JSON types of bounded size."""
        return {
            "format": 1,
            "metric": self.metric,
            "sensitivity": self.sensitivity,
            "index": self.index,
            "moved": list(self._moved),
            "steps": self._steps.to_dict(),
            "repeats": self._repeats.to_dict(),
            "watches": self._watches.to_dict(),
            "history": self._history.to_dict(),
            "baseline": self._baseline and self._baseline.to_dict(),
            "aftermath": self._aftermath and self._aftermath.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild a detector from :meth:`to_dict`.

        Raises:
            ValueError: This is not the state of such a detector.

        """
        try:
            found = cls(values["metric"], sensitivity=values["sensitivity"])
            found._restore(values)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(
                f"this is not the state of a series detector ({error!r}); begin with a new one"
            ) from error
        return found

    def _restore(self, values: Mapping[str, Any]) -> None:
        baseline, aftermath = values["baseline"], values["aftermath"]
        self.index = int(values["index"])
        self._moved = [int(index) for index in values["moved"]]
        self._steps = Steps.from_dict(values["steps"])
        self._repeats = Repeats.from_dict(values["repeats"])
        self._watches.restore(values["watches"])
        self._history = History.from_dict(values["history"])
        self._baseline = baseline and Baseline.from_dict(baseline)
        self._aftermath = aftermath and Aftermath.from_dict(aftermath)

    def _warm(self, earlier: Sequence[float]) -> None:
        """Learn from earlier runs."""
        for value in earlier:
            found = number(value, self.metric)
            if found is not None:
                self._repeats.take(found, 0, None)
                self._history.add(found)
        if len(self._history) >= WARM_UP:
            self._learn()
        self._repeats.pause()

    def _flat(self, run: int) -> Verdict | None:
        limit = self._repeats.limit(self._run)
        if run < limit:
            return None
        return Verdict(
            pattern=Pattern.FLATLINE,
            direction=Direction.EITHER,
            score=float(run),
            threshold=float(limit),
            onset=self._repeats.since,
            onset_at=self._repeats.at,
        )

    def _found(self, verdict: Verdict, point: float, baseline: Baseline, at: At | None) -> Signal:
        """Say what was found, and take the episode's points out of what is usual."""
        count = min(self.index - verdict.onset, len(self._history))
        verdict = formed(verdict, [*self._history.since(count), point], baseline)
        count = min(self.index - verdict.onset, count)
        told = Told(metric=self.metric, motion=self._steps.motion, found=self.index, at=at)
        points = [*self._history.since(count), point]
        self._history.drop(count)
        signal = signal_of(told, verdict, points, self._history.points, baseline)
        self._aftermath = Aftermath(pattern=verdict.pattern, points=points[-MOST:])
        self._watches.clear()
        self._watches.warn(_CAUTION, _MOST_CAUTION)
        return signal

    def _follow(self, aftermath: Aftermath, point: float, run: int) -> None:
        """Take a point of an episode; go back to the usual, or learn the new one, at its end."""
        baseline = self._baseline
        outcome = aftermath.take(point, run, baseline) if baseline else Outcome.MOVED
        if outcome is Outcome.OPEN:
            return
        self._aftermath = None
        self._watches.clear()
        if outcome is Outcome.MOVED:
            self._move(aftermath.newest)
        elif baseline:
            baseline.last = 0.0
            self._history.postpone()

    def _move(self, points: Sequence[float]) -> None:
        """Begin again at a new level; watch steps where levels never last."""
        recent = [index for index in self._moved if self.index - index < _MOVES_WITHIN]
        self._moved = [*recent, self.index]
        self._history = History(points)
        if len(self._moved) >= _MOVES and self._steps.motion is Motion.LEVEL:
            self._history = walking(self._history, self._steps)
            self._moved = []
        self._baseline = None
        if len(self._history) >= WARM_UP:
            self._learn()

    def _look_again(self) -> None:
        if self._watches.calm(_CALM):
            self._learn()
        else:
            self._history.postpone()

    def _learn(self) -> None:
        self._history, found = learnt(self.metric, self._history, self._steps, self._baseline)
        self._baseline = found
