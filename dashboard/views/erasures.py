"""The erase page: whose checkpoints go for good, previewed before anything is asked for."""

from __future__ import annotations

import shlex
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from dashboard import access
from dashboard.forms import EraseForm
from dashboard.requests import PageRequest
from dashboard.selectors.restorability import why_source_cannot
from dashboard.selectors.rights import why_not
from dashboard.selectors.sources import source_row
from dashboard.services import operations
from dashboard.services.operations import OperationRefused

SCOPES = ("run_id", "user_id", "thread_id")


@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: PageRequest, source_id: int) -> HttpResponse:
    """Ask whose; a POST makes the preview. The address may name it: ``?run_id=…``."""
    source_row(user=request.user, source_pk=source_id)
    if request.method != "POST":
        return _page(request, source_id, EraseForm(initial=_named(request)))
    form = EraseForm(request.POST)
    if not form.is_valid():
        return _page(request, source_id, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        draft = _draft(request, source_id, form.cleaned_data)
    except OperationRefused as error:
        form.add_error(None, str(error))
        return _page(request, source_id, form, status=HTTPStatus.CONFLICT)
    return redirect("operation", draft.pk)


def _draft(request: PageRequest, source_id: int, values: dict[str, str]) -> Any:
    scope = {values["what"]: values["value"].strip()}
    if values["agent_id"]:
        scope["agent_id"] = values["agent_id"]
    return operations.draft_erase(
        user=request.user,
        source=source_row(user=request.user, source_pk=source_id).source,
        idempotency_key=values["idempotency_key"],
        now=timezone.now(),
        **scope,
    )


def _named(request: PageRequest) -> dict[str, str]:
    query = request.GET
    what = next((name for name in SCOPES if query.get(name)), "run_id")
    return {
        "what": what,
        "value": query.get(what, ""),
        "agent_id": query.get("agent_id", ""),
    }


def _page(
    request: PageRequest, source_id: int, form: EraseForm, *, status: int = HTTPStatus.OK
) -> HttpResponse:
    source = source_row(user=request.user, source_pk=source_id).source
    context = {
        "source": source,
        "form": form,
        "refused": why_source_cannot(source, "erase")
        or why_not(request.user, "admin", source.project),
        "login_is_recent": access.recent_login(request.user, timezone.now()),
        "cli": shlex.join(["holdfast", "erase", source.url, "--run", "RUN", "--reason", "WHY"]),
        "section": "sources",
    }
    return render(request, "erasures/erase.html", context, status=status)
