"""An agent that has not been heard of for longer than it ever pauses."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Self

from checkpoints.drift import times
from checkpoints.drift.gaps import Gaps
from checkpoints.drift.sensitivities import level
from checkpoints.drift.signals import At, Direction, Evidence, Signal, SignalKind

WARM_UP: Final = 12
"""Gaps before the first judgement."""
NO_PAUSE: Final = 3.0
"""A gap up to this many times the median is none at any sensitivity: √10 is the least."""
DAY: Final = 86_400.0
SAME_HOUR: Final = 2 * 3_600.0
"""A long pause is usual if an earlier one began at the same time of day within this, in seconds."""
LONG_PAUSE: Final = 1_800.0
"""Pauses of this many seconds may belong to the time of day."""
LONGER: Final = 1.25
"""A daily pause may be this many times as long as the one before."""
MOST_A_DAY: Final = 3
"""Who pauses more often than this within a day does not pause by the time of day."""
_REMEMBERED_PAUSES: Final = 16


class StallDetector:
    """Finds gaps that are far longer than an agent's usual ones, also while they last.

    A gap is a stall if it is longer than ten times the median, than 3.75 deviations above
    the median of the logarithms, and than pauses that came before at least twice or at this time
    of day. Times that go back and times that are none are left out. ``index`` and ``onset`` count
    the times that were given.
    """

    def __init__(self, *, sensitivity: float | str = 0.5) -> None:
        self._sensitivity = level(sensitivity)
        self._gaps = Gaps()
        self._pauses: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED_PAUSES)
        self._index = -1
        self._last: At | None = None
        self._said = False

    def update(self, at: At) -> Signal | None:
        """Take a sign of life; say when the gap before it was a stall that was not told yet."""
        self._index += 1
        now = times.seconds(at)
        before = times.seconds(self._last)
        if now is None or (before is not None and now < before):
            return None
        if before is None:
            self._last = at
            return None
        said, gap = self._said, now - before
        found = None if said else self._judge(at, gap)
        self._learn(before, gap)
        self._last, self._said = at, False
        return found

    def check(self, now: At) -> Signal | None:
        """Say when the present gap has become a stall, once per gap."""
        length = self._length(now)
        if length is None or self._said:
            return None
        found = self._judge(now, length)
        self._said = found is not None
        return found

    def due_at(self) -> At | None:
        """Return when the present gap becomes a stall, if nothing is heard until then.

        None while too little is known, and where the gap has been told.
        """
        if self._said or self._last is None or len(self._gaps) < WARM_UP:
            return None
        limit = self._limit()
        if not isinstance(self._last, datetime):
            return self._last + limit
        try:
            return self._last + timedelta(seconds=limit)
        except OverflowError:
            return None

    def _length(self, now: At) -> float | None:
        end, start = times.seconds(now), times.seconds(self._last)
        return None if end is None or start is None else end - start

    def _judge(self, at: At, gap: float) -> Signal | None:
        if len(self._gaps) < WARM_UP or gap <= NO_PAUSE * self._gaps.median:
            return None
        limit = self._limit()
        return self._signal(at, gap, limit) if gap > limit else None

    def _limit(self) -> float:
        start = times.seconds(self._last) or 0.0
        daily = [length for began, length in self._pauses if _same_hour(began, start)]
        usual = self._gaps.limit(1.5 - self._sensitivity)
        return max([usual, *(LONGER * length for length in daily)])

    def _learn(self, start: float, gap: float) -> None:
        """Remember a gap; a pause of every day apart, for at other hours it is none."""
        pause = gap >= LONG_PAUSE and gap > 10 * self._gaps.median > 0
        daily = pause and self._is_daily(start)
        if pause:
            self._pauses.append((start, gap))
        if not daily:
            self._gaps.add(gap)

    def _is_daily(self, start: float) -> bool:
        lately = [began for began, _ in self._pauses if start - began < DAY + SAME_HOUR]
        before = (began for began, _ in self._pauses if start - began > DAY - SAME_HOUR)
        return len(lately) <= MOST_A_DAY and any(_same_hour(one, start) for one in before)

    def _signal(self, at: At, gap: float, limit: float) -> Signal:
        median = self._gaps.median
        words = (
            f"nothing was heard for {times.spoken(gap)}; its pauses have a median of "
            f"{times.spoken(median)} and become unusual above {times.spoken(limit)}"
        )
        return Signal(
            kind=SignalKind.STALL,
            metric="gap",
            onset=max(0, self._index - 1),
            index=max(0, self._index),
            score=gap,
            threshold=limit,
            direction=Direction.UP,
            onset_at=self._last,
            at=times.kept(at),
            evidence=Evidence(
                words=words,
                baseline_median=median,
                baseline_mad=self._gaps.deviation,
                baseline_n=len(self._gaps),
                window=(max(0, self._index - 1), max(0, self._index)),
                observed=gap,
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all that it remembers as JSON types."""
        return {
            "sensitivity": self._sensitivity,
            "index": self._index,
            "last": times.dump(self._last),
            "said": self._said,
            "pauses": [list(pause) for pause in self._pauses],
            **self._gaps.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Go on exactly where the one of :meth:`to_dict` stood."""
        made = cls(sensitivity=values["sensitivity"])
        made._gaps = Gaps(values["gaps"], waiting=values["waiting"], limit=values["limit"])
        made._pauses.extend((start, length) for start, length in values["pauses"])
        made._index, made._said = values["index"], values["said"]
        made._last = times.load(values["last"])
        return made


def _same_hour(one: float, other: float) -> bool:
    apart = abs(one - other) % DAY
    return min(apart, DAY - apart) <= SAME_HOUR
