"""Operations: the list, one of them, and what can be done about it."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from dashboard.forms import UndoForm
from dashboard.requests import PageRequest
from dashboard.selectors.operations import operation_page, operations_page
from dashboard.services import operations as service
from dashboard.services.operations import OperationRefused


def operations(request: PageRequest) -> HttpResponse:
    """Show all operations; for htmx the next rows alone."""
    page = operations_page(
        user=request.user, state=request.GET.get("state", ""), after=request.GET.get("after", "")
    )
    template = "operations/_rows.html" if request.htmx else "operations/operations.html"
    return render(request, template, {"page": page, "section": "operations"})


def operation(request: PageRequest, operation_id: UUID) -> HttpResponse:
    """Show one operation."""
    return _page(request, operation_id, UndoForm())


def status(request: PageRequest, operation_id: UUID) -> HttpResponse:
    """Show how far it is; the part asks again by itself until it has ended."""
    page = operation_page(user=request.user, operation_id=operation_id)
    return render(request, "operations/_status.html", {"page": page, "undo_form": UndoForm()})


@require_POST
def undo(request: PageRequest, operation_id: UUID) -> HttpResponse:
    """Ask for the head before this operation to be restored."""
    operation_page(user=request.user, operation_id=operation_id)
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
    operation_page(user=request.user, operation_id=operation_id)
    try:
        service.cancel(user=request.user, operation_id=operation_id, now=timezone.now())
    except OperationRefused as error:
        messages.error(request, str(error))
    return redirect("operation", operation_id)


@require_POST
def retry(request: PageRequest, operation_id: UUID) -> HttpResponse:
    """Let what failed go on."""
    operation_page(user=request.user, operation_id=operation_id)
    try:
        service.retry(user=request.user, operation_id=operation_id, now=timezone.now())
    except OperationRefused as error:
        messages.error(request, str(error))
    return redirect("operation", operation_id)


def _page(
    request: PageRequest, operation_id: UUID, form: UndoForm, status: int = HTTPStatus.OK
) -> HttpResponse:
    page = operation_page(user=request.user, operation_id=operation_id)
    context = {"page": page, "undo_form": form, "section": "operations"}
    return render(request, "operations/operation.html", context, status=status)
