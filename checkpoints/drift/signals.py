"""What a detector says when a measured thing left its band."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

At = datetime | float
"""A time: a datetime, or seconds on any clock of which one detector sees no other."""


class SignalKind(StrEnum):
    """What kind of thing drifted."""

    METRIC = "metric"
    ERROR_RATE = "error_rate"
    LOOP = "loop"
    STALL = "stall"
    SCHEMA = "schema"
    CORRUPTION = "corruption"
    DIVERGENCE = "divergence"
    INCONSISTENCY = "inconsistency"
    DEPLOYMENT = "deployment"


class Direction(StrEnum):
    """Where it went from its baseline. ``either`` is for what has no up and down."""

    UP = "up"
    DOWN = "down"
    EITHER = "either"


class Pattern(StrEnum):
    """The form in which a series left its band; ``none`` where there is no series."""

    LEVEL = "level"
    RAMP = "ramp"
    VARIANCE = "variance"
    SPIKE = "spike"
    FLATLINE = "flatline"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a signal rests on, in the units of the metric.

    ``window`` holds the first and the last point that spoke, counted like ``Signal.onset``;
    ``observed`` is their median. ``baseline_mad`` is the median absolute deviation of the
    ``baseline_n`` points before. ``words`` says all of it in a sentence. With ``between_points``
    the numbers are of the way from one point to the next, as of a metric that grows all the time.
    """

    words: str
    baseline_median: float | None = None
    baseline_mad: float | None = None
    baseline_n: int = 0
    window: tuple[int, int] | None = None
    observed: float | None = None
    between_points: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One episode in which a metric drifted, said once, when it was certain enough.

    ``onset`` is the point at which it most likely began and ``index`` the one at which it was
    found, both counted from 0 over the points that the detector was given. ``score`` is in the
    unit of ``threshold``, which it passed.
    """

    kind: SignalKind
    metric: str
    onset: int
    index: int
    score: float
    threshold: float
    evidence: Evidence
    direction: Direction = Direction.EITHER
    pattern: Pattern = Pattern.NONE
    onset_at: At | None = None
    at: At | None = None

    def __str__(self) -> str:
        return self.evidence.words

    def to_dict(self) -> dict[str, Any]:
        """Return the signal as JSON types; datetimes become ISO 8601 strings."""
        values = dataclasses.asdict(self)
        for name in ("onset_at", "at"):
            if isinstance(values[name], datetime):
                values[name] = values[name].isoformat()
        values["evidence"]["window"] = list(self.evidence.window) if self.evidence.window else None
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild a signal from :meth:`to_dict`."""
        evidence = dict(values["evidence"])
        window = evidence.get("window")
        evidence["window"] = (window[0], window[1]) if window else None
        return cls(
            **{
                **values,
                "kind": SignalKind(values["kind"]),
                "direction": Direction(values["direction"]),
                "pattern": Pattern(values["pattern"]),
                "evidence": Evidence(**evidence),
                "onset_at": _time(values.get("onset_at")),
                "at": _time(values.get("at")),
            }
        )


def _time(value: str | float | None) -> At | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
