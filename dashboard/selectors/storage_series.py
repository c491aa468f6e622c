"""Sizes by time, out of samples: the sum of what is looked at, and the largest parts of it.

An hour or a day without a sample is a gap, None in a series. What did not exist yet takes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from django.db.models import Count, Max, OuterRef, QuerySet, Subquery, Sum

from dashboard.access import visible
from dashboard.models import AgentSample, Grain, SourceSample, ThreadSample
from dashboard.selectors.storage_scopes import Scope

By = Literal["source", "agent", "thread"]
LINES = 6
"""How many parts are drawn apart; the rest is one."""
MOST_POINTS = 180
STEPS = {Grain.HOUR: timedelta(hours=1), Grain.DAY: timedelta(days=1)}


class Range(StrEnum):
    """How far back is looked."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"
    ALL = "all"

    @property
    def span(self) -> timedelta:
        """Its length; samples are kept for two years."""
        return _SPANS[self]

    @property
    def grain(self) -> Grain:
        """What its points stand for."""
        return Grain.HOUR if self in (Range.DAY, Range.WEEK) else Grain.DAY


_SPANS = {
    Range.DAY: timedelta(days=1),
    Range.WEEK: timedelta(days=7),
    Range.MONTH: timedelta(days=30),
    Range.QUARTER: timedelta(days=90),
    Range.ALL: timedelta(days=730),
}


class Counted(NamedTuple):
    """What there was in an hour or a day, and when within it that was counted."""

    at: datetime
    sampled_at: datetime
    stored_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One part's sizes, a value for each time; ``pk`` is None for all others together."""

    name: str
    pk: int | None
    sizes: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The sum and its parts, largest first, at the same times."""

    grain: Grain
    parts_are: By
    times: tuple[datetime, ...]
    total: tuple[int | None, ...]
    lines: tuple[Line, ...]


def totals(scope: Scope, grain: Grain, since: datetime) -> list[Counted]:
    """Return the sums of the hours or days that were sampled, in their order."""
    if scope.thread is not None:
        return _of_thread(scope, grain, since)
    rows: QuerySet[Any]
    if scope.agent is not None:
        rows = AgentSample.objects.filter(agent=scope.agent)
    else:
        rows = visible(scope.user, SourceSample.objects.all(), "source__project")
        rows = rows if scope.source is None else rows.filter(source=scope.source)
    return _sums(rows, grain, since)


def _sums(rows: QuerySet[Any], grain: Grain, since: datetime) -> list[Counted]:
    """Return the sums by time, without those in which a source is missing that was there before.

    What is removed takes its samples with it, so there are never fewer of them later on.
    """
    found = rows.filter(grain=grain, at__gte=since).values("at").order_by("at")
    sums = found.annotate(sampled=Max("sampled_at"), stored=Sum("stored_bytes"), rows=Count("pk"))
    counted, most = [], 0
    for row in sums:
        most = max(most, row["rows"])
        if row["rows"] == most:
            counted.append(Counted(row["at"], row["sampled"], row["stored"]))
    return counted


def _of_thread(scope: Scope, grain: Grain, since: datetime) -> list[Counted]:
    """Return a thread's sizes wherever its source was sampled: it is written where it changed."""
    looked = _sums(SourceSample.objects.filter(source=scope.source), grain, since)
    sampled = {row.at: row.sampled_at for row in looked}
    found = _first_and_changes(scope.threads(), grain, since)
    [(_, _, first, changes)] = found or [(0, "", None, {})]
    filled = _filled(sampled, first, changes)
    return [Counted(at, sampled[at], size) for at, size in filled if size is not None]


def _filled(
    times: Iterable[datetime], first: int | None, changes: Mapping[datetime, int]
) -> Iterator[tuple[datetime, int | None]]:
    size = first
    for at in times:
        size = changes.get(at, size)
        yield at, size


def _first_and_changes(
    threads: QuerySet[Any], grain: Grain, since: datetime
) -> list[tuple[int, str, int | None, dict[datetime, int]]]:
    """Return of each thread what it held before a time, and what after each change."""
    before = ThreadSample.objects.filter(thread=OuterRef("pk"), sampled_at__lt=since)
    first = Subquery(before.order_by("-sampled_at").values("stored_bytes")[:1])
    named = list(threads.annotate(first=first).values_list("pk", "thread_id", "first"))
    changes: dict[int, dict[datetime, int]] = {pk: {} for pk, _, _ in named}
    rows = ThreadSample.objects.filter(thread__in=list(changes), grain=grain, at__gte=since)
    for pk, at, stored in rows.values_list("thread", "at", "stored_bytes"):
        changes[int(pk)][at] = stored
    return [(pk, name, held, changes[pk]) for pk, name, held in named]


