"""A drifting metric as shapes: its band, its course before and after the onset. Pure.

Coordinates are those of a drawing of 1000 by 160, which the page stretches; texts stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dashboard.selectors.drift_series import Bucket, Series

WIDTH, HEIGHT = 1000.0, 160.0
STEPS: Final = 3
"""Lines across the drawing."""
TICKS: Final = 5
MOST_SPOTS: Final = 240
"""Strips that a pointer finds; more could not be told apart on a screen."""
ROOM: Final = 0.08
"""What is left free above and below, as a share of what is shown."""
TABLE_ROWS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Some values that lie next to each other, with where a pointer finds them."""

    bucket: Bucket
    x: float
    width: float
    drifted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """All that is drawn of one metric; empty strings and None are not."""

    series: Series
    band_y: float | None
    band_height: float
    baseline_y: float | None
    envelope: str
    before: str
    after: str
    onset_x: float | None
    found_x: float | None
    values: tuple[float, ...]
    lines: tuple[float, ...]
    ticks: tuple[datetime, ...]
    spots: tuple[Spot, ...]
    by_minutes: bool
    by_seconds: bool

    @property
    def table(self) -> tuple[Spot, ...]:
        """The last values, the newest first."""
        return self.spots[: -TABLE_ROWS - 1 : -1]

    @property
    def count(self) -> int:
        """How many values it shows."""
        return sum(spot.bucket.count for spot in self.spots)


@dataclass(frozen=True, slots=True)
class _Scale:
    begin: float
    end: float
    bottom: float
    top: float

    def x(self, at: datetime) -> float:
        share = (at.timestamp() - self.begin) / (self.end - self.begin)
        return round(min(max(share, 0.0), 1.0) * WIDTH, 1)

    def y(self, value: float) -> float:
        share = (value - self.bottom) / (self.top - self.bottom)
        return round(HEIGHT - min(max(share, 0.0), 1.0) * HEIGHT, 1)


def chart(series: Series) -> Chart | None:
    """Return the shapes of a series; None where it holds no value."""
    if not series.buckets:
        return None
    shown = _fewer(series.buckets)
    scale = _scale(series, shown)
    begin, end = shown[0].at, _end(shown)
    before = [one for one in shown if not _drifted(series, one)]
    after = [one for one in shown if _drifted(series, one)]
    top, height = _band(series, scale)
    return Chart(
        series=series,
        band_y=top,
        band_height=height,
        baseline_y=scale.y(series.baseline) if series.baseline is not None else None,
        envelope=_envelope(shown, scale),
        before=_line(before + after[:1], scale),
        after=_line(after, scale),
        onset_x=scale.x(series.onset_at) if series.onset_at else None,
        found_x=scale.x(series.found_at) if series.found_at else None,
        values=tuple(_between(scale.top, scale.bottom, STEPS)),
        lines=tuple(HEIGHT / STEPS * number for number in range(1, STEPS)),
        ticks=tuple(begin + (end - begin) * number / (TICKS - 1) for number in range(TICKS)),
        spots=tuple(_spots(series, shown, scale)),
        by_minutes=end - begin < timedelta(days=2),
        by_seconds=end - begin < timedelta(minutes=10),
    )


def _fewer(buckets: Sequence[Bucket]) -> list[Bucket]:
    size = -(-len(buckets) // MOST_SPOTS)
    return [_joined(buckets[at : at + size]) for at in range(0, len(buckets), size)]


def _joined(some: Sequence[Bucket]) -> Bucket:
    rows = [one.checkpoint for one in some if one.checkpoint is not None]
    middles = sorted(one.middle for one in some)
    return Bucket(
        at=some[0].at,
        until=some[-1].until,
        low=min(one.low for one in some),
        middle=middles[len(middles) // 2],
        high=max(one.high for one in some),
        count=sum(one.count for one in some),
        checkpoint=rows[-1] if rows else None,
    )


def _end(shown: Sequence[Bucket]) -> datetime:
    return max(shown[-1].until, shown[0].at + timedelta(seconds=1))


def _scale(series: Series, shown: Sequence[Bucket]) -> _Scale:
    low = min(one.low for one in shown)
    high = max(one.high for one in shown)
    if series.low is not None and series.high is not None:
        low, high = min(low, series.low), max(high, series.high)
    room = (high - low) * ROOM or abs(high) * ROOM or 1.0
    bottom = 0.0 if 0.0 <= low < room + (high - low) * ROOM else low - room
    return _Scale(shown[0].at.timestamp(), _end(shown).timestamp(), bottom, high + room)


def _band(series: Series, scale: _Scale) -> tuple[float | None, float]:
    if series.low is None or series.high is None:
        return None, 0.0
    top = scale.y(series.high)
    return top, max(round(scale.y(series.low) - top, 1), 2.0)


def _drifted(series: Series, bucket: Bucket) -> bool:
    return series.onset_at is not None and bucket.until >= series.onset_at


def _envelope(shown: Sequence[Bucket], scale: _Scale) -> str:
    """Return the area from the lowest to the highest of values that were taken together."""
    if all(one.count == 1 for one in shown):
        return ""
    above = [f"{scale.x(one.at)} {scale.y(one.high)}" for one in shown]
    below = [f"{scale.x(one.at)} {scale.y(one.low)}" for one in reversed(shown)]
    return f"M{' L'.join(above + below)} Z"


def _line(shown: Sequence[Bucket], scale: _Scale) -> str:
    """Return the course of the middle values; one alone becomes a short stroke."""
    if not shown:
        return ""
    points = [f"{scale.x(one.at)} {scale.y(one.middle)}" for one in shown]
    return f"M{' L'.join(points)}" + (" h3" if len(points) == 1 else "")


def _between(top: float, bottom: float, steps: int) -> Iterator[float]:
    for number in range(steps + 1):
        yield top + (bottom - top) * number / steps


def _spots(series: Series, shown: Sequence[Bucket], scale: _Scale) -> Iterator[Spot]:
    width = round(WIDTH / len(shown), 1)
    for one in shown:
        yield Spot(
            bucket=one,
            x=round(scale.x(one.at) - width / 2, 1),
            width=width,
            drifted=_drifted(series, one),
        )
