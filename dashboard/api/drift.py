"""Drift: alerts and what people do about them, the series beneath, and tuning."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from django.utils import timezone
from ninja import Path, Query, Router

from dashboard.api.access import OPERATE, READ, ApiRequest
from dashboard.api.drift_answers import (
    alert_answer,
    replay_answer,
    tuning_answer,
    whole_alert_answer,
)
from dashboard.api.drift_schemas import (
    DriftAlertOut,
    DriftAlertsOut,
    DriftEndIn,
    MetricSeriesOut,
    ReplayIn,
    ReplayOut,
    SnoozeIn,
    TuningIn,
    TuningOut,
    WholeDriftAlertOut,
)
from dashboard.api.operation_schemas import MAX_INTEGER
from dashboard.selectors.drift import drift_alert_page, drift_page
from dashboard.selectors.drift_series import drift_series
from dashboard.selectors.drift_tuning import tuning_page
from dashboard.services import drift

router = Router(tags=["drift"])
Row = Annotated[int, Path(ge=1, le=MAX_INTEGER)]
Wanted = Annotated[int | None, Query(ge=1, le=MAX_INTEGER)]
Text = Annotated[str, Query(max_length=200)]
ALERT, AGENT = "/drift/alerts/{alert}", "/drift/agents/{agent}"


@router.get("/drift/alerts", auth=READ, response={200: DriftAlertsOut}, summary="List drift alerts")
def list_drift_alerts(
    request: ApiRequest,
    state: Text = "",
    agent: Wanted = None,
    project: Wanted = None,
    after: str = "",
) -> dict[str, Any]:
    """List drift alerts that have not ended, the newest first, 100 at a time.

    ``state`` names another: a state, ``ended`` or ``all``.
    """
    page = drift_page(
        user=request.auth.user, state=state, agent=agent, project=project, after=after
    )
    return {"items": list(map(alert_answer, page.alerts)), "next": page.next_key or None}


@router.get(ALERT, auth=READ, response={200: WholeDriftAlertOut}, summary="Look at a drift alert")
def get_drift_alert(request: ApiRequest, alert: Row) -> dict[str, Any]:
    """Return an alert, its evidence, and the checkpoints to go back to."""
    return whole_alert_answer(drift_alert_page(user=request.auth.user, alert_pk=alert))


@router.post(
    f"{ALERT}/acknowledge",
    auth=OPERATE,
    response={200: DriftAlertOut},
    summary="Acknowledge a drift alert",
)
def acknowledge_drift_alert(request: ApiRequest, alert: Row) -> dict[str, Any]:
    """Say that somebody knows of it: it calls nobody any more."""
    user = request.auth.user
    return alert_answer(drift.acknowledge(user=user, alert_pk=alert, now=timezone.now()))


@router.post(
    f"{ALERT}/snooze", auth=OPERATE, response={200: DriftAlertOut}, summary="Put an alert off"
)
def snooze_drift_alert(request: ApiRequest, alert: Row, wanted: SnoozeIn) -> dict[str, Any]:
    """Put it off: it opens again then, unless it has ended by itself."""
    user = request.auth.user
    found = drift.snooze(user=user, alert_pk=alert, until=wanted.until, now=timezone.now())
    return alert_answer(found)


@router.post(
    f"{ALERT}/resolve", auth=OPERATE, response={200: DriftAlertOut}, summary="Resolve an alert"
)
def resolve_drift_alert(request: ApiRequest, alert: Row, wanted: DriftEndIn) -> dict[str, Any]:
    """End it: it was seen to. What comes after is a new alert."""
    user = request.auth.user
    found = drift.resolve(user=user, alert_pk=alert, reason=wanted.reason, now=timezone.now())
    return alert_answer(found)


@router.post(
    f"{ALERT}/not-drift", auth=OPERATE, response={200: DriftAlertOut}, summary="Say it is no drift"
)
def not_drift(request: ApiRequest, alert: Row, wanted: DriftEndIn) -> dict[str, Any]:
    """End it as no drift: its detector takes what the metrics show now as normal."""
    user = request.auth.user
    found = drift.not_drift(user=user, alert_pk=alert, reason=wanted.reason, now=timezone.now())
    return alert_answer(found)


@router.get(
    f"{ALERT}/series",
    auth=READ,
    response={200: MetricSeriesOut},
    summary="Read a metric of an alert",
)
def get_alert_series(
    request: ApiRequest, alert: Row, metric: Text, step_name: Text = ""
) -> dict[str, Any]:
    """Return a metric around an alert in at most 2,000 buckets; ``errors`` is the error rate."""
    user = request.auth.user
    return asdict(drift_series(user=user, alert_pk=alert, metric=metric, step_name=step_name))


@router.get(
    f"{AGENT}/series",
    auth=READ,
    response={200: MetricSeriesOut},
    summary="Read a metric of an agent",
)
def get_agent_series(
    request: ApiRequest, agent: Row, metric: Text, step_name: Text = ""
) -> dict[str, Any]:
    """Return the last of a metric of an agent in at most 2,000 buckets, with its band now."""
    user = request.auth.user
    return asdict(drift_series(user=user, agent_pk=agent, metric=metric, step_name=step_name))


@router.get(
    f"{AGENT}/tuning", auth=READ, response={200: TuningOut}, summary="Show how an agent is watched"
)
def get_drift_tuning(request: ApiRequest, agent: Row) -> dict[str, Any]:
    """Return an agent's sensitivities, the metrics that are watched, and their bands."""
    return tuning_answer(tuning_page(user=request.auth.user, agent_pk=agent))


@router.put(
    f"{AGENT}/tuning", auth=OPERATE, response={200: TuningOut}, summary="Tune how it is watched"
)
def put_drift_tuning(request: ApiRequest, agent: Row, wanted: TuningIn) -> dict[str, Any]:
    """Watch an agent more or less closely; its detector learns anew from what is recorded."""
    user = request.auth.user
    drift.tune(user=user, agent_pk=agent, now=timezone.now(), **dict(wanted))
    return tuning_answer(tuning_page(user=user, agent_pk=agent))


@router.post(
    f"{AGENT}/replay", auth=READ, response={200: ReplayOut}, summary="Try other sensitivities"
)
def replay_drift(request: ApiRequest, agent: Row, wanted: ReplayIn) -> dict[str, Any]:
    """Return the alerts that there would have been in what is recorded; nothing is changed."""
    return replay_answer(drift.replay(user=request.auth.user, agent_pk=agent, **dict(wanted)))
