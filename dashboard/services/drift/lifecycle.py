"""What people do about a drift alert: see it, put it off, end it, or say that it is none.

Each takes the agent's lock first, as whoever looks at the agent does, so that an end and what the
detector learns from it are one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from checkpoints.drift.episodes import Contribution
from checkpoints.drift.watching import AgentDetector
from dashboard import access
from dashboard.models import AgentWatch, DriftAlert, DriftState, User
from dashboard.models.drift import UNENDED
from dashboard.selectors.drift_rows import find_alert
from dashboard.services import audit
from dashboard.services.drift import detectors, telling
from dashboard.services.drift.errors import DriftRefused
from dashboard.services.drift.watches import lock, overtake
from dashboard.unkept import UNKEPT

LONGEST_SNOOZE: Final = timedelta(days=90)
LONGEST_REASON: Final = 1_000


def acknowledge(*, user: User, alert_pk: int, now: datetime) -> DriftAlert:
    """Note that somebody knows of an alert, so that it calls nobody any more.

    Done twice it is done once. Raises NotFound, Forbidden, DriftRefused for one that has ended.
    """
    with _locked(user, alert_pk) as (alert, _):
        if alert.state == DriftState.ACKNOWLEDGED:
            return alert
        _require_unended(alert)
        alert.state = DriftState.ACKNOWLEDGED
        alert.acknowledged_by, alert.acknowledged_at = user, now
        alert.snoozed_until = None
        alert.save()
        telling.seen_to(alert, now=now)
        _record(user, alert, "acknowledged", {}, now)
    return alert


def snooze(*, user: User, alert_pk: int, until: datetime, now: datetime) -> DriftAlert:
    """Put an alert off until a time at which it opens again, if it has not ended by then.

    Raises NotFound, Forbidden, DriftRefused.
    """
    if until.utcoffset() is None or not now < until <= now + LONGEST_SNOOZE:
        raise DriftRefused(
            f"An alert can be put off for up to {LONGEST_SNOOZE.days} days from now; nothing was "
            "changed. Name a time to come, with its offset from UTC."
        )
    with _locked(user, alert_pk) as (alert, _):
        _require_unended(alert)
        alert.state, alert.snoozed_until = DriftState.SNOOZED, until
        alert.save()
        telling.seen_to(alert, now=now)
        _record(user, alert, "snoozed", {"until": until}, now)
    return alert


def resolve(*, user: User, alert_pk: int, reason: str, now: datetime) -> DriftAlert:
    """End an alert: it was seen to. What comes after is a new one.

    Raises NotFound, Forbidden, DriftRefused.
    """
    with _locked(user, alert_pk) as (alert, watch):
        _require_unended(alert)
        _end(user, alert, DriftState.RESOLVED, reason, now)
        detector, _ = detectors.load(watch)
        _teach(watch, detector)
        _record(user, alert, "resolved", {"reason": alert.reason}, now)
    return alert


def not_drift(*, user: User, alert_pk: int, reason: str, now: datetime) -> DriftAlert:
    """End an alert as none: what its metrics show now is normal, and its detector learns it.

    Raises NotFound, Forbidden, DriftRefused.
    """
    with _locked(user, alert_pk) as (alert, watch):
        _require_unended(alert)
        _end(user, alert, DriftState.NOT_DRIFT, reason, now)
        detector, _ = detectors.load(watch)
        for metric, step in _shown_by(alert):
            detector.learn_normal(metric, step)
        _teach(watch, detector)
        _record(user, alert, "not_drift", {"reason": alert.reason}, now)
    return alert


@contextmanager
def _locked(user: User, alert_pk: int) -> Iterator[tuple[DriftAlert, AgentWatch]]:
    """Hold an alert that ``user`` may act on, and the watch of its agent."""
    found = find_alert(user=user, alert_pk=alert_pk)
    access.require(user, "operate", found.agent.source.project)
    with transaction.atomic():
        watch = lock(found.agent_id)
        yield find_alert(user=user, alert_pk=alert_pk), watch


def _require_unended(alert: DriftAlert) -> None:
    if alert.state not in UNENDED:
        raise DriftRefused(
            f"This alert has ended already ({alert.get_state_display().lower()}); nothing was "
            "changed. Should the agent drift again, that is a new alert."
        )


def _end(user: User, alert: DriftAlert, state: DriftState, reason: str, now: datetime) -> None:
    text = reason.strip()
    if not text or len(text) > LONGEST_REASON or UNKEPT.search(text):
        raise DriftRefused(
            f"Say why in 1 to {LONGEST_REASON} characters, without a NUL; nothing was changed. "
            "Whoever looks at the next alert of this agent will read it."
        )
    alert.state, alert.reason = state, text
    alert.resolved_by, alert.resolved_at = user, now
    alert.snoozed_until = None
    alert.save()
    telling.seen_to(alert, now=now)


def _shown_by(alert: DriftAlert) -> list[tuple[str, str | None]]:
    told = map(Contribution.from_dict, alert.contributions)
    return list(dict.fromkeys((one.signal.metric, one.step_name) for one in told))


def _teach(watch: AgentWatch, detector: AgentDetector) -> None:
    """Keep what a detector has learned; who looks at the agent just now begins again with that."""
    detector.close()
    detectors.save(watch, detector, {})
    overtake(watch)


def _record(
    user: User, alert: DriftAlert, what: str, details: dict[str, Any], now: datetime
) -> None:
    audit.record(
        user=user,
        action=f"drift_alert.{what}",
        target=alert.agent.agent_id,
        details={"alert": alert.pk, "number": alert.number, **details},
        now=now,
        project=alert.agent.source.project,
    )
