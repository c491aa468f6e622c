"""Schedules: the list, one of them with its runs, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.requests import PageRequest
from dashboard.retention_forms import ScheduleForm, schedule_values
from dashboard.selectors.retention import find_target
from dashboard.selectors.schedules import schedule_page, schedules_of
from dashboard.selectors.storage import storage_page
from dashboard.services import retention
from dashboard.services.retention import RetentionRefused, Wanted

SECTION = "storage"


def schedules(request: PageRequest) -> HttpResponse:
    """Show all schedules with what their last runs came to."""
    context = {
        "rows": schedules_of(user=request.user),
        "storage": storage_page(user=request.user),
        "section": SECTION,
    }
    return render(request, "policies/schedules.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: PageRequest, level: str, target_id: int) -> HttpResponse:
    """Ask how a new schedule is to run; a POST adds it."""
    target = find_target(user=request.user, level=level, pk=target_id)
    form = ScheduleForm(request.POST if request.method == "POST" else None)
    status = HTTPStatus.OK
    if request.method == "POST":
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if form.is_valid():
            try:
                schedule = retention.add_schedule(
                    user=request.user,
                    target=target,
                    wanted=Wanted(**form.wanted),
                    now=timezone.now(),
                )
            except RetentionRefused as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, f"{schedule.name} runs {schedule.rhythm}.")
                return redirect("schedule", schedule.pk)
    context = {"target": target, "form": form, "section": SECTION}
    return render(request, "policies/schedule_add.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def schedule(request: PageRequest, schedule_id: int) -> HttpResponse:
    """Show a schedule and its runs; a POST changes it."""
    page = schedule_page(user=request.user, schedule_pk=schedule_id)
    if request.method != "POST":
        return _page(request, schedule_id, ScheduleForm(initial=schedule_values(page.row.schedule)))
    form = ScheduleForm(request.POST)
    if not form.is_valid():
        return _page(request, schedule_id, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        changed = retention.change_schedule(
            user=request.user,
            schedule_pk=schedule_id,
            wanted=Wanted(**form.wanted),
            now=timezone.now(),
        )
    except RetentionRefused as error:
        form.add_error(None, str(error))
        return _page(request, schedule_id, form, HTTPStatus.CONFLICT)
    messages.success(request, f"{changed.name} runs {changed.rhythm} from now on.")
    return redirect("schedule", schedule_id)


@require_POST
def pause(request: PageRequest, schedule_id: int) -> HttpResponse:
    """Let a schedule rest."""
    return _do(request, schedule_id, retention.pause, "It rests until it is resumed.")


@require_POST
def resume(request: PageRequest, schedule_id: int) -> HttpResponse:
    """Let a schedule run again."""
    return _do(request, schedule_id, retention.resume, "It runs again at its next time.")


@require_POST
def run(request: PageRequest, schedule_id: int) -> HttpResponse:
    """Let a schedule run at once."""
    return _do(request, schedule_id, retention.run_now, "A run was begun.")


@require_POST
def remove(request: PageRequest, schedule_id: int) -> HttpResponse:
    """Take a schedule away."""
    schedule_page(user=request.user, schedule_pk=schedule_id)
    name = retention.remove_schedule(user=request.user, schedule_pk=schedule_id, now=timezone.now())
    messages.success(request, f"{name} was removed. What it had asked for goes on.")
    return redirect("schedules")


def _do(
    request: PageRequest, schedule_id: int, act: Callable[..., object], done: str
) -> HttpResponse:
    """Act, say what came of it, and show the schedule."""
    try:
        act(user=request.user, schedule_pk=schedule_id, now=timezone.now())
    except RetentionRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return redirect("schedule", schedule_id)


def _page(
    request: PageRequest, schedule_id: int, form: ScheduleForm, status: int = HTTPStatus.OK
) -> HttpResponse:
    page = schedule_page(user=request.user, schedule_pk=schedule_id)
    context = {"page": page, "form": form, "section": SECTION}
    return render(request, "policies/schedule.html", context, status=status)
