"""The storage page's growth: what is asked for, its links, and the sentences beside the chart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils import timezone

from checkpoints.forecast import Forecast
from dashboard import formats, quantities
from dashboard.requests import PageRequest
from dashboard.selectors.storage_breakdown import breakdown
from dashboard.selectors.storage_growth import Outlook, growth
from dashboard.selectors.storage_scopes import Scope, find_scope
from dashboard.selectors.storage_series import By, Line, Range, Series
from dashboard.views.charts import chart
from dashboard.views.queries import BadQuery, number

RANGE, BY, EATS = "range", "by", "eats"
TABLE_ROWS = 24
NOT_ENOUGH = (
    "Not enough is known yet to say what it will be: that takes five samples over at least a day, "
    "since the last prune."
)


class Choice(NamedTuple):
    """A link that changes one thing about the page."""

    name: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an address asks for."""

    scope: Scope
    range: Range
    by: By
    eats: str

    def href(self, **changes: str) -> str:
        """Return the address of the same page with something changed."""
        values = {RANGE: str(self.range), BY: self.by, EATS: self.eats, **changes}
        plain = {RANGE: Range.MONTH, BY: "source", EATS: ""}
        given = {name: value for name, value in values.items() if value != plain[name]}
        parts = [self.scope.query, urlencode(given)]
        return "?" + "&".join(part for part in parts if part)


def asked(request: PageRequest) -> Asked:
    """Return what an address asks for. Raises NotFound, BadQuery."""
    query = request.GET
    scope = find_scope(
        user=request.user,
        source_pk=number(query, "source"),
        agent_pk=number(query, "agent"),
        thread_pk=number(query, "thread"),
    )
    by: By = "agent" if query.get(BY) == "agent" else "source"
    return Asked(scope=scope, range=_range(query), by=by, eats=query.get(EATS, ""))


def _range(query: QueryDict) -> Range:
    try:
        return Range(query.get(RANGE, Range.MONTH))
    except ValueError as error:
        known = ", ".join(Range)
        raise BadQuery(f"'range' must be one of {known}; open the page without it.") from error


def context(want: Asked) -> dict[str, Any]:
    """Return what the growth and the breakdown show."""
    now = timezone.now()
    found = growth(scope=want.scope, range_=want.range, by=want.by, now=now)
    eaten = breakdown(scope=want.scope, eater=want.eats, whole=found.stored_bytes, now=now)
    quota = found.outlook.quota
    return {
        "growth": found,
        "breakdown": eaten,
        "chart": chart(found.series, found.outlook.trend, quota.bytes if quota else None),
        "ranges": [Choice(one, want.href(range=one), one is want.range) for one in Range],
        "bys": list(_bys(want)),
        "eaters": [Choice(one, want.href(eats=one), one == eaten.eater) for one in eaten.eaters],
        "quota_text": quantities.shown_size(quota.bytes) if quota else "",
        "foretold": foretold(found.outlook, now),
        "table": list(_table(found.series)),
        "by_hours": want.range is Range.DAY,
    }


def _bys(want: Asked) -> Iterator[Choice]:
    if want.scope.level == "all":
        for one in ("source", "agent"):
            yield Choice(f"by {one}", want.href(by=one), one == want.by)


def foretold(outlook: Outlook, now: datetime) -> list[str]:
    """Return what is foretold, in sentences."""
    line, ahead = outlook.trend, outlook.ahead
    if line is None or ahead is None:
        return [NOT_ENOUGH]
    said = f"At this rate {formats.size(ahead.expected)} on {_day(ahead.at, now)}, {_about(ahead)}."
    return [said, *_of_quota(outlook, now)]


def _about(ahead: Forecast) -> str:
    """Return how sure a size is, also where rounding hides it."""
    low, high = formats.size(ahead.low), formats.size(ahead.high)
    if low != high:
        return f"between {low} and {high}"
    return f"give or take {formats.size((ahead.high - ahead.low + 1) // 2)}"


def _of_quota(outlook: Outlook, now: datetime) -> Iterator[str]:
    quota, reach, line = outlook.quota, outlook.reach, outlook.trend
    if quota is None or line is None:
        return
    size = formats.size(quota.bytes)
    if line.last_size >= quota.bytes:
        yield f"The quota of {size} is reached."
    elif reach is None:
        yield f"The quota of {size} is not reached within ten years."
    else:
        latest = f"and {_day(reach.latest, now)}" if reach.latest else "and never"
        yield (
            f"The quota of {size} is reached about {_day(reach.expected, now)}, between "
            f"{_day(reach.earliest, now)} {latest}."
        )


def _day(at: datetime, now: datetime) -> str:
    year = "" if at.year == now.year else f" {at.year}"
    return f"{at.day} {at:%B}{year}"


def _table(series: Series) -> Iterator[tuple[datetime, int | None, list[int | None]]]:
    """Yield some of the times, newest first, with the sum and each part."""
    step = -(-len(series.times) // TABLE_ROWS) or 1
    for at in range(len(series.times) - 1, -1, -step):
        yield series.times[at], series.total[at], _at(series.lines, at)


def _at(lines: Sequence[Line], at: int) -> list[int | None]:
    return [line.sizes[at] for line in lines]
