"""All that is wrong in a source."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from dashboard.requests import PageRequest
from dashboard.selectors.findings import findings_page


def findings(request: PageRequest, source_id: int) -> HttpResponse:
    """Show a source's findings, of one ``kind`` or all, those that are ``gone`` or not.

    For htmx the next rows alone.
    """
    query = request.GET
    page = findings_page(
        user=request.user,
        source_pk=source_id,
        kind=query.get("kind", "")[:60],
        gone=query.get("gone") == "yes",
        after=query.get("after", ""),
    )
    template = "sources/_finding_rows.html" if request.htmx else "sources/findings.html"
    return render(request, template, {"page": page, "section": "sources"})
