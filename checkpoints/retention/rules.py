"""The rules of a policy, each applied to all records of a thread at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from checkpoints.records import Checkpoint, Kind
from checkpoints.retention.policy import RetentionPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one rule keeps, by id and reason, and why it lets the others go.

    ``kind`` is the one that it names, None for every kind.
    """

    kind: Kind | None
    kept: Mapping[str, str]
    otherwise: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calendar:
    """A unit of time, and how the one in which something was created is called.

    The names sort as the units follow one another.
    """

    unit: str
    name_of: Callable[[datetime], str]


_CALENDARS: Mapping[str, _Calendar] = {
    "hourly": _Calendar(unit="hour", name_of=lambda at: f"{at.isoformat(' ')[:13]}:00"),
    "daily": _Calendar(unit="day", name_of=lambda at: at.isoformat()[:10]),
    "weekly": _Calendar(unit="week", name_of=lambda at: "{}-W{:02}".format(*at.isocalendar()[:2])),
    "monthly": _Calendar(unit="month", name_of=lambda at: at.isoformat()[:7]),
}


def rules_of(
    policy: RetentionPolicy, records: Sequence[Checkpoint], now: datetime
) -> Iterator[Rule]:
    """Yield the policy's rules as they apply to a thread's records, newest first."""
    for kind, count in policy.last.items():
        yield _last(Kind(kind), count, records)
    for kind, age in policy.within.items():
        yield _within(Kind(kind), age, records, now)
    if policy.newest is not None:
        yield _newest(policy.newest, records)
    for name, calendar in _CALENDARS.items():
        count = getattr(policy, name)
        if count is not None:
            yield _newest_of_each(calendar, count, records, now)


def _last(kind: Kind, count: int, records: Sequence[Checkpoint]) -> Rule:
    newest = [record.id for record in records if record.kind == kind][:count]
    return Rule(
        kind=kind,
        kept={name: f"{kind} {rank} of the last {count}" for rank, name in enumerate(newest, 1)},
        otherwise=f"not among the last {count}",
    )


def _within(kind: Kind, age: timedelta, records: Sequence[Checkpoint], now: datetime) -> Rule:
    reason = f"{kind} younger than {_span(age)}"
    young = [record.id for record in records if now - record.created_at <= age]
    return Rule(kind=kind, kept=dict.fromkeys(young, reason), otherwise=f"older than {_span(age)}")


def _newest(count: int, records: Sequence[Checkpoint]) -> Rule:
    kept = {
        record.id: f"{rank} of the newest {count}" for rank, record in enumerate(records[:count], 1)
    }
    return Rule(kind=None, kept=kept, otherwise=f"not among the newest {count}")


def _newest_of_each(
    calendar: _Calendar, count: int, records: Sequence[Checkpoint], now: datetime
) -> Rule:
    """Keep the newest of each of the last N units of time in which there are any.

    What is dated in the future stays and takes no place: when a clock was wrong, nothing may go
    because of it.
    """
    newest: dict[str, str] = {}
    hour_before = (0, 0)
    for record in records:
        at = record.created_at
        hour = (at.toordinal(), at.hour)
        if hour != hour_before and at <= now:
            newest.setdefault(calendar.name_of(at), record.id)
            hour_before = hour
    units = sorted(newest, reverse=True)[:count]
    kept = {
        newest[unit]: f"newest of {unit}, {calendar.unit} {place} of {count}"
        for place, unit in enumerate(units, 1)
    }
    ahead = (record.id for record in records if record.created_at > now)
    return Rule(
        kind=None,
        kept={**kept, **dict.fromkeys(ahead, "dated in the future")},
        otherwise=f"not the newest of one of the last {count} {calendar.unit}s",
    )


def _span(age: timedelta) -> str:
    return f"{age.days} days" if age.days else str(age)
