"""Whether what an alert is about is over: whether its metrics are where they were before. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self

from checkpoints.drift.episodes import Contribution, Observation
from checkpoints.drift.metrics.growing import grows
from checkpoints.drift.signals import SignalKind

LOOKED_AT: Final = 40
"""Observations after the last signal by which it is judged."""
NORMAL_SHARE: Final = 0.9
LONG: Final = timedelta(minutes=10)
"""For at least so long nothing further was signalled."""
_DEVIATIONS: Final = 4 * 1.4826
"""For a normal distribution the standard deviation is 1.4826 × the median absolute deviation."""
_LEAST_SHARE: Final = 0.05
_SERIES: Final = (SignalKind.METRIC, SignalKind.DIVERGENCE)
Range = tuple[str | None, str, float, float]


@dataclass(slots=True)
class Calm:
    """What came after an alert's last signal, and where its metrics lay before it."""

    ranges: Sequence[Range] = ()
    normal: list[bool] = field(default_factory=list)
    since: datetime | None = None

    @classmethod
    def after(cls, contributions: Iterable[Contribution]) -> Self:
        """Begin to watch whether it is over."""
        told = list(contributions)
        last = max((one.found_at for one in told), default=None)
        return cls(ranges=[found for one in told if (found := _range(one))], since=last)

    def take(self, observation: Observation) -> None:
        """Note whether an observation is as things were before."""
        self.normal = [*self.normal[1 - LOOKED_AT :], self._is_normal(observation)]

    def is_over(self, at: datetime) -> bool:
        """Say whether it is back to normal for long."""
        long = self.since is not None and at - self.since >= LONG
        enough = len(self.normal) >= LOOKED_AT
        return long and enough and sum(self.normal) >= NORMAL_SHARE * LOOKED_AT

    def _is_normal(self, observation: Observation) -> bool:
        if observation.failed or observation.damage:
            return False
        for step, metric, low, high in self.ranges:
            value = observation.metrics.get(metric)
            concerns = step is None or step == observation.step_name
            if concerns and value is not None and not low <= value <= high:
                return False
        return True

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        since = self.since.isoformat() if self.since else None
        return {"ranges": [[*one] for one in self.ranges], "normal": self.normal, "since": since}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Rebuild it from :meth:`to_dict`."""
        since = values["since"]
        return cls(
            ranges=[(step, metric, low, high) for step, metric, low, high in values["ranges"]],
            normal=list(values["normal"]),
            since=datetime.fromisoformat(since) if since else None,
        )


def _range(one: Contribution) -> Range | None:
    """Return where a metric lay before; None for what is no series, or only ever grows."""
    signal, evidence = one.signal, one.signal.evidence
    middle = evidence.baseline_median
    if signal.kind not in _SERIES or middle is None or grows(signal.metric):
        return None
    reach = max(_DEVIATIONS * (evidence.baseline_mad or 0.0), _LEAST_SHARE * abs(middle))
    return one.step_name, signal.metric, middle - reach, middle + reach
