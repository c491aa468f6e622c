"""How closely an agent is watched, and what of it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count

from dashboard.models import Agent, AgentWatch, DriftAlert, DriftBackfill, User
from dashboard.models.drift import MEDIUM_SENSITIVITY
from dashboard.selectors.drift_rows import find_watched
from dashboard.selectors.drift_series import read_detector, watch_of
from dashboard.selectors.rights import why_not

JUDGED = ("errors", "loops", "stalls", "schema")
"""What is watched beside numbers, by the names under which its sensitivity is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One metric of one step, the band in which it lies usually, and its own sensitivity.

    The band is None while too little is known; ``step_name`` is empty where there are no steps.
    """

    metric: str
    step_name: str
    low: float | None = None
    center: float | None = None
    high: float | None = None
    count: int = 0
    sensitivity: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningPage:
    """An agent's watch, what is watched, and what its alerts came to.

    ``refused`` says why this person may not tune it; ``unwatched`` names what is too much to be
    watched, and why. ``outcomes`` counts alerts by their state.
    """

    agent: Agent
    watch: AgentWatch
    watched: tuple[Watched, ...]
    judged: tuple[tuple[str, float | None], ...]
    unwatched: tuple[tuple[str, str], ...]
    outcomes: dict[str, int]
    backfill: DriftBackfill | None
    refused: str


def tuning_page(*, user: User, agent_pk: int) -> TuningPage:
    """Return how an agent is watched. Raises NotFound, Forbidden."""
    agent = find_watched(user=user, agent_pk=agent_pk)
    watch = watch_of(agent.pk) or AgentWatch(agent=agent, sensitivity=MEDIUM_SENSITIVITY)
    detector = read_detector(agent.pk)
    own = watch.sensitivities
    rows = DriftAlert.objects.filter(agent=agent).order_by().values_list("state")
    backfills = DriftBackfill.objects.filter(agent=agent) | DriftBackfill.objects.filter(
        source=agent.source
    )
    return TuningPage(
        agent=agent,
        watch=watch,
        watched=tuple(
            Watched(
                metric=metric,
                step_name=step or "",
                low=band.low,
                center=band.center,
                high=band.high,
                count=band.n,
                sensitivity=own.get(metric),
            )
            for (step, metric), band in sorted(
                (detector.bands if detector else {}).items(),
                key=lambda one: (one[0][1], one[0][0] or ""),
            )
        ),
        judged=tuple((name, own.get(name)) for name in JUDGED),
        unwatched=tuple(detector.refused.items()) if detector else (),
        outcomes=dict(rows.annotate(count=Count("pk"))),
        backfill=backfills.order_by("-created_at").first(),
        refused=why_not(user, "operate", agent.source.project),
    )
