"""The restore page: what it would do, and the confirmation."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from dashboard.forms import RestoreForm, new_key
from dashboard.requests import PageRequest
from dashboard.selectors.checkpoints import find_checkpoint
from dashboard.services import operations
from dashboard.services.operations import OperationRefused, PlanStale


@require_http_methods(["GET", "HEAD", "POST"])
def restore(request: PageRequest, checkpoint_id: int) -> HttpResponse:
    """Preview a restore; a POST asks for what was seen."""
    find_checkpoint(user=request.user, checkpoint_pk=checkpoint_id)
    if request.method != "POST":
        return _preview(request, checkpoint_id, RestoreForm())
    form = RestoreForm(request.POST)
    if not form.is_valid():
        return _preview(request, checkpoint_id, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return _ask(request, checkpoint_id, form)


def _ask(request: PageRequest, checkpoint_id: int, form: RestoreForm) -> HttpResponse:
    try:
        operation = operations.request_restore(
            user=request.user, checkpoint_pk=checkpoint_id, now=timezone.now(), **form.cleaned_data
        )
    except OperationRefused as error:
        return _preview(request, checkpoint_id, form, error, status=HTTPStatus.CONFLICT)
    return redirect("operation", operation.pk)


def _moved(error: OperationRefused | None) -> bool:
    return isinstance(error, PlanStale) and error.expected != error.actual


def _preview(
    request: PageRequest,
    checkpoint_id: int,
    form: RestoreForm,
    error: OperationRefused | None = None,
    *,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    """Show the plan for the store as it is now; a request that was refused keeps its reason."""
    context = {
        "preview": operations.preview_restore(
            user=request.user, checkpoint_pk=checkpoint_id, now=timezone.now()
        ),
        "form": form,
        "idempotency_key": new_key(),
        "section": "agents",
        "refusal": str(error) if error else "",
        "moved": error if _moved(error) else None,
    }
    return render(request, "restores/restore.html", context, status=status)
