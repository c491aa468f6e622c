"""River's drift detectors (https://riverml.xyz) behind the same front end as our own tests.

The only module that knows river, which comes with the extra ``river``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from checkpoints.drift.numeric.band import Band, band_of
from checkpoints.drift.numeric.baseline import Baseline
from checkpoints.drift.numeric.history import WARM_UP, History
from checkpoints.drift.numeric.inputs import number
from checkpoints.drift.numeric.learning import learnt
from checkpoints.drift.numeric.motion import Steps
from checkpoints.drift.signals import At, Evidence, Signal, SignalKind

try:
    from river import drift as _river
except ImportError as error:
    raise ImportError(
        "river is not installed; install it with: pip install 'holdfast[river]'"
    ) from error

ADWIN, KSWIN, PageHinkley = _river.ADWIN, _river.KSWIN, _river.PageHinkley


class DriftDetector(Protocol):
    """What is used of a river detector."""

    @property
    def drift_detected(self) -> bool: ...

    def update(self, x: float) -> Any: ...

    def clone(self) -> DriftDetector: ...


class RiverDetector:
    """A river detector that is given what is new in each point of a metric.

    ``detector`` is a pattern: it is cloned, and cloned anew after each signal. River does not say
    where a drift began nor how sure it is: ``onset`` is the point at which it was found, and the
    score 1 against a threshold of 1. Its detectors cannot be stored as JSON; a restored one
    begins with what the front end has learnt.

    Raises:
        TypeError: A value is no number.

    """

    def __init__(
        self, detector: DriftDetector, metric: str, *, baseline: Sequence[float] = ()
    ) -> None:
        self.metric = metric
        self.index = -1
        self._pattern = detector
        self._steps = Steps()
        self._detector = detector.clone()
        self._history = History()
        self._baseline: Baseline | None = None
        for value in baseline:
            self._take(value)
        self._steps.last = None

    def update(self, value: float, at: At | None = None) -> Signal | None:
        """Take the next value; return a signal when river finds a drift."""
        news = self._take(value)
        self.index += 1
        if news is None:
            return None
        self._detector.update(news)
        return self._signal(value, at) if self._detector.drift_detected else None

    @property
    def band(self) -> Band | None:
        """What is usual, in the metric's own unit; None while too little is known."""
        return None if self._baseline is None else band_of(self._baseline)

    def learn_normal(self) -> None:
        """Take the present level as usual."""
        newest = min(len(self._history), WARM_UP)
        self._forget(self._history.since(newest))

    def to_dict(self) -> dict[str, Any]:
        """Return what the front end has learnt, as JSON types."""
        return {
            "metric": self.metric,
            "index": self.index,
            "steps": self._steps.to_dict(),
            "history": self._history.to_dict(),
            "baseline": self._baseline and self._baseline.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any], detector: DriftDetector) -> RiverDetector:
        """Rebuild the front end from :meth:`to_dict`; the river detector begins anew."""
        found = cls(detector, values["metric"])
        found.index = int(values["index"])
        found._steps = Steps.from_dict(values["steps"])
        found._history = History.from_dict(values["history"])
        found._baseline = values["baseline"] and Baseline.from_dict(values["baseline"])
        return found

    def _take(self, value: float) -> float | None:
        """Return what is new in a value; None while the usual is not known."""
        found = number(value, self.metric)
        point = None if found is None else self._steps.take(found)
        if point is None:
            return None
        baseline = self._baseline
        news = None if baseline is None else baseline.residual(point)
        if self._history.add(point):
            self._history, self._baseline = learnt(
                self.metric, self._history, self._steps, baseline
            )
        return news

    def _forget(self, points: Sequence[float]) -> None:
        self._detector = self._pattern.clone()
        self._history = History(points)
        self._baseline = None

    def _signal(self, value: float, at: At | None) -> Signal:
        band = self.band
        name = type(self._pattern).__name__
        usual = "" if band is None else f", usual {band.center:.4g} over {band.n} points"
        words = f"{name} finds a drift in {self.metric}; it is {value:.4g}{usual}"
        self._forget(())
        return Signal(
            kind=SignalKind.METRIC,
            metric=self.metric,
            onset=self.index,
            index=self.index,
            score=1.0,
            threshold=1.0,
            evidence=Evidence(
                words=words,
                baseline_median=None if band is None else band.center,
                baseline_n=0 if band is None else band.n,
                window=(self.index, self.index),
                observed=float(value),
            ),
            onset_at=at,
            at=at,
        )
