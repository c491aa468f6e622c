"""Growth as shapes: areas that lie on each other, a dashed line ahead and the band about it. Pure.

Coordinates are those of a drawing of 1000 by 240, which the page stretches; texts stand beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from checkpoints.forecast import Trend
from dashboard.selectors.storage_series import Series

WIDTH, HEIGHT = 1000.0, 240.0
STEPS = 4
"""Lines across the drawing, each a round size above the one below."""
TICKS = 5
AHEAD = 0.3
"""How far what is foretold reaches, as a share of what was counted."""
POINTS_AHEAD = 8
HIGHEST = 2.0
"""How far above what was counted a forecast or a quota may lie to be drawn whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A part's shape; ``number`` is its place from below, and its shade."""

    name: str
    pk: int | None
    number: int
    path: str
    latest: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A time and what there was, with where a pointer finds it; None is a gap."""

    at: datetime
    size: int | None
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """All that is drawn; empty strings are not."""

    areas: tuple[Area, ...]
    outline: str
    ahead: str
    band: str
    quota_y: float | None
    now_x: float
    sizes: tuple[int, ...]
    lines: tuple[float, ...]
    ticks: tuple[datetime, ...]
    spots: tuple[Spot, ...]

    @property
    def is_one_sample(self) -> bool:
        """Whether there is only one size, of which no line can be drawn."""
        return sum(spot.size is not None for spot in self.spots) == 1

    @property
    def days(self) -> tuple[datetime | None, ...]:
        """The ticks of a chart of days; None where the day is the same as at the one before."""
        before = (None, *self.ticks)
        pairs = zip(self.ticks, before, strict=False)
        return tuple(at if was is None or at.date() != was.date() else None for at, was in pairs)


@dataclass(frozen=True, slots=True)
class _Scale:
    begin: float
    end: float
    top: float

    def x(self, at: datetime) -> float:
        return round((at.timestamp() - self.begin) / (self.end - self.begin) * WIDTH, 1)

    def y(self, size: float) -> float:
        return round(HEIGHT - min(size / self.top, 1.05) * HEIGHT, 1)


def chart(series: Series, line: Trend | None, quota: int | None) -> Chart | None:
    """Return the shapes of a series, None where there is nothing to draw."""
    if not any(size is not None for size in series.total):
        return None
    begin, last = series.times[0], series.times[-1]
    span = max(last - begin, timedelta(hours=1))
    end = last + span * AHEAD if line is not None else max(last, begin + timedelta(hours=1))
    highest = max(size or 0 for size in series.total)
    step = _round_step(_top(highest, line.at(end).high if line is not None else 0, quota))
    scale = _Scale(begin.timestamp(), end.timestamp(), step * STEPS)
    ahead, band = _foretold(line, last, end, scale) if line is not None else ("", "")
    return Chart(
        areas=tuple(_areas(series, scale)),
        outline=_outline(series, scale),
        ahead=ahead,
        band=band,
        quota_y=scale.y(quota) if quota is not None and quota <= scale.top else None,
        now_x=scale.x(last),
        sizes=tuple(step * number for number in range(STEPS, -1, -1)),
        lines=tuple(HEIGHT / STEPS * number for number in range(1, STEPS)),
        ticks=tuple(begin + (end - begin) * number / (TICKS - 1) for number in range(TICKS)),
        spots=tuple(_spots(series, scale)),
    )


def _top(highest: int, foretold: int, quota: int | None) -> int:
    """Return the largest size that is drawn; what lies far above is cut off."""
    most = round(max(highest, 1) * HIGHEST)
    shown = max(highest, min(foretold, most))
    return max(shown, quota) if quota is not None and quota <= most else shown


def _round_step(top: int) -> int:
    """Return a round size of which four are no less than the top."""
    step = max(top, 1) / STEPS
    unit = 10 ** math.floor(math.log10(step)) if step >= 1 else 1
    return max(1, math.ceil(next(m * unit for m in (1, 2, 2.5, 5, 10) if m * unit >= step)))


def _runs(series: Series) -> Iterator[range]:
    """Yield the stretches without a gap."""
    start = None
    for number, size in enumerate((*series.total, None)):
        if size is not None and start is None:
            start = number
        elif size is None and start is not None:
            yield range(start, number)
            start = None


def _areas(series: Series, scale: _Scale) -> Iterator[Area]:
    """Yield the parts, the largest at the bottom; the sum itself where there are none."""
    below = [0] * len(series.times)
    lines = [(line.name, line.pk, line.sizes) for line in series.lines]
    for number, (name, pk, sizes) in enumerate(lines or [("stored", None, series.total)]):
        above = [under + (size or 0) for under, size in zip(below, sizes, strict=True)]
        path = " ".join(_shape(series, scale, run, above, below) for run in _runs(series))
        known = [size for size in sizes if size is not None]
        yield Area(name=name, pk=pk, number=number, path=path, latest=known[-1] if known else None)
        below = above


def _shape(
    series: Series, scale: _Scale, run: range, above: Sequence[int], below: Sequence[int]
) -> str:
    there = [_point(scale, series.times[at], above[at]) for at in run]
    back = [_point(scale, series.times[at], below[at]) for at in reversed(run)]
    return f"M{' L'.join(there + back)} Z"


def _outline(series: Series, scale: _Scale) -> str:
    """Return the sum's own line; one alone becomes a short stroke that can be seen."""
    parts = []
    for run in _runs(series):
        points = [_point(scale, series.times[at], series.total[at] or 0) for at in run]
        parts.append(f"M{' L'.join(points)}" + (" h3" if len(points) == 1 else ""))
    return " ".join(parts)


def _foretold(line: Trend, last: datetime, end: datetime, scale: _Scale) -> tuple[str, str]:
    times = [last + (end - last) * n / POINTS_AHEAD for n in range(POINTS_AHEAD + 1)]
    said = [line.at(time) for time in times]
    middle = [_point(scale, one.at, one.expected) for one in said]
    high = [_point(scale, one.at, one.high) for one in said]
    low = [_point(scale, one.at, one.low) for one in reversed(said)]
    return f"M{' L'.join(middle)}", f"M{' L'.join(high + low)} Z"


def _spots(series: Series, scale: _Scale) -> Iterator[Spot]:
    """Yield a strip of the drawing for each time, so that a pointer finds the nearest."""
    xs = [scale.x(at) for at in series.times]
    width = round(WIDTH / max(len(xs), 1), 1)
    for at, size, x in zip(series.times, series.total, xs, strict=True):
        yield Spot(at=at, size=size, x=round(x - width / 2, 1), width=width)


def _point(scale: _Scale, at: datetime, size: float) -> str:
    return f"{scale.x(at)} {scale.y(size)}"
