"""Storage: what is stored where, what lies in the trash, and what a prune would take in full."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from dashboard.forms import new_key
from dashboard.requests import PageRequest
from dashboard.selectors.plan_entries import GOES, entries_page
from dashboard.selectors.storage import storage_page, trash_page
from dashboard.views.queries import number

SECTION = "storage"


def storage(request: PageRequest) -> HttpResponse:
    """Show what each source holds, and what of it waits in the trash."""
    context = {
        "page": storage_page(user=request.user),
        "idempotency_key": new_key(),
        "section": SECTION,
    }
    return render(request, "storage/storage.html", context)


def trash(request: PageRequest) -> HttpResponse:
    """Show what was pruned and can be brought back; for htmx the next rows alone."""
    page = trash_page(
        user=request.user,
        source_id=number(request.GET, "source"),
        after=request.GET.get("after", ""),
    )
    template = "storage/_trash_rows.html" if request.htmx else "storage/trash.html"
    context = {"page": page, "idempotency_key": new_key(), "section": SECTION}
    return render(request, template, context)


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
