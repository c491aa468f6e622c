"""Reading a source through, from its button on the list of sources."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from dashboard.forms import new_key
from dashboard.requests import PageRequest
from dashboard.selectors.sources import source_row
from dashboard.services import operations
from dashboard.services.operations import OperationRefused


@require_POST
def verify(request: PageRequest, source_id: int) -> HttpResponse:
    """Preview a verification: of every record, or with ``deep`` of every state too."""
    source = source_row(user=request.user, source_pk=source_id).source
    try:
        draft = operations.draft_verify(
            user=request.user,
            source=source,
            deep="deep" in request.POST,
            idempotency_key=request.POST.get("idempotency_key") or new_key(),
            now=timezone.now(),
        )
    except OperationRefused as error:
        messages.error(request, str(error))
        return redirect("sources")
    return redirect("operation", draft.pk)
