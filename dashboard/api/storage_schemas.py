"""What is shown of what is stored."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from ninja import Schema

Span = Literal["24h", "7d", "30d", "90d", "all"]
Part = Literal["source", "agent"]
Eaten = Literal["agents", "threads", "fields"]


class ScopeOut(Schema):
    """What is looked at: everything that may be read, or one row of it."""

    level: Literal["all", "source", "agent", "thread"]
    source: int | None
    agent: int | None
    thread: int | None


class PartOut(Schema):
    """A part's bytes at each time, null without a sample. ``row`` is null for all others."""

    row: int | None
    name: str
    sizes: list[int | None]


class SeriesOut(Schema):
    """Bytes by time: of hours or of days, in UTC, the sum and its largest parts."""

    grain: Literal["hour", "day"]
    parts_are: Literal["source", "agent", "thread"]
    times: list[datetime]
    total: list[int | None]
    parts: list[PartOut]


class ForecastOut(Schema):
    """What there will be in 30 days, nine times in ten from ``low`` to ``high``.

    It goes on as in the ``samples`` since ``since``, by ``per_day`` bytes.
    """

    at: datetime
    expected: int
    low: int
    high: int
    per_day: float
    since: datetime
    samples: int


class QuotaOut(Schema):
    """How much a project or a source is meant to take, and when that is reached.

    ``latest`` is null where it may never be.
    """

    bytes: int
    reached: datetime | None
    earliest: datetime | None
    latest: datetime | None


class SavingsOut(Schema):
    """What the present policies would free, planned by a worker; null while nothing is planned."""

    freed_bytes: int
    freed_checkpoints: int
    threads: int
    planned_at: datetime | None
    not_planned: int


class RowOut(Schema):
    """One of what takes the space; ``size`` of a field is before compression."""

    name: str
    under: str
    size: int
    stored_bytes: int | None
    share_percent: float
    grown_in_7_days: int | None
    checkpoints: int
    policy_would_free: int | None


class BreakdownOut(Schema):
    """What takes the space, the largest first."""

    by: Eaten
    rows: list[RowOut]


class StorageOut(Schema):
    """What is stored now, how it grew, what it will be, and what takes it. Null is not known."""

    scope: ScopeOut
    stored_bytes: int
    checkpoints: int
    grown_in_7_days: int | None
    grown_in_30_days: int | None
    plain_bytes: int | None
    packed_bytes: int | None
    orphaned_bytes: int | None
    free_bytes: int | None
    trashed_bytes: int
    first_swept_at: datetime | None
    series: SeriesOut
    forecast: ForecastOut | None
    quota: QuotaOut | None
    savings: SavingsOut
    breakdown: BreakdownOut
