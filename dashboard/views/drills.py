"""Drills: what is proven, one drill, and what can be asked for."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from dashboard.drill_forms import DrillScheduleForm, objective_of
from dashboard.requests import PageRequest
from dashboard.selectors.drills import drill_page, drills_page
from dashboard.selectors.retention import Target, find_target
from dashboard.services import drills as service
from dashboard.services.drills import DrillRefused, Wanted
from dashboard.views.queries import number

SECTION = "drills"
UNUSABLE = (
    "A drill runs every hour or more seldom and takes 1 to 50 checkpoints of each agent; nothing "
    "was changed."
)


def drills(request: PageRequest) -> HttpResponse:
    """Show what is proven, agent by agent; for htmx the next rows alone."""
    query = request.GET
    page = drills_page(
        user=request.user, state=query.get("state", ""), after=query.get("after", "")
    )
    template = "drills/_rows.html" if request.htmx else "drills/drills.html"
    return render(request, template, {"page": page, "section": SECTION})


def drill(request: PageRequest, drill_id: int) -> HttpResponse:
    """Show one drill; for htmx its next results alone."""
    after = request.GET.get("after", "")
    page = drill_page(user=request.user, drill_pk=drill_id, after=after)
    template = "drills/_results.html" if request.htmx and after else "drills/drill.html"
    return render(request, template, {"page": page, "section": SECTION})


@require_POST
def rehearse(request: PageRequest) -> HttpResponse:
    """Drill a source, or one agent, at once."""
    try:
        begun = service.rehearse_now(
            user=request.user,
            source_pk=number(request.POST, "source"),
            agent_pk=number(request.POST, "agent"),
            now=timezone.now(),
        )
    except DrillRefused as error:
        messages.error(request, str(error))
        return redirect("drills")
    messages.success(request, "A drill was begun. It only reads the store.")
    return redirect("drill", begun.pk)


@require_POST
def schedule(request: PageRequest, source_id: int) -> HttpResponse:
    """Let a source be drilled at other times."""
    form = DrillScheduleForm(request.POST)
    if not form.is_valid():
        return _refused(request, DrillRefused(UNUSABLE))
    wanted = Wanted(**form.cleaned_data)
    try:
        service.change_schedule(
            user=request.user, source_pk=source_id, wanted=wanted, now=timezone.now()
        )
    except DrillRefused as error:
        return _refused(request, error)
    messages.success(request, "The schedule was changed.")
    return redirect("drills")


@require_POST
def objective(request: PageRequest, level: str, target_id: int) -> HttpResponse:
    """Set an objective; an empty one goes back to what applies further out."""
    target = find_target(user=request.user, level=level, pk=target_id)
    text = request.POST.get("minutes", "").strip()
    try:
        if text:
            _set(request, target, text)
        else:
            service.remove_objective(user=request.user, target=target, now=timezone.now())
    except DrillRefused as error:
        return _refused(request, error)
    messages.success(request, f"The objective of {target.words} was changed.")
    return redirect("drills")


@require_POST
def acknowledge(request: PageRequest, alert_id: int) -> HttpResponse:
    """Note that somebody knows of an alert."""
    service.acknowledge(user=request.user, alert_pk=alert_id, now=timezone.now())
    messages.success(request, "Acknowledged. It ends by itself once the cause is gone.")
    return redirect("overview")


def _set(request: PageRequest, target: Target, text: str) -> None:
    try:
        minutes = objective_of(text)
    except ValueError as error:
        raise DrillRefused(f"This objective cannot be read: {error}.") from error
    service.set_objective(user=request.user, target=target, minutes=minutes, now=timezone.now())


def _refused(request: PageRequest, error: DrillRefused) -> HttpResponse:
    messages.error(request, str(error))
    page = drills_page(user=request.user)
    context = {"page": page, "section": SECTION}
    return render(request, "drills/drills.html", context, status=HTTPStatus.CONFLICT)
