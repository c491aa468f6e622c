"""One metric of an agent over time, as a chart draws it: points, band, onset and window."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final, NamedTuple

from django.db.models import QuerySet

from checkpoints.drift.episodes import Contribution, Observation
from checkpoints.drift.signals import Signal, SignalKind
from checkpoints.drift.watching import AgentDetector
from dashboard.models import (
    AgentDetectorState,
    AgentWatch,
    Checkpoint,
    DriftAlert,
    Failure,
    MetricsPoint,
    User,
)
from dashboard.selectors.drift_observations import CHECKPOINT, FAILURE, POINT, Ref, chunks
from dashboard.selectors.drift_rows import find_alert, find_watched

MOST_POINTS: Final = 4_000
"""Observations that one chart looks at, the last of its time."""
MOST_BUCKETS: Final = 2_000
LEAST_SPAN: Final = timedelta(minutes=10)
ERRORS: Final = "errors"
_DEVIATIONS: Final = 3 * 1.4826
"""For a normal distribution the standard deviation is 1.4826 × the median absolute deviation."""
_DRAWN = (SignalKind.METRIC, SignalKind.DIVERGENCE, SignalKind.ERROR_RATE)


class Point(NamedTuple):
    """One value, and the row of the checkpoint that told it, if one did."""

    at: datetime
    value: float
    checkpoint: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """``count`` values that lie next to each other; ``checkpoint`` is the last one's."""

    at: datetime
    until: datetime
    low: float
    middle: float
    high: float
    count: int
    checkpoint: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A metric of one step, or of all, over a time.

    ``baseline`` is the median before the drift, ``low`` and ``high`` the band around it, in the
    metric's unit. ``onset_at`` is when it most likely began, ``found_at`` when it was found;
    ``truncated`` says that there is more before it than was looked at.
    """

    metric: str
    step_name: str
    buckets: tuple[Bucket, ...]
    baseline: float | None = None
    low: float | None = None
    high: float | None = None
    onset_at: datetime | None = None
    found_at: datetime | None = None
    truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which metric of which step; an empty step takes the values of all."""

    metric: str
    step_name: str = ""


def drift_series(
    *,
    user: User,
    metric: str,
    step_name: str = "",
    alert_pk: int | None = None,
    agent_pk: int | None = None,
) -> Series:
    """Return a metric around an alert, or the last of it of an agent.

    Raises NotFound, Forbidden.
    """
    wanted = Wanted(metric=metric, step_name=step_name)
    if alert_pk is not None:
        alert = find_alert(user=user, alert_pk=alert_pk)
        told = tuple(map(Contribution.from_dict, alert.contributions))
        return _around(alert, told, [wanted])[0]
    agent = find_watched(user=user, agent_pk=agent_pk or 0)
    refs, truncated = _refs(agent.pk, None, None)
    return _series(wanted, _read(refs), _band(agent.pk, wanted), truncated=truncated)


def series_of_alert(
    alert: DriftAlert, told: Sequence[Contribution], *, most: int
) -> tuple[Series, ...]:
    """Return the charts of an alert's first metrics, all from one reading."""
    wanted: dict[Wanted, None] = {}
    for one in told:
        if one.signal.kind in _DRAWN:
            wanted.setdefault(Wanted(metric=one.signal.metric, step_name=one.step_name or ""))
    return _around(alert, told, list(wanted)[:most]) if wanted else ()


def _around(
    alert: DriftAlert, told: Sequence[Contribution], wanted: Sequence[Wanted]
) -> tuple[Series, ...]:
    lasted = max(alert.last_signal_at - alert.onset_at, LEAST_SPAN)
    until = alert.last_signal_at + lasted if alert.is_ended else None
    refs, truncated = _refs(alert.agent_id, alert.onset_at - 4 * lasted, until)
    read = _read(refs)
    return tuple(
        _series(one, read, _contribution(told, one), truncated=truncated) for one in wanted
    )


def _refs(agent_pk: int, since: datetime | None, until: datetime | None) -> tuple[list[Ref], bool]:
    """Return the last rows of a time in order, in three queries, and whether there were more."""
    saved = Checkpoint.objects.filter(thread__agent=agent_pk, namespace="", removed_at=None)
    points = MetricsPoint.objects.filter(thread__agent=agent_pk)
    failures = Failure.objects.filter(thread__agent=agent_pk)
    found: list[Ref] = []
    kinds = ((CHECKPOINT, saved, "created_at"), (POINT, points, "at"), (FAILURE, failures, "at"))
    for kind, rows, at in kinds:
        limited = _between(rows, at, since, until).order_by(f"-{at}", "-pk")
        read = limited.values_list(at, "pk")[: MOST_POINTS + 1]
        found += [Ref(moment, kind, pk) for moment, pk in read]
    found.sort()
    return found[-MOST_POINTS:], len(found) > MOST_POINTS


