"""How what is stored grows: now, since a week and a month, foretold, and against what is meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, Sum

from checkpoints.forecast import Forecast, Reach, Trend, trend
from dashboard.access import may, projects, visible
from dashboard.models import (
    Grain,
    Project,
    Source,
    SourceStorage,
    StorageQuota,
    ThreadStorage,
    TrashedBatch,
)
from dashboard.selectors.storage_scopes import Scope
from dashboard.selectors.storage_series import (
    By,
    Counted,
    Range,
    Series,
    begin,
    series,
    totals,
)

AHEAD = timedelta(days=30)
FITTED = timedelta(days=90)
"""How far back the line goes that tells what will be."""
HOURS_BACK = timedelta(days=14)
WORTH_SAYING = 1.05
NEAR = timedelta(days=2)
"""How much older than asked for a size may be that a change is counted from."""
IN_TRASH = Q(purged_at=None, returned_at=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compression:
    """What states take before and after, as far as both are known.

    Of ``unmeasured`` threads nothing is known yet, of ``unsized`` checkpoints one size is missing.
    """

    plain_bytes: int | None
    packed_bytes: int | None
    unsized: int
    unmeasured: int

    @property
    def ratio(self) -> float | None:
        """How many times smaller they lie in the store."""
        if not self.plain_bytes or not self.packed_bytes:
            return None
        return self.plain_bytes / self.packed_bytes

    @property
    def is_smaller(self) -> bool:
        """Whether it is worth a number: 1.05 times or more."""
        return (self.ratio or 0) >= WORTH_SAYING


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What stores hold that no checkpoint needs. None is not known."""

    orphaned_bytes: int | None
    free_bytes: int | None
    measured_at: datetime | None
    trouble: str

    @property
    def reclaimable(self) -> int | None:
        """Bytes that no checkpoint needs, as far as they are known."""
        return _sum_known((self.orphaned_bytes, self.free_bytes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Savings:
    """What the policies would free, as was planned last. ``unplanned`` threads could not be."""

    freed_bytes: int
    freed_count: int
    threads: int
    planned_at: datetime | None
    unplanned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trashed:
    """What lies in the trash, and when the first of it is due to be swept."""

    stored_bytes: int
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is foretold: the line, what it says of 30 days ahead, and when a quota is reached."""

    trend: Trend | None
    ahead: Forecast | None
    quota: StorageQuota | None
    reach: Reach | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Everything above the breakdown."""

    scope: Scope
    stored_bytes: int
    checkpoints: int
    week_change: int | None
    month_change: int | None
    sampled_since: datetime | None
    series: Series
    outlook: Outlook
    compression: Compression
    space: Space
    savings: Savings
    trashed: Trashed
    quota_target: Project | Source | None
    quota_may_be_set: bool


def growth(*, scope: Scope, range_: Range, by: By, now: datetime) -> Growth:
    """Return how a scope grows, in a constant number of queries."""
    days = totals(scope, Grain.DAY, _days_since(range_, now))
    hours = totals(scope, Grain.HOUR, now - HOURS_BACK)
    held = _held(scope)
    quota, target = _quota(scope)
    compression, savings = _of_threads(scope)
    sums = hours if range_.grain is Grain.HOUR else days
    return Growth(
        scope=scope,
        stored_bytes=held["stored"] or 0,
        checkpoints=held["count"] or 0,
        week_change=_change(held["stored"], days, now - timedelta(days=7)),
        month_change=_change(held["stored"], days, now - timedelta(days=30)),
        sampled_since=days[0].sampled_at if days else None,
        series=series(scope, by, range_, sums, now),
        outlook=_outlook(days, hours, quota, now),
        compression=compression,
        space=_space(scope),
        savings=savings,
        trashed=_trashed(scope),
        quota_target=target,
        quota_may_be_set=_may_set(scope, target),
    )


def _days_since(range_: Range, now: datetime) -> datetime:
    return min(begin(Range.QUARTER, now), begin(range_, now))


def _held(scope: Scope) -> dict[str, Any]:
    rows: Any = scope.threads() if scope.thread is not None else scope.agents()
    sums: dict[str, Any] = rows.aggregate(stored=Sum("stored_bytes"), count=Sum("checkpoint_count"))
    return sums


def _change(stored: int | None, days: Sequence[Counted], then: datetime) -> int | None:
    """Return how much more there is than at a time, None where nothing was counted near it."""
    near = [row for row in days if then - NEAR <= row.sampled_at <= then]
    return (stored or 0) - near[-1].stored_bytes if near else None


def _outlook(
    days: Sequence[Counted], hours: Sequence[Counted], quota: StorageQuota | None, now: datetime
) -> Outlook:
    line = trend(_points(days, now)) or trend(_points(hours, now))
    return Outlook(
        trend=line,
        ahead=line.at(now + AHEAD) if line is not None else None,
        quota=quota,
        reach=line.reaches(quota.bytes) if line is not None and quota is not None else None,
    )


def _points(rows: Sequence[Counted], now: datetime) -> list[tuple[datetime, int]]:
    return [(row.sampled_at, row.stored_bytes) for row in rows if row.at >= now - FITTED]


def _quota(scope: Scope) -> tuple[StorageQuota | None, Project | Source | None]:
    """Return the quota of a source, or of the one project that is seen, and what it is set on."""
    if scope.level in ("agent", "thread"):
        return None, None
    if scope.source is not None:
        return StorageQuota.objects.filter(source=scope.source).first(), scope.source
    seen = list(projects(scope.user).select_related("quota")[:2])
    if len(seen) != 1:
        return None, None
    return getattr(seen[0], "quota", None), seen[0]


def _may_set(scope: Scope, target: Project | Source | None) -> bool:
    project = target.project_id if isinstance(target, Source) else target
    return project is not None and may(scope.user, "operate", project)


def _of_threads(scope: Scope) -> tuple[Compression, Savings]:
    rows = ThreadStorage.objects.filter(thread__in=scope.threads())
    sums = rows.aggregate(
        plain=Sum("plain_bytes"),
        packed=Sum("packed_bytes"),
        unsized=Sum("unsized_count"),
        unmeasured=Count("pk", filter=Q(measured_at=None)),
        freed=Sum("freed_bytes"),
        going=Sum("freed_count"),
        planned=Count("pk", filter=Q(freed_bytes__isnull=False)),
        oldest=Min("planned_at"),
        failed=Count("pk", filter=Q(planned_at__isnull=False, freed_bytes=None)),
    )
    compression = Compression(
        plain_bytes=sums["plain"],
        packed_bytes=sums["packed"],
        unsized=sums["unsized"] or 0,
        unmeasured=sums["unmeasured"],
    )
    savings = Savings(
        freed_bytes=sums["freed"] or 0,
        freed_count=sums["going"] or 0,
        threads=sums["planned"],
        planned_at=sums["oldest"],
        unplanned=sums["failed"],
    )
    return compression, savings


def _space(scope: Scope) -> Space:
    """Return what stores hold besides; of an agent or a thread that cannot be told."""
    rows = visible(scope.user, SourceStorage.objects.all(), "source__project")
    if scope.level != "all":
        rows = rows.filter(source=scope.source)
    if scope.level in ("agent", "thread"):
        rows = rows.none()
    found = list(
        rows.exclude(measured_at=None, message="").values_list(
            "orphaned_bytes", "free_bytes", "measured_at", "message"
        )
    )
    return Space(
        orphaned_bytes=_sum_known(row[0] for row in found),
        free_bytes=_sum_known(row[1] for row in found),
        measured_at=min((row[2] for row in found if row[2]), default=None),
        trouble=next((row[3] for row in found if row[3]), ""),
    )


def _sum_known(sizes: Any) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None


def _trashed(scope: Scope) -> Trashed:
    rows = visible(scope.user, TrashedBatch.objects.filter(IN_TRASH), "operation__source__project")
    if scope.thread is not None:
        rows = rows.filter(thread=scope.thread)
    elif scope.agent is not None:
        rows = rows.filter(thread__agent=scope.agent)
    elif scope.source is not None:
        rows = rows.filter(operation__source=scope.source)
    sums = rows.aggregate(stored=Sum("stored_bytes"), due=Min("due_at"))
    return Trashed(stored_bytes=sums["stored"] or 0, due_at=sums["due"])
