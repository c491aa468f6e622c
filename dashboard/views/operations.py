"""Operations: the list, one of them from its draft to its end, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

import checkpoints
from dashboard.forms import ConfirmForm, UndoForm
from dashboard.requests import PageRequest
from dashboard.selectors.errors import NotFound
from dashboard.selectors.findings import groups_told
from dashboard.selectors.operations import (
    OperationFilter,
    OperationPage,
    operation_page,
    operation_status,
    operation_steps,
    operations_page,
)
from dashboard.services import operations as service
from dashboard.services import states
from dashboard.services.operations import OperationRefused
from dashboard.services.operations.commands import command_of, next_command
from dashboard.services.operations.offers import offers_of
from dashboard.views.differences import grouped
from dashboard.views.endings import ending_of
from dashboard.views.plans import shown_plan
from dashboard.views.queries import number

ENDED = "holdfast:ended"
"""Tells the page that an operation has come to its end, so that its other parts are read anew."""
DRAFT = "draft"


def operations(request: PageRequest) -> HttpResponse:
    """Show all operations; for htmx the next rows alone."""
    query = request.GET
    page = operations_page(
        user=request.user,
        wanted=OperationFilter(state=query.get("state", ""), kind=query.get("kind", "")),
        after=query.get("after", ""),
    )
    template = "operations/_rows.html" if request.htmx else "operations/operations.html"
    return render(request, template, {"page": page, "section": "operations"})


def operation(request: PageRequest, operation_id: UUID) -> HttpResponse:
    """Show one operation: as a draft what it would do, afterwards how it goes."""
    return _page(request, operation_id)


def status(request: PageRequest, operation_id: UUID) -> HttpResponse:
    """Show how far it is; the part asks again by itself until it has ended."""
    page = operation_status(user=request.user, operation_id=operation_id)
    answer = render(request, "operations/_status.html", _status_context(request, page))
    if not page.is_open:
        answer.headers["HX-Trigger-After-Swap"] = ENDED
    return answer


def steps(request: PageRequest, operation_id: UUID) -> HttpResponse:
    """Show the next of its steps."""
    after = number(request.GET, "after") or 0
    found = operation_steps(user=request.user, operation_id=operation_id, after=after)
    context = {"steps": found, "operation_id": operation_id}
    return render(request, "operations/_steps.html", context)


def stayed(request: PageRequest, operation_id: UUID) -> HttpResponse:
    """Show the next of the checkpoints that did not go, with the reason."""
    page = operation_status(user=request.user, operation_id=operation_id)
    ending = ending_of(page.operation, after=number(request.GET, "after") or 0)
    context = {"ending": ending, "operation": page.operation}
    return render(request, "operations/_stayed.html", context)


def changes(request: PageRequest, operation_id: UUID) -> HttpResponse:
    """Show what the edits of a fork change in its state."""
    page = operation_page(user=request.user, operation_id=operation_id)
    context: dict[str, Any] = {"operation": page.operation, "section": "operations"}
    try:
        plan = shown_plan(page.operation).plan
        edits = getattr(plan, "edits", ())
        if page.target is None or not edits:
            raise NotFound("This operation edits no state.")
        context["plan"] = plan
        found = states.edited_changes(user=request.user, checkpoint_pk=page.target.pk, edits=edits)
        context["groups"] = grouped(found)
    except (OperationRefused, checkpoints.CheckpointError) as error:
        context["problem"] = {"title": "The change cannot be shown.", "message": str(error)}
    template = "operations/_changes.html" if request.htmx else "operations/changes.html"
    return render(request, template, context)


def receipt(request: PageRequest, operation_id: UUID) -> HttpResponse:
    """Hand out the receipt of an erasure as a file. Raises NotFound where there is none."""
    found = operation_status(user=request.user, operation_id=operation_id).operation
    written = found.result.get("receipt")
    if written is None:
        raise NotFound("This operation has no receipt: only an erasure that has ended has one.")
    name = f'attachment; filename="receipt-{found.pk}.json"'
    return JsonResponse(
        written, headers={"Content-Disposition": name}, json_dumps_params={"indent": 2}
    )


@require_POST
def confirm(request: PageRequest, operation_id: UUID) -> HttpResponse:
    """Ask for what a draft showed."""
    operation_status(user=request.user, operation_id=operation_id)
    form = ConfirmForm(request.POST)
    if not form.is_valid():
        return _page(request, operation_id, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        service.confirm(
            user=request.user,
            operation_id=operation_id,
            now=timezone.now(),
            **form.cleaned_data,
        )
    except OperationRefused as error:
        form.add_error(None, str(error))
        return _page(request, operation_id, form, HTTPStatus.CONFLICT)
    return redirect("operation", operation_id)


@require_POST
def approve(request: PageRequest, operation_id: UUID) -> HttpResponse:
    """Let run what somebody else asked for."""
    plan_hash = request.POST.get("plan_hash", "")

    def act(**who: Any) -> None:
        service.approve(plan_hash=plan_hash, **who)

    return _do(request, operation_id, act)


@require_POST
def undo(request: PageRequest, operation_id: UUID) -> HttpResponse:
    """Ask for what an operation did to be taken back."""
    operation_status(user=request.user, operation_id=operation_id)
    form = UndoForm(request.POST)
    if not form.is_valid():
        return _page(request, operation_id, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        asked = service.request_undo(
            user=request.user,
            operation_id=operation_id,
            reason=form.cleaned_data["reason"],
            idempotency_key=form.cleaned_data["idempotency_key"],
            now=timezone.now(),
        )
    except OperationRefused as error:
        form.add_error(None, str(error))
        return _page(request, operation_id, form, HTTPStatus.CONFLICT)
    return redirect("operation", asked.pk)


@require_POST
def cancel(request: PageRequest, operation_id: UUID) -> HttpResponse:
    """Cancel what waits, ask what runs to stop."""
    return _do(request, operation_id, service.cancel)


@require_POST
def retry(request: PageRequest, operation_id: UUID) -> HttpResponse:
    """Let what failed go on."""
    return _do(request, operation_id, service.retry)


@require_POST
def acknowledge(request: PageRequest, operation_id: UUID) -> HttpResponse:
    """Note that somebody has seen what it came to."""
    return _do(request, operation_id, service.acknowledge)


def _do(request: PageRequest, operation_id: UUID, act: Callable[..., object]) -> HttpResponse:
    """Act, say why not where it is refused, and show the operation."""
    operation_status(user=request.user, operation_id=operation_id)
    try:
        act(user=request.user, operation_id=operation_id, now=timezone.now())
    except OperationRefused as error:
        messages.error(request, str(error))
    return redirect("operation", operation_id)


def _page(
    request: PageRequest,
    operation_id: UUID,
    form: ConfirmForm | UndoForm | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    page = operation_page(user=request.user, operation_id=operation_id)
    context = {
        **_status_context(request, page.status, form),
        "details": page,
        "found": groups_told(page.operation) if page.operation.finished_at else (),
        **_plan_context(page),
        "section": "operations",
    }
    context["next_cli"] = next_command(page.operation, context["offers"])
    name = "draft" if page.operation.state == DRAFT else "operation"
    return render(request, f"operations/{name}.html", context, status=status)


def _status_context(
    request: PageRequest, page: Any, form: ConfirmForm | UndoForm | None = None
) -> dict[str, Any]:
    operation = page.operation
    return {
        "page": page,
        "operation": operation,
        "offers": offers_of(user=request.user, operation=operation, now=timezone.now()),
        "ending": ending_of(operation) if operation.finished_at else None,
        "undo_form": form if isinstance(form, UndoForm) else UndoForm(),
        "form": form or ConfirmForm(),
    }


def _plan_context(page: OperationPage) -> dict[str, Any]:
    """Return the plan and its command, or why it cannot be shown."""
    try:
        return {
            "shown": shown_plan(page.operation),
            "cli": command_of(page.operation),
        }
    except OperationRefused as error:
        return {"plan_refused": str(error)}
