"""The restore page: what it would do, and the confirmation; or a directive for the agent."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.forms import DirectiveForm, RestoreForm, new_key
from dashboard.requests import PageRequest
from dashboard.selectors.checkpoints import find_checkpoint
from dashboard.selectors.reports import effects_since, find_directive
from dashboard.selectors.restorability import why_not_direct
from dashboard.services import operations, reports
from dashboard.services.operations import OperationRefused, PlanStale
from dashboard.services.operations.impacts import impact_of_restore
from dashboard.services.reports import DirectiveRefused

LONGEST_REASON = 1_000


@require_http_methods(["GET", "HEAD", "POST"])
def restore(request: PageRequest, checkpoint_id: int) -> HttpResponse:
    """Preview a restore; a POST asks for what was seen."""
    find_checkpoint(user=request.user, checkpoint_pk=checkpoint_id)
    if request.method != "POST":
        return _preview(request, checkpoint_id, RestoreForm(initial=_because(request)))
    form = RestoreForm(request.POST)
    if not form.is_valid():
        return _preview(request, checkpoint_id, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return _ask(request, checkpoint_id, form)


def impact(request: PageRequest, checkpoint_id: int) -> HttpResponse:
    """Tell what a restore would mean; the restore's own page asks for it by itself."""
    find_checkpoint(user=request.user, checkpoint_pk=checkpoint_id)
    found = impact_of_restore(user=request.user, checkpoint_pk=checkpoint_id, now=timezone.now())
    effects = effects_since(user=request.user, checkpoint=found.checkpoint)
    context = {"found": found, "effects": effects, "section": "agents"}
    template = "restores/_impact.html" if request.htmx else "restores/impact.html"
    return render(request, template, context)


@require_POST
def leave_directive(request: PageRequest, checkpoint_id: int) -> HttpResponse:
    """Leave the agent of a store that is not opened here the directive to restore."""
    row = find_checkpoint(user=request.user, checkpoint_pk=checkpoint_id)
    form = DirectiveForm(request.POST)
    if not form.is_valid():
        return _preview(request, checkpoint_id, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        reports.leave_restore(
            user=request.user, checkpoint_pk=checkpoint_id, now=timezone.now(), **form.cleaned_data
        )
    except DirectiveRefused as error:
        form.add_error(None, str(error))
        return _preview(request, checkpoint_id, form, status=HTTPStatus.CONFLICT)
    return redirect("agent-by-id", row.thread.agent_id)


@require_POST
def cancel_directive(request: PageRequest, directive_id: UUID) -> HttpResponse:
    """Take a directive back."""
    found = find_directive(user=request.user, directive_id=directive_id)
    try:
        reports.cancel_directive(user=request.user, directive_id=directive_id, now=timezone.now())
    except DirectiveRefused as error:
        messages.error(request, str(error))
    return redirect("agent-by-id", found.thread.agent_id)


def _ask(request: PageRequest, checkpoint_id: int, form: RestoreForm) -> HttpResponse:
    try:
        operation = operations.request_restore(
            user=request.user, checkpoint_pk=checkpoint_id, now=timezone.now(), **form.cleaned_data
        )
    except OperationRefused as error:
        return _preview(request, checkpoint_id, form, error, status=HTTPStatus.CONFLICT)
    return redirect("operation", operation.pk)


def _because(request: PageRequest) -> dict[str, str]:
    """Return the reason that the page which led here would give, for the person to read."""
    reason = request.GET.get("reason", "")[:LONGEST_REASON]
    return {"reason": reason} if reason else {}


def _moved(error: OperationRefused | None) -> bool:
    return isinstance(error, PlanStale) and error.expected != error.actual


def _preview(
    request: PageRequest,
    checkpoint_id: int,
    form: RestoreForm | DirectiveForm,
    error: OperationRefused | None = None,
    *,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    """Show the plan for the store as it is now; a request that was refused keeps its reason."""
    preview = operations.preview_restore(
        user=request.user, checkpoint_pk=checkpoint_id, now=timezone.now()
    )
    row = preview.checkpoint
    context = {
        "preview": preview,
        "effects": effects_since(user=request.user, checkpoint=row),
        "directive_refused": why_not_direct(row, is_head=row.thread.head_id == row.pk),
        "form": form,
        "idempotency_key": new_key(),
        "section": "agents",
        "refusal": str(error) if error else "",
        "moved": error if _moved(error) else None,
    }
    return render(request, "restores/restore.html", context, status=status)
