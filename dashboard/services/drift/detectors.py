"""What an agent's detector has learned: read, written, and learned anew from what was recorded."""

from __future__ import annotations

import json
from typing import Any, Final

import structlog

from checkpoints.drift.watching import AgentDetector
from dashboard.models import AgentDetectorState, AgentWatch
from dashboard.selectors.drift_observations import chunks, recorded

LEARNED_FROM: Final = 2_000
"""Observations from which a detector learns what is normal when it has to begin anew."""
logger = structlog.get_logger(__name__)


def load(watch: AgentWatch) -> tuple[AgentDetector, dict[str, Any]]:
    """Return an agent's detector, and what is kept beside it.

    One that an earlier version wrote, or that cannot be read, learns anew from what is recorded.
    """
    row = AgentDetectorState.objects.filter(watch=watch).first()
    if row is None:
        return _new(watch), {}
    try:
        values = json.loads(row.values)
        return AgentDetector.from_dict(values["detector"]), values.get("beside", {})
    except Exception as error:  # noqa: BLE001 - what nobody wrote breaks what reads it in any way
        logger.warning("drift detector learned anew", agent=watch.pk, error=repr(error))
        return learned(watch), {}


def save(watch: AgentWatch, detector: AgentDetector, beside: dict[str, Any]) -> None:
    """Keep what a detector has learned, within the caller's transaction."""
    text = json.dumps({"detector": detector.to_dict(), "beside": beside}, separators=(",", ":"))
    AgentDetectorState.objects.update_or_create(watch=watch, defaults={"values": text})


def learned(watch: AgentWatch) -> AgentDetector:
    """Return a detector with the watch's tuning that knows the last of what was recorded."""
    detector = _new(watch)
    for some in chunks(recorded(watch, limit=LEARNED_FROM)):
        for _, observation in some:
            detector.learn(observation)
    return detector


def _new(watch: AgentWatch) -> AgentDetector:
    return AgentDetector(sensitivity=watch.sensitivity, sensitivities=watch.sensitivities)
