"""Finding a drift alert, or an agent that is watched, among those that somebody may see."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Case, IntegerField, QuerySet, When

from checkpoints.drift.episodes import Severity
from dashboard.access import require, visible
from dashboard.models import Agent, DriftAlert, DriftState, Thread, User
from dashboard.models.drift import UNENDED
from dashboard.selectors.errors import NotFound

_RANK = Case(
    *(When(severity=one.value, then=rank) for rank, one in enumerate(Severity)),
    default=0,
    output_field=IntegerField(),
)


def find_alert(*, user: User, alert_pk: int) -> DriftAlert:
    """Return an alert that ``user`` may see. Raises NotFound, Forbidden."""
    require(user, "read")
    found = visible_alerts(user).filter(pk=alert_pk).first()
    if found is None:
        raise NotFound("There is no such drift alert. Look for it in the list of drift alerts.")
    return found


def find_watched(*, user: User, agent_pk: int) -> Agent:
    """Return an agent that ``user`` may see. Raises NotFound, Forbidden."""
    require(user, "read")
    rows = Agent.objects.select_related("source__project").filter(pk=agent_pk)
    found = visible(user, rows, "source__project").first()
    if found is None:
        raise NotFound("There is no such agent. Look for it by name in the list of agents.")
    return found


def visible_alerts(user: User) -> QuerySet[DriftAlert]:
    """Return the alerts of the projects that ``user`` may read."""
    rows = DriftAlert.objects.select_related(
        "agent__source__project",
        "thread",
        "onset_checkpoint",
        "acknowledged_by",
        "resolved_by",
    )
    return visible(user, rows, "agent__source__project")


def calling_alerts(user: User, *, most: int) -> tuple[DriftAlert, ...]:
    """Return alerts that nobody has seen to yet, the most severe first, then the newest."""
    rows = visible_alerts(user).filter(state=DriftState.OPEN).alias(rank=_RANK)
    return tuple(rows.order_by("-rank", "-found_at", "-pk")[:most])


def unended_alert(agent_pk: int) -> DriftAlert | None:
    """Return the alert of an agent that has not ended; there is at most one."""
    return DriftAlert.objects.filter(agent=agent_pk, state__in=UNENDED).first()


def alerts_on(threads: Sequence[Thread], *, most: int) -> tuple[DriftAlert, ...]:
    """Return the latest alerts of threads, the newest first."""
    rows = DriftAlert.objects.filter(thread__in=threads).defer("contributions")
    return tuple(rows.order_by("-found_at", "-pk")[:most])
