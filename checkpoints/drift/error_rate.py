"""An error rate that rose, by a cumulative sum over a Beta-Bernoulli baseline."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from math import log, sqrt
from typing import Any, Final, Self

from checkpoints.drift import times
from checkpoints.drift.sensitivities import level, scaled
from checkpoints.drift.signals import At, Direction, Evidence, Pattern, Signal, SignalKind

PRIOR_FAILED: Final = 1.0
PRIOR_TOTAL: Final = 20.0
"""Before an agent is known it is taken to fail in 1 of 20 steps, as surely as 20 would tell."""
WARM_UP: Final = 10
"""Points that only teach."""
MEMORY: Final = 300.0
"""Points that the baseline remembers; older ones fade."""
LEAST_RAISED: Final = 0.35
RISE: Final = 0.3
"""What is looked for: this rate, or a rise by this share of what does not fail yet."""
THRESHOLD: Final = 5.5
"""Logarithm of the likelihood ratio at the sensitivity of 0.5."""
DOUBT: Final = 1.0
"""Standard deviations of its own uncertainty by which the baseline is taken as higher."""
NEW_NORMAL: Final = 500
"""Points after which a raised rate is what is normal."""


@dataclass(slots=True)
class _Counts:
    """Everything that an error-rate detector remembers."""

    index: int = -1
    failed: float = 0.0
    total: float = 0.0
    score: float = 0.0
    calm: float = 0.0
    raised: bool = False
    since: int = 0
    since_at: At | None = None
    since_failed: float = 0.0
    since_total: float = 0.0


class BinaryDetector:
    """Finds that an agent fails more often than it did.

    Page's cumulative sum (Biometrika 41, 1954) of log-likelihood ratios between the rate so far,
    the mean of a Beta distribution, and a raised one. The baseline learns only from points before
    the sum began to grow.
    """

    def __init__(self, metric: str = "errors", *, sensitivity: float | str = 0.5) -> None:
        self._metric = metric
        self._sensitivity = level(sensitivity)
        self._threshold = scaled(THRESHOLD, self._sensitivity)
        self._counts = _Counts()

    @property
    def rate(self) -> float:
        """The share that failed so far, 0 to 1, as the prior and the baseline have it."""
        counts = self._counts
        return (PRIOR_FAILED + counts.failed) / (PRIOR_TOTAL + counts.total)

    @property
    def pressure(self) -> float:
        """How near it is to a signal, as a share of the threshold; 1 or more once it rose."""
        return max(1.0 if self._counts.raised else 0.0, self._counts.score / self._threshold)

    def update(self, failed: float, at: At | None = None) -> Signal | None:
        """Take whether a step failed, or the share of it that did; say when a rise is certain.

        What is no number from 0 to 1 is counted and tells nothing.
        """
        counts = self._counts
        counts.index += 1
        share = _share(failed)
        if share is None:
            return None
        ratio = self._ratio(share)
        if counts.raised:
            self._calm_down(share, ratio)
            return None
        if counts.total < WARM_UP:
            self._learn(share, 1.0)
            return None
        return self._rise(share, ratio, at)

    def learn_normal(self) -> None:
        """Take the present rate as the baseline."""
        counts = self._counts
        if counts.since_total:
            counts.failed, counts.total = counts.since_failed, counts.since_total
        self._rest()

    def _ratio(self, share: float) -> float:
        counts = self._counts
        total = PRIOR_TOTAL + counts.total
        rate = (PRIOR_FAILED + counts.failed) / total
        rate += DOUBT * sqrt(rate * (1 - rate) / (total + 1))
        rate = min(0.97, max(rate, counts.failed / counts.total if counts.total else 0.0))
        raised = min(0.99, max(LEAST_RAISED, rate + RISE * (1 - rate)))
        return share * log(raised / rate) + (1 - share) * log((1 - raised) / (1 - rate))

    def _rise(self, share: float, ratio: float, at: At | None) -> Signal | None:
        counts = self._counts
        if counts.score == 0.0:
            counts.since, counts.since_at = counts.index, times.kept(at)
        counts.score = max(0.0, counts.score + ratio)
        counts.since_failed += share
        counts.since_total += 1
        if counts.score == 0.0:
            self._learn(counts.since_failed, counts.since_total)
            counts.since_failed = counts.since_total = 0.0
        if counts.score <= self._threshold:
            return None
        counts.raised, counts.calm = True, 0.0
        return self._signal(at)

    def _calm_down(self, share: float, ratio: float) -> None:
        counts = self._counts
        counts.since_failed += share
        counts.since_total += 1
        counts.calm = max(0.0, counts.calm - ratio)
        if counts.calm > 0.8 * self._threshold:
            self._rest()
        elif counts.since_total >= NEW_NORMAL:
            self.learn_normal()

    def _rest(self) -> None:
        counts = self._counts
        counts.raised, counts.score, counts.calm = False, 0.0, 0.0
        counts.since_failed = counts.since_total = 0.0

    def _learn(self, failed: float, total: float) -> None:
        counts = self._counts
        counts.failed += failed
        counts.total += total
        if counts.total > MEMORY:
            counts.failed *= MEMORY / counts.total
            counts.total = MEMORY

    def _signal(self, at: At | None) -> Signal:
        counts = self._counts
        observed = counts.since_failed / counts.since_total
        usual = counts.failed / counts.total
        words = (
            f"{self._metric}: {counts.since_failed:.3g} of the last {counts.since_total:.0f} "
            f"failed ({observed:.0%}), against {usual:.1%} of {counts.total:.0f} before"
        )
        return Signal(
            kind=SignalKind.ERROR_RATE,
            metric=self._metric,
            onset=counts.since,
            index=counts.index,
            score=counts.score,
            threshold=self._threshold,
            direction=Direction.UP,
            pattern=Pattern.LEVEL,
            onset_at=counts.since_at,
            at=times.kept(at),
            evidence=Evidence(
                words=words,
                baseline_median=usual,
                baseline_n=round(counts.total),
                window=(counts.since, counts.index),
                observed=observed,
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all that it remembers as JSON types."""
        counts = dataclasses.asdict(self._counts)
        counts["since_at"] = times.dump(self._counts.since_at)
        return {"metric": self._metric, "sensitivity": self._sensitivity, "counts": counts}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Go on exactly where the one of :meth:`to_dict` stood."""
        made = cls(values["metric"], sensitivity=values["sensitivity"])
        counts = dict(values["counts"])
        counts["since_at"] = times.load(counts["since_at"])
        made._counts = _Counts(**counts)
        return made


def _share(failed: Any) -> float | None:
    if type(failed) is bool or type(failed) is float or type(failed) is int:
        return float(failed) if 0 <= failed <= 1 else None
    return None
