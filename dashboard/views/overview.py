"""The overview."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from dashboard.requests import PageRequest
from dashboard.selectors.overview import overview_page
from dashboard.views.first_lines import five_lines


def overview(request: PageRequest) -> HttpResponse:
    """Show the fleet at a glance."""
    page = overview_page(user=request.user, now=timezone.now())
    context = {"page": page, "section": "overview", "five_lines": five_lines(request)}
    return render(request, "overview/overview.html", context)
