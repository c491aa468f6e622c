"""How closely an agent is watched, and what would have been found at another sensitivity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from checkpoints.drift.episodes import Episode
from checkpoints.drift.watching import AgentDetector
from dashboard import access, queue
from dashboard.models import AgentWatch, User
from dashboard.selectors.drift_observations import chunks, recorded
from dashboard.selectors.drift_rows import find_watched
from dashboard.services import audit
from dashboard.services.drift import detectors
from dashboard.services.drift.errors import DriftRefused
from dashboard.services.drift.watches import lock, overtake
from dashboard.unkept import UNKEPT

MOST_REPLAYED: Final = 5_000
"""Observations that a replay goes through, the last ones."""
MOST_METRICS: Final = 100
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What would have been found in the last observations, from ``since`` on.

    ``points`` counts the metrics in them; ``truncated`` says that there is more before.
    """

    observations: int
    points: int
    since: datetime | None
    until: datetime | None
    episodes: tuple[Episode, ...]
    truncated: bool

    @property
    def per_thousand(self) -> float:
        """Alerts per 1,000 observations."""
        return 1000 * len(self.episodes) / self.observations if self.observations else 0.0


def tune(
    *,
    user: User,
    agent_pk: int,
    sensitivity: float,
    sensitivities: Mapping[str, float],
    enabled: bool = True,
    now: datetime,
) -> AgentWatch:
    """Watch an agent more or less closely; its detector learns anew from what is recorded.

    Raises NotFound, Forbidden, DriftRefused.
    """
    agent = find_watched(user=user, agent_pk=agent_pk)
    access.require(user, "operate", agent.source.project)
    _check(sensitivity, sensitivities)
    with transaction.atomic():
        watch = lock(agent.pk)
        watch.sensitivity, watch.sensitivities = sensitivity, dict(sensitivities)
        watch.enabled, watch.message, watch.lost = enabled, "", 0
        watch.tuned_by, watch.tuned_at = user, now
        watch.save()
        detectors.save(watch, detectors.learned(watch), {})
        overtake(watch)
        queue.enqueue_drift()
        audit.record(
            user=user,
            action="drift.tuned",
            target=agent.agent_id,
            details={
                "sensitivity": sensitivity,
                "sensitivities": dict(sensitivities),
                "enabled": enabled,
            },
            now=now,
            project=agent.source.project,
        )
    return watch


def replay(
    *, user: User, agent_pk: int, sensitivity: float, sensitivities: Mapping[str, float]
) -> Replay:
    """Return what a detector would have found in what is recorded; nothing is changed.

    Raises NotFound, Forbidden, DriftRefused.
    """
    agent = find_watched(user=user, agent_pk=agent_pk)
    _check(sensitivity, sensitivities)
    watch = AgentWatch.objects.filter(pk=agent.pk).first() or AgentWatch(agent=agent)
    refs = recorded(watch, limit=MOST_REPLAYED)
    detector = AgentDetector(sensitivity=sensitivity, sensitivities=sensitivities)
    found: dict[int, Episode] = {}
    points = 0
    for some in chunks(refs):
        for _, observation in some:
            points += len(observation.metrics)
            episode = detector.update(observation)
            if episode is not None:
                found[episode.number] = episode
    return Replay(
        observations=len(refs),
        points=points,
        since=refs[0].at if refs else None,
        until=refs[-1].at if refs else None,
        episodes=tuple(found.values()),
        truncated=len(refs) == MOST_REPLAYED,
    )


def _check(sensitivity: float, sensitivities: Mapping[str, float]) -> None:
    if len(sensitivities) > MOST_METRICS:
        raise DriftRefused(f"At most {MOST_METRICS} metrics have their own; nothing was changed.")
    if any(map(UNKEPT.search, sensitivities)):
        raise DriftRefused(
            "The name of a metric holds a NUL or half of a surrogate pair, which databases do not "
            "keep; nothing was changed. Name a metric that is watched."
        )
    for name, value in {"": sensitivity, **sensitivities}.items():
        if not 0.0 <= value <= 1.0 or len(name) > _LONGEST_NAME:
            raise DriftRefused(
                "A sensitivity is a number from 0 (finds little) to 1 (finds most); nothing was "
                f"changed. What was given for {name[:_LONGEST_NAME] or 'the agent'} is {value}."
            )
