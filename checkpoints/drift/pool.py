"""The series of one agent: a detector for each step and metric, and how hard each presses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

from checkpoints.drift.continuity import Continuity, Key
from checkpoints.drift.fusion import FLOOR
from checkpoints.drift.metrics.finite import number
from checkpoints.drift.numeric import Band, SeriesDetector
from checkpoints.drift.signals import Direction, Evidence, Pattern, Signal, SignalKind

MOST_SERIES: Final = 96
"""Series of one agent; a further one is refused, and why is told."""
MOST_STEPS: Final = 12
"""Step names that have series of their own; the others share those without a name."""
LONGEST_NAME: Final = 200
"""Characters of a metric's or a step's name beyond which it has no series of its own."""
HELD: Final = 0.9
"""What is left of a pressure one observation later, so that metrics need not speak at once."""
_TOO_LONG = f"its name has more than {LONGEST_NAME} characters"
_CALM, _USUAL = 0.1, 0.5
"""How sensitive a detector is that speaks for itself, at the agent's usual sensitivity: several
metrics of an agent err several times as often as one."""


class Found(NamedTuple):
    """A signal of a series. ``began`` is the agent's observation at which it began."""

    key: Key
    signal: Signal
    began: float


@dataclass(slots=True)
class _Series:
    """A detector, and since when it has been pressed."""

    detector: SeriesDetector
    pressure: float = 0.0
    since: int = 0
    points: int = 0
    since_point: int = 0

    def update(self, value: float, index: int) -> Signal | None:
        if self.pressure < FLOOR / 2:
            self.since, self.since_point = index, self.points
        signal = self.detector.update(value, float(index))
        self.pressure = max(self.pressure * HELD, self.detector.pressure)
        self.points += 1
        return signal


def _only_grows_less(signal: Signal) -> bool:
    """Whether what a thread holds has merely come to its cap: it shrinks no faster than it grew.

    Lists that keep their last hundred items do that once, and are as they should be. Their steps
    vary from then on, for what goes is not as large as what comes.
    """
    evidence = signal.evidence
    usual, observed = evidence.baseline_median, evidence.observed
    if not evidence.between_points or usual is None or observed is None:
        return False
    if signal.direction is Direction.UP and signal.pattern is not Pattern.VARIANCE:
        return False
    return observed > -abs(usual)


def _never_moved(signal: Signal) -> bool:
    """Whether what stands still is not known to have moved before: a constant, or a full list."""
    return signal.pattern is Pattern.FLATLINE and not signal.evidence.baseline_mad