def _between(
    rows: QuerySet[Checkpoint] | QuerySet[MetricsPoint] | QuerySet[Failure],
    at: str,
    since: datetime | None,
    until: datetime | None,
) -> QuerySet[Checkpoint] | QuerySet[MetricsPoint] | QuerySet[Failure]:
    if since is not None:
        rows = rows.filter(**{f"{at}__gte": since})
    return rows.filter(**{f"{at}__lte": until}) if until is not None else rows


def _read(refs: Sequence[Ref]) -> list[tuple[Ref, Observation]]:
    return [pair for some in chunks(refs, size=MOST_POINTS) for pair in some]


def _series(
    wanted: Wanted,
    read: Iterable[tuple[Ref, Observation]],
    band: Contribution | tuple[float, float, float] | None,
    *,
    truncated: bool,
) -> Series:
    points = [point for ref, told in read if (point := _point(wanted, ref, told)) is not None]
    baseline, low, high = _limits(band)
    contribution = band if isinstance(band, Contribution) else None
    return Series(
        metric=wanted.metric,
        step_name=wanted.step_name,
        buckets=gathered(points),
        baseline=baseline,
        low=low,
        high=high,
        onset_at=contribution.onset_at if contribution else None,
        found_at=contribution.found_at if contribution else None,
        truncated=truncated,
    )


def _point(wanted: Wanted, ref: Ref, told: Observation) -> Point | None:
    if wanted.step_name and wanted.step_name != (told.step_name or ""):
        return None
    if wanted.metric == ERRORS:
        value = None if told.failed is None else float(told.failed)
    else:
        value = told.metrics.get(wanted.metric)
    row = ref.pk if ref.kind == CHECKPOINT else None
    return None if value is None else Point(told.at, value, row)


def gathered(points: Sequence[Point], *, most: int = MOST_BUCKETS) -> tuple[Bucket, ...]:
    """Return at most ``most`` buckets, each of as many points that follow each other."""
    if not points:
        return ()
    size = -(-len(points) // most)
    return tuple(_bucket(points[at : at + size]) for at in range(0, len(points), size))


def _bucket(points: Sequence[Point]) -> Bucket:
    values = [point.value for point in points]
    rows = [point.checkpoint for point in points if point.checkpoint is not None]
    return Bucket(
        at=points[0].at,
        until=points[-1].at,
        low=min(values),
        middle=median(values),
        high=max(values),
        count=len(values),
        checkpoint=rows[-1] if rows else None,
    )


def _contribution(told: Sequence[Contribution], wanted: Wanted) -> Contribution | None:
    fits = (
        one
        for one in told
        if one.signal.metric == wanted.metric and (one.step_name or "") in (wanted.step_name, "")
    )
    return next(fits, None)


def _limits(
    band: Contribution | tuple[float, float, float] | None,
) -> tuple[float | None, float | None, float | None]:
    if band is None or isinstance(band, tuple):
        return band or (None, None, None)
    evidence = band.signal.evidence
    if evidence.baseline_median is None or _of_other_numbers(band.signal):
        return None, None, None
    reach = _DEVIATIONS * (evidence.baseline_mad or 0.0)
    return (
        evidence.baseline_median,
        evidence.baseline_median - reach,
        evidence.baseline_median + reach,
    )


def _of_other_numbers(signal: Signal) -> bool:
    """Whether a baseline is of what lies between the values, or has no width."""
    evidence = signal.evidence
    widthless = signal.kind is SignalKind.METRIC and evidence.baseline_mad is None
    return evidence.between_points or widthless


def _band(agent_pk: int, wanted: Wanted) -> tuple[float, float, float] | None:
    """Return the band in which a metric lies usually, as its detector has learned it."""
    detector = read_detector(agent_pk)
    band = detector.bands.get((wanted.step_name or None, wanted.metric)) if detector else None
    return (band.center, band.low, band.high) if band is not None else None


def read_detector(agent_pk: int) -> AgentDetector | None:
    """Return what an agent's detector has learned; None where there is none that can be read."""
    row = AgentDetectorState.objects.filter(watch=agent_pk).first()
    if row is None:
        return None
    try:
        return AgentDetector.from_dict(json.loads(row.values)["detector"])
    except Exception:  # noqa: BLE001 - what nobody wrote breaks what reads it in any way
        return None


def watch_of(agent_pk: int) -> AgentWatch | None:
    """Return how an agent is watched; None while nothing of it was taken in."""
    return AgentWatch.objects.select_related("tuned_by").filter(pk=agent_pk).first()
