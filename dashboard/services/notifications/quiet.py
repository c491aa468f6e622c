"""Quiet hours: whether a moment lies in them, and when they end. Pure.

Their ends are moments, each found from the wall clock of its own day. So a night in which clocks
are changed has one beginning and one end too: an hour that comes twice counts the first time, one
that is left out begins where the clocks go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """From one minute of the day until another, which may be the next day's, in a time zone."""

    start: int
    end: int
    zone: str

    def until(self, now: datetime) -> datetime | None:
        """Return when the quiet hours that ``now`` lies in end, None outside of any."""
        today = now.astimezone(ZoneInfo(self.zone)).date()
        for day in (today - _ONE_DAY, today):
            begin, end = self._of(day)
            if begin <= now < end:
                return end
        return None

    def _of(self, day: date) -> tuple[datetime, datetime]:
        """Return the quiet hours that begin on a day; the same minute twice is a whole day."""
        last = day + _ONE_DAY if self.end <= self.start else day
        return self._moment(day, self.start), self._moment(last, self.end)

    def _moment(self, day: date, minute: int) -> datetime:
        wall = datetime.combine(day, time(*divmod(minute, 60)), tzinfo=ZoneInfo(self.zone))
        return wall.astimezone(UTC)