class SeriesPool:
    """Feeds each metric of each step to a detector of its own. Their number is bounded."""

    def __init__(self, sensitivity: float, sensitivities: Mapping[str, float]) -> None:
        self._sensitivity = sensitivity
        self._sensitivities = sensitivities
        self._series: dict[Key, _Series] = {}
        self._continuity = Continuity()
        self.refused: dict[str, str] = {}

    def update(
        self, metrics: Mapping[str, float], *, step_name: str | None, thread_id: str, index: int
    ) -> list[Found]:
        """Take the metrics of one observation; return what its series signal by themselves."""
        step = self._step(step_name)
        return list(self._updated(metrics, step, thread_id, index))

    def _updated(
        self, metrics: Mapping[str, float], step: str | None, thread_id: str, index: int
    ) -> Iterator[Found]:
        for metric, given in metrics.items():
            key, value = (step, metric), number(given)
            series = None if value is None else self._of(key)
            if series is None or value is None:
                continue
            joined = self._continuity.joined(key, thread_id, value)
            if joined is None:
                continue
            if joined.is_new_series:
                series = self._series[key] = self._made(metric)
            signal = series.update(joined.value, index)
            if signal is not None and not (_only_grows_less(signal) or _never_moved(signal)):
                yield Found(key, signal, _index(signal, series.since))

    @property
    def metrics(self) -> int:
        """How many metrics are watched."""
        return len({metric for _, metric in self._series})

    def pressures(self) -> dict[str, tuple[Key, float]]:
        """Return how hard each metric presses: its hardest pressed step, and how hard.

        What grows or wanders speaks for itself only: lists of one state come to their caps
        together.
        """
        found: dict[str, tuple[Key, float]] = {}
        for key, series in self._series.items():
            if series.detector.is_between_points:
                continue
            if series.pressure >= FLOOR and series.pressure > found.get(key[1], (key, 0.0))[1]:
                found[key[1]] = (key, series.pressure)
        return found

    def lasted(self, metric: str, step_name: str | None) -> int:
        """Return how many points in a row a metric has been away since its signal."""
        series = self._series.get((step_name, metric))
        return series.detector.lasted if series is not None else 0

    def suspicion(self, key: Key, agreement: float, index: int) -> Found:
        """Return the signal of a series that says something only together with others."""
        series = self._series[key]
        found = Found(key, _weak(key[1], series, agreement, index), series.since)
        series.pressure = 0.0
        return found

    def learn_normal(self, metric: str, step_name: str | None) -> None:
        """Take the present level of a metric as normal; of each step unless one is named."""
        for (step, name), series in self._series.items():
            if name == metric and step_name in (None, step):
                series.detector.learn_normal()
                series.pressure = 0.0

    @property
    def bands(self) -> dict[Key, Band]:
        """The band of each series that has one, in the metric's unit."""
        return {
            key: series.detector.band
            for key, series in self._series.items()
            if series.detector.band is not None
        }

    def _step(self, step_name: str | None) -> str | None:
        if step_name is not None and len(step_name) > LONGEST_NAME:
            self._refuse(f"step {step_name[:64]!r}", _TOO_LONG)
            return None
        known = {step for step, _ in self._series}
        if step_name in known or step_name is None or len(known - {None}) < MOST_STEPS:
            return step_name
        self._refuse(
            f"step {step_name[:64]!r}",
            f"{MOST_STEPS} step names have series of their own; it shares those without a name",
        )
        return None

    def _of(self, key: Key) -> _Series | None:
        if len(key[1]) > LONGEST_NAME:
            self._refuse(key[1][:128], _TOO_LONG)
            return None
        series = self._series.get(key)
        if series is None and len(self._series) < MOST_SERIES:
            series = self._series[key] = self._made(key[1])
        elif series is None:
            name = key[1] if key[0] is None else f"{key[1]} of {key[0]}"
            self._refuse(name[:128], f"{MOST_SERIES} series of this agent are watched already")
        return series

    def _refuse(self, what: str, why: str) -> None:
        if len(self.refused) < MOST_SERIES:
            self.refused.setdefault(what, why)

    def _made(self, metric: str) -> _Series:
        wanted = self._sensitivities.get(metric, self._sensitivity)
        return _Series(SeriesDetector(metric, sensitivity=alone(wanted)))

    def to_dict(self) -> dict[str, Any]:
        """Return all series as JSON types."""
        return {
            "series": [
                [
                    *key,
                    one.detector.to_dict(),
                    [one.pressure, one.since, one.points, one.since_point],
                ]
                for key, one in self._series.items()
            ],
            "continuity": self._continuity.to_dict(),
            "refused": dict(self.refused),
        }

    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], sensitivity: float, sensitivities: Mapping[str, float]
    ) -> Self:
        """Rebuild it from :meth:`to_dict`."""
        made = cls(sensitivity, sensitivities)
        for step, metric, detector, numbers in values["series"]:
            made._series[step, metric] = _Series(SeriesDetector.from_dict(detector), *numbers)
        made._continuity = Continuity.from_dict(values["continuity"])
        made.refused = dict(values["refused"])
        return made


def alone(sensitivity: float) -> float:
    """Return how sensitive the detector of one metric of many is, for an agent's sensitivity.

    From 0 to 1 like the agent's own; 0.1 for the usual 0.5, so that one metric that speaks alone
    must be surer than several that agree.
    """
    if sensitivity <= _USUAL:
        return _CALM * sensitivity / _USUAL
    return _CALM + (1 - _CALM) * (sensitivity - _USUAL) / (1 - _USUAL)


def _index(signal: Signal, otherwise: int) -> float:
    return signal.onset_at if isinstance(signal.onset_at, (int, float)) else otherwise


def _weak(metric: str, series: _Series, agreement: float, index: int) -> Signal:
    """Say what a series shows that has not reached its own threshold."""
    band = series.detector.band
    usual = "" if band is None else f" {band.center:.4g}"
    last = max(series.points - 1, series.since_point)
    return Signal(
        kind=SignalKind.METRIC,
        metric=metric,
        onset=series.since_point,
        index=last,
        score=agreement,
        threshold=1.0,
        pattern=Pattern.LEVEL,
        onset_at=float(series.since),
        at=float(index),
        evidence=Evidence(
            words=f"{metric} leaves its usual{usual} together with other metrics",
            baseline_median=None if band is None else band.center,
            baseline_n=0 if band is None else band.n,
            window=(series.since_point, last),
        ),
    )
