"""Ids as LangGraph makes them: UUIDs of version 6, which sort by their time."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from checkpoints.errors import PlanRefused

_EPOCH = datetime(1582, 10, 15, tzinfo=UTC)
_TICKS_PER_SECOND = 10_000_000
_TOLERANCE = timedelta(seconds=1)


def ticks_of(identifier: str) -> int | None:
    """Return the time in an id, in units of 100 ns since 1582 (RFC 9562, section 5.6)."""
    try:
        value = UUID(identifier)
    except ValueError:
        return None
    if value.version != 6 or str(value) != identifier:
        return None
    return (value.int >> 80) << 12 | (value.int >> 64) & 0x0FFF


def time_of(ticks: int) -> datetime:
    """Return the moment that a number of ticks stands for."""
    return _EPOCH + timedelta(microseconds=ticks // 10)


def ids_after(newest: str, *, now: datetime, count: int) -> list[str]:
    """Return ``count`` ids, ascending, that sort after ``newest``.

    Raises PlanRefused when ``newest`` is no such id, or lies in the future: what the agent writes
    next would then sort before the ids made here and be ignored.
    """
    last = ticks_of(newest)
    if last is None:
        raise PlanRefused(f"{newest} is not an id that LangGraph made; nothing can sort after it")
    ahead = time_of(last) - now
    if ahead > _TOLERANCE:
        raise PlanRefused(
            f"the clock is wrong: the newest checkpoint {newest} is {ahead} ahead of it; set the "
            "clock and try again"
        )
    first = max(_ticks_at(now), last + 1)
    return [_build(first + offset) for offset in range(count)]


def _ticks_at(moment: datetime) -> int:
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * _TICKS_PER_SECOND + since.microseconds * 10


def _build(ticks: int) -> str:
    value = ticks >> 12 << 80 | 6 << 76 | (ticks & 0x0FFF) << 64 | 2 << 62 | secrets.randbits(62)
    return str(UUID(int=value))