def series(scope: Scope, by: By, range_: Range, sums: Sequence[Counted], now: datetime) -> Series:
    """Return what is drawn: the sums of a range, and its largest parts, thinned to few points."""
    since = begin(range_, now)
    grain = range_.grain
    within = [row for row in sums if row.at >= since]
    steps = list(_steps(within, grain))
    known = {row.at: row for row in within}
    parts = _parts(scope, by, grain, since, [row.at for row in within])
    chosen = [_last_known(some, known) for some in _groups(steps)]
    total = tuple(known[at].stored_bytes if at in known else None for at in chosen)
    lines = [
        Line(
            name=name, pk=pk, sizes=tuple(held.get(at, 0) if at in known else None for at in chosen)
        )
        for pk, name, held in parts
    ]
    others = _others(total, lines)
    return Series(
        grain=grain,
        parts_are=_kind(scope, by),
        times=tuple(known[at].sampled_at if at in known else at for at in chosen),
        total=total,
        lines=(*lines, *others),
    )


def _line(pk: int, name: str, sizes: Iterable[int | None]) -> Line:
    return Line(name=name, pk=pk, sizes=tuple(sizes))


def begin(range_: Range, now: datetime) -> datetime:
    """Return the first hour or day of a range."""
    start = (now - range_.span).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return start if range_.grain is Grain.HOUR else start.replace(hour=0)


def _steps(rows: Sequence[Counted], grain: Grain) -> Iterator[datetime]:
    """Yield every hour or day from the first that was sampled to the last."""
    for row, following in pairwise(rows):
        at = row.at
        while at < following.at:
            yield at
            at += STEPS[grain]
    if rows:
        yield rows[-1].at


def _groups(steps: Sequence[datetime]) -> Iterator[Sequence[datetime]]:
    """Yield the steps in so many groups as are drawn at most, each of the same length."""
    length = -(-len(steps) // MOST_POINTS) or 1
    end = len(steps)
    groups = []
    while end > 0:
        groups.append(steps[max(0, end - length) : end])
        end -= length
    yield from reversed(groups)


def _last_known(steps: Sequence[datetime], known: Mapping[datetime, Counted]) -> datetime:
    return next((at for at in reversed(steps) if at in known), steps[-1])


def _others(total: Sequence[int | None], lines: Sequence[Line]) -> list[Line]:
    """Return what the parts leave of the sum, nothing where they are all of it."""
    if not lines:
        return []
    left = tuple(
        None if whole is None else max(0, whole - sum(line.sizes[at] or 0 for line in lines))
        for at, whole in enumerate(total)
    )
    return [Line(name="all others", pk=None, sizes=left)] if any(left) else []


def _kind(scope: Scope, by: By) -> By:
    """Return what the parts of a scope are; all that there is can be taken apart in two ways."""
    if scope.level == "all":
        return by
    return "agent" if scope.level == "source" else "thread"


def _parts(
    scope: Scope, by: By, grain: Grain, since: datetime, times: Sequence[datetime]
) -> list[tuple[int, str, dict[datetime, int]]]:
    """Return the largest parts with what they held at each time."""
    kind = _kind(scope, by)
    if scope.level == "thread":
        return []
    if kind == "thread":
        largest = scope.threads().order_by("-stored_bytes", "pk")[:LINES]
        return [
            (pk, name, {at: size or 0 for at, size in _filled(times, first, changes)})
            for pk, name, first, changes in _first_and_changes(largest, grain, since)
        ]
    if kind == "agent":
        agents = scope.agents().order_by("-stored_bytes", "pk")
        named = list(agents.values_list("pk", "agent_id")[:LINES])
        return _held(named, AgentSample.objects, "agent", grain, since)
    sources = scope.sources().annotate(held=Sum("agents__stored_bytes"))
    ordered = sources.order_by("-held", "pk").values_list("pk", "name")[:LINES]
    return _held(list(ordered), SourceSample.objects, "source", grain, since)


def _held(
    named: Sequence[tuple[int, str]], samples: Any, of: str, grain: Grain, since: datetime
) -> list[tuple[int, str, dict[datetime, int]]]:
    held: dict[int, dict[datetime, int]] = {pk: {} for pk, _ in named}
    rows = samples.filter(**{f"{of}__in": list(held)}, grain=grain, at__gte=since)
    for pk, at, stored in rows.values_list(of, "at", "stored_bytes"):
        held[pk][at] = stored
    return [(pk, name, held[pk]) for pk, name in named]
