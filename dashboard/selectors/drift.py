"""Drift alerts: the list of them, and one with what a person needs to judge it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q

from checkpoints.drift.episodes import Contribution
from dashboard.access import require, visible
from dashboard.models import Agent, AgentWatch, DriftAlert, DriftState, User
from dashboard.models.drift import ENDED, UNENDED
from dashboard.selectors.drift_rows import find_alert, find_watched, visible_alerts
from dashboard.selectors.drift_rungs import ShownRung, rungs
from dashboard.selectors.drift_series import Series, series_of_alert
from dashboard.selectors.errors import NotFound
from dashboard.selectors.keyset import Order, page_after
from dashboard.selectors.rights import why_not

LATEST = Order(field="found_at")
ALL, UNENDED_STATES, ENDED_STATES = "all", "unended", "ended"
STATES = (
    (UNENDED_STATES, "Not ended"),
    *((state.value, str(state.label)) for state in DriftState),
    (ENDED_STATES, "Ended"),
    (ALL, "All"),
)
"""What the list can be narrowed to; nothing said means those that have not ended."""
CHARTS = 4
"""Metrics of an alert that are drawn at once; further ones are asked for one by one."""
_SINGLE = frozenset(DriftState.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPage:
    """A page of alerts, the newest first, and how many have not ended."""

    alerts: tuple[DriftAlert, ...]
    next_key: str
    state: str
    agent: Agent | None
    open_count: int
    watched: int

    @property
    def is_first(self) -> bool:
        """Whether nothing at all is watched yet, so that the page must say how to begin."""
        return not self.watched


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPage:
    """An alert, what contributed to it, its charts, and where to go back to.

    ``refused`` says why this person may not act on it; empty where they may.
    """

    alert: DriftAlert
    contributions: tuple[Contribution, ...]
    charts: tuple[Series, ...]
    rungs: tuple[ShownRung, ...]
    earlier: tuple[DriftAlert, ...]
    refused: str

    @property
    def first(self) -> Contribution | None:
        """The contribution whose onset is the earliest."""
        return min(self.contributions, key=lambda one: one.onset_at, default=None)


def drift_page(
    *,
    user: User,
    state: str = "",
    agent: int | None = None,
    project: int | None = None,
    after: str = "",
) -> DriftPage:
    """Return alerts that ``user`` may see, 100 at a time. Raises NotFound, Forbidden."""
    require(user, "read")
    rows = visible_alerts(user)
    found = find_watched(user=user, agent_pk=agent) if agent is not None else None
    if found is not None:
        rows = rows.filter(agent=found)
    if project is not None:
        rows = rows.filter(agent__source__project=project)
    page = page_after(rows.filter(_in_state(state)), LATEST, after)
    counts = rows.filter(state__in=UNENDED).aggregate(unended=Count("pk"))
    watched = visible(user, AgentWatch.objects.all(), "agent__source__project")
    return DriftPage(
        alerts=page.rows,
        next_key=page.next_key,
        state=state or UNENDED_STATES,
        agent=found,
        open_count=counts["unended"],
        watched=int(watched.exists()),
    )


def drift_alert_page(*, user: User, alert_pk: int) -> AlertPage:
    """Return an alert with its charts and its ladder. Raises NotFound, Forbidden."""
    alert = find_alert(user=user, alert_pk=alert_pk)
    told = tuple(map(Contribution.from_dict, alert.contributions))
    earlier = DriftAlert.objects.filter(agent=alert.agent_id).exclude(pk=alert.pk)
    return AlertPage(
        alert=alert,
        contributions=told,
        charts=series_of_alert(alert, told, most=CHARTS),
        rungs=rungs(alert),
        earlier=tuple(earlier.order_by("-found_at", "-pk")[:5]),
        refused=why_not(user, "operate", alert.agent.source.project),
    )


def _in_state(state: str) -> Q:
    if state in _SINGLE:
        return Q(state=state)
    named = {"": UNENDED, UNENDED_STATES: UNENDED, ENDED_STATES: ENDED}
    if state == ALL:
        return Q()
    if state not in named:
        raise NotFound("There is no such state of a drift alert; choose one of the list's own.")
    return Q(state__in=named[state])
