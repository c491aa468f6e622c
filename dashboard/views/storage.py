"""Storage: how it grows and by what, what lies in the trash, and what a prune would take."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from dashboard import quantities
from dashboard.forms import new_key
from dashboard.requests import PageRequest
from dashboard.selectors.plan_entries import GOES, entries_page
from dashboard.selectors.retention import find_target
from dashboard.selectors.storage import storage_page, trash_page
from dashboard.services.storage import QuotaRefused, remove_quota, set_quota
from dashboard.views.growth import asked, context
from dashboard.views.queries import number

SECTION = "storage"


def storage(request: PageRequest) -> HttpResponse:
    """Show how what is stored grows, what takes the space, and what each source holds."""
    want = asked(request)
    values = {
        **context(want),
        "page": storage_page(user=request.user),
        "idempotency_key": new_key(),
        "section": SECTION,
    }
    return render(request, "storage/storage.html", values)


def trash(request: PageRequest) -> HttpResponse:
    """Show what was pruned and can be brought back; for htmx the next rows alone."""
    page = trash_page(
        user=request.user,
        source_id=number(request.GET, "source"),
        after=request.GET.get("after", ""),
    )
    template = "storage/_trash_rows.html" if request.htmx else "storage/trash.html"
    values = {"page": page, "idempotency_key": new_key(), "section": SECTION}
    return render(request, template, values)


@require_POST
def quota(request: PageRequest, level: str, target_id: int) -> HttpResponse:
    """Set how much a source or a project is meant to take at most; an empty one takes it away."""
    target = find_target(user=request.user, level=level, pk=target_id)
    text = request.POST.get("size", "").strip()
    back = reverse("storage") + (f"?source={target_id}" if level == "source" else "")
    order: dict[str, Any] = {"user": request.user, "target": target, "now": timezone.now()}
    try:
        if not text:
            remove_quota(**order)
            messages.success(request, f"The quota of the {target.words} was taken away.")
        else:
            set_quota(**order, size=quantities.size(text))
            messages.success(request, f"The quota of the {target.words} is {text} now.")
    except (ValueError, QuotaRefused) as error:
        messages.error(request, f"No quota was set: {error}")
    return redirect(back)


def plan(request: PageRequest, operation_id: UUID) -> HttpResponse:
    """Show each checkpoint of a prune's plan with its reason; for htmx the next entries alone."""
    query = request.GET
    page = entries_page(
        user=request.user,
        operation_id=operation_id,
        show=query.get("show", GOES),
        thread=number(query, "thread"),
        after=number(query, "after") or 0,
    )
    template = "storage/_entries.html" if request.htmx else "storage/plan.html"
    return render(request, template, {"page": page, "section": "operations"})
