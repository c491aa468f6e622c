"""Drift: its alerts, one of them with its charts, and how closely an agent is watched."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.drift_forms import STEPS, EndForm, SnoozeForm, TuningForm, own_sensitivities
from dashboard.requests import PageRequest
from dashboard.selectors.drift import STATES, drift_alert_page, drift_page
from dashboard.selectors.drift_tuning import tuning_page
from dashboard.services import drift as service
from dashboard.services.drift import DriftRefused, Replay
from dashboard.views.drift_charts import chart
from dashboard.views.queries import number

SECTION = "drift"
NO_LENGTH = "An alert is put off for a time such as 1h, 8h or 2d; nothing was changed."
NO_REASON = "Say why in 1 to 1000 characters; nothing was changed."
UNUSABLE = "A sensitivity is a number from 0 (finds little) to 1 (finds most); nothing was changed."


def alerts(request: PageRequest) -> HttpResponse:
    """Show the alerts, the newest first; for htmx the next rows alone."""
    query = request.GET
    page = drift_page(
        user=request.user,
        state=query.get("state", ""),
        agent=number(query, "agent"),
        after=query.get("after", ""),
    )
    template = "drift/_rows.html" if request.htmx else "drift/drift.html"
    return render(request, template, {"page": page, "states": STATES, "section": SECTION})


def alert(request: PageRequest, drift_id: int) -> HttpResponse:
    """Show one alert: what was measured, since when, and where to go back to."""
    return _alert(request, drift_id)


@require_POST
def acknowledge(request: PageRequest, drift_id: int) -> HttpResponse:
    """Note that somebody knows of an alert."""
    return _done(
        request,
        drift_id,
        lambda: service.acknowledge(user=request.user, alert_pk=drift_id, now=timezone.now()),
        "Acknowledged. It ends by itself once its metrics are back to normal for a while.",
    )


@require_POST
def snooze(request: PageRequest, drift_id: int) -> HttpResponse:
    """Put an alert off."""
    form, now = SnoozeForm(request.POST), timezone.now()
    if not form.is_valid():
        return _alert(request, drift_id, refusal=NO_LENGTH)
    until = now + form.cleaned_data["length"]
    return _done(
        request,
        drift_id,
        lambda: service.snooze(user=request.user, alert_pk=drift_id, until=until, now=now),
        "Snoozed. It opens again then, if it has not ended by itself.",
    )


@require_POST
def resolve(request: PageRequest, drift_id: int) -> HttpResponse:
    """End an alert that was seen to."""
    return _end(request, drift_id, service.resolve, "Resolved.")


@require_POST
def not_drift(request: PageRequest, drift_id: int) -> HttpResponse:
    """End an alert that is none; the detector learns it."""
    said = "Noted. What its metrics show now counts as normal from here on."
    return _end(request, drift_id, service.not_drift, said)


@require_http_methods(["GET", "HEAD", "POST"])
def tuning(request: PageRequest, agent_id: int) -> HttpResponse:
    """Show how closely an agent is watched; a POST changes it, or tries it on what is recorded."""
    if request.method != "POST":
        return _tuning(request, agent_id)
    form = TuningForm(request.POST)
    try:
        own = own_sensitivities(request.POST)
    except ValueError:
        return _tuning(request, agent_id, refusal=UNUSABLE)
    if not form.is_valid():
        return _tuning(request, agent_id, refusal=UNUSABLE)
    if "try" in request.POST:
        return _try(request, agent_id, form.cleaned_data, own)
    try:
        service.tune(
            user=request.user,
            agent_pk=agent_id,
            sensitivities=own,
            now=timezone.now(),
            **form.cleaned_data,
        )
    except DriftRefused as error:
        return _tuning(request, agent_id, refusal=str(error))
    messages.success(request, "Changed. What is recorded is looked at anew with it.")
    return redirect("drift-tuning", agent_id)


@require_POST
def states(request: PageRequest, agent_id: int) -> HttpResponse:
    """Ask for the numbers in an agent's older states."""
    try:
        service.begin_backfill(user=request.user, agent_pk=agent_id, now=timezone.now())
    except DriftRefused as error:
        return _tuning(request, agent_id, refusal=str(error))
    messages.success(request, "Its states are read now, the newest first.")
    return redirect("drift-tuning", agent_id)


def _try(
    request: PageRequest, agent_id: int, asked: dict[str, Any], own: dict[str, float]
) -> HttpResponse:
    sensitivity = asked["sensitivity"]
    try:
        tried = service.replay(
            user=request.user, agent_pk=agent_id, sensitivity=sensitivity, sensitivities=own
        )
    except DriftRefused as error:
        return _tuning(request, agent_id, refusal=str(error))
    return _tuning(request, agent_id, tried=tried, asked=asked, own=own)


def _end(
    request: PageRequest, drift_id: int, end: Callable[..., object], said: str
) -> HttpResponse:
    form = EndForm(request.POST)
    if not form.is_valid():
        return _alert(request, drift_id, refusal=NO_REASON)
    reason = form.cleaned_data["reason"]
    return _done(
        request,
        drift_id,
        lambda: end(user=request.user, alert_pk=drift_id, reason=reason, now=timezone.now()),
        said,
    )


def _done(
    request: PageRequest, drift_id: int, act: Callable[[], object], said: str
) -> HttpResponse:
    try:
        act()
    except DriftRefused as error:
        return _alert(request, drift_id, refusal=str(error))
    messages.success(request, said)
    return redirect("drift-alert", drift_id)


def _alert(request: PageRequest, drift_id: int, *, refusal: str = "") -> HttpResponse:
    page = drift_alert_page(user=request.user, alert_pk=drift_id)
    context = {
        "page": page,
        "charts": [drawn for one in page.charts if (drawn := chart(one)) is not None],
        "refusal": refusal,
        "section": SECTION,
    }
    status = HTTPStatus.CONFLICT if refusal else HTTPStatus.OK
    return render(request, "drift/alert.html", context, status=status)


def _tuning(
    request: PageRequest,
    agent_id: int,
    *,
    tried: Replay | None = None,
    asked: dict[str, Any] | None = None,
    own: dict[str, float] | None = None,
    refusal: str = "",
) -> HttpResponse:
    page = tuning_page(user=request.user, agent_pk=agent_id)
    chosen = asked or {"sensitivity": page.watch.sensitivity, "enabled": page.watch.enabled}
    context = {
        "page": page,
        "tried": tried,
        "chosen": chosen,
        "own": page.watch.sensitivities if own is None else own,
        "steps": STEPS,
        "refusal": refusal,
        "section": SECTION,
    }
    status = HTTPStatus.CONFLICT if refusal else HTTPStatus.OK
    return render(request, "drift/tuning.html", context, status=status)
