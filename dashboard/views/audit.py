"""The audit log: who did what, whether the log holds, and the log as a file."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import cast

from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_safe

from dashboard.requests import PageRequest
from dashboard.selectors.audit import AuditFilter, audit_links, audit_page
from dashboard.services import audit as service
from dashboard.views.queries import BadQuery, number

TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


@require_safe
def audit(request: PageRequest) -> HttpResponse:
    """Show events; for htmx the next rows alone."""
    page = audit_page(
        user=request.user, wanted=_filter(request.GET), after=request.GET.get("after", "")
    )
    template = "audit/_rows.html" if request.htmx else "audit/audit.html"
    return render(request, template, {"page": page, "section": "audit"})


@require_safe
def check(request: PageRequest) -> HttpResponse:
    """Check the whole log and show what was found; nothing is changed."""
    found = service.check(user=request.user, now=timezone.now())
    template = "audit/_check.html" if request.htmx else "audit/check.html"
    return render(request, template, {"found": found, "section": "audit"})


@require_safe
def export(request: PageRequest, form: str) -> StreamingHttpResponse:
    """Hand out the events of a page's filter as a file that is checked by itself."""
    if form not in TYPES:
        raise BadQuery("The log is exported as jsonl or csv; open the audit page.")
    links = audit_links(user=request.user, wanted=_filter(request.GET))
    name = f'attachment; filename="holdfast-audit.{form}"'
    return StreamingHttpResponse(
        service.lines(links, cast("service.Format", form)),
        content_type=TYPES[form],
        headers={"Content-Disposition": name},
    )


def _filter(query: QueryDict) -> AuditFilter:
    until = _day(query, "until")
    return AuditFilter(
        person=query.get("person", "").strip(),
        action=query.get("action", "").strip(),
        project_id=number(query, "project"),
        since=_day(query, "since"),
        until=until + timedelta(days=1) if until else None,
    )


def _day(query: QueryDict, name: str) -> datetime | None:
    """Return the beginning of a day in UTC, or None when none is named."""
    text = query.get(name, "")
    if not text:
        return None
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None or not 1970 <= day.year <= 9998:
        raise BadQuery(f"{name!r} must be a day such as 2026-11-21; open the page without it.")
    return datetime.combine(day, time.min, UTC)
