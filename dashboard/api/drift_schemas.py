"""What is taken and shown of drift."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
State = Literal["open", "acknowledged", "snoozed", "resolved", "not_drift"]
Severity = Literal["low", "medium", "high"]


class DriftEndIn(Schema):
    """Why an alert ends."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class SnoozeIn(Schema):
    """Until when an alert is put off, with the offset from UTC."""

    model_config = ConfigDict(extra="forbid")

    until: datetime


class TuningIn(Schema):
    """How closely an agent is watched, 0 to 1; ``sensitivities`` are for single metrics."""

    model_config = ConfigDict(extra="forbid")

    sensitivity: Share
    sensitivities: Annotated[dict[Name, Share], Field(max_length=100)] = {}
    enabled: bool = True


class ReplayIn(Schema):
    """The sensitivities to try."""

    model_config = ConfigDict(extra="forbid")

    sensitivity: Share
    sensitivities: Annotated[dict[Name, Share], Field(max_length=100)] = {}


class DriftAlertOut(Schema):
    """A drift alert. ``resolved_by`` is null where it ended by itself."""

    id: int
    agent: int
    agent_id: str
    thread_id: str | None
    number: int
    state: State
    severity: Severity
    kinds: list[str]
    metrics: list[str]
    words: str
    onset_at: datetime
    onset_checkpoint: int | None
    found_at: datetime
    last_signal_at: datetime
    snoozed_until: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    resolved_by: str | None
    resolved_at: datetime | None
    reason: str


class RungOut(Schema):
    """A checkpoint to go back to. ``refused`` says why it cannot be restored here."""

    checkpoint: int
    checkpoint_id: str
    created_at: datetime
    before: int
    confidence: Share
    words: str
    restore: str
    refused: str


class WholeDriftAlertOut(DriftAlertOut):
    """A drift alert with all that contributed to it, and where to go back to, best first."""

    contributions: list[dict[str, Any]]
    rungs: list[RungOut]


class DriftAlertsOut(Schema):
    """A page of alerts, the newest first; ``next`` asks for the page after it."""

    items: list[DriftAlertOut]
    next: str | None


class MetricBucketOut(Schema):
    """Values that lie next to each other; ``checkpoint`` is the last one's."""

    at: datetime
    until: datetime
    low: float
    middle: float
    high: float
    count: int
    checkpoint: int | None


class MetricSeriesOut(Schema):
    """A metric over time with the band in which it lies usually, in the metric's own unit."""

    metric: str
    step_name: str
    baseline: float | None
    low: float | None
    high: float | None
    onset_at: datetime | None
    found_at: datetime | None
    truncated: bool
    buckets: list[MetricBucketOut]


class WatchedOut(Schema):
    """A metric that is watched, and its own sensitivity, if it has one."""

    metric: str
    step_name: str
    low: float | None
    center: float | None
    high: float | None
    count: int
    sensitivity: float | None


class TuningOut(Schema):
    """How closely an agent is watched, what of it, and what its alerts came to."""

    agent: int
    agent_id: str
    enabled: bool
    message: str
    sensitivity: Share
    sensitivities: dict[str, float]
    tuned_by: str | None
    tuned_at: datetime | None
    observed: int
    observed_at: datetime | None
    watched: list[WatchedOut]
    unwatched: dict[str, str]
    outcomes: dict[str, int]


class ReplayedOut(Schema):
    """An alert as there would have been one."""

    severity: Severity
    metrics: list[str]
    onset_at: datetime
    found_at: datetime
    words: str


class ReplayOut(Schema):
    """What would have been found in the last observations; ``truncated``: there are more before."""

    observations: int
    points: int
    since: datetime | None
    until: datetime | None
    per_thousand: float
    truncated: bool
    episodes: list[ReplayedOut]
