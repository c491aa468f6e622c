"""The list of agents."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from dashboard.requests import PageRequest
from dashboard.selectors.agents import AgentFilter, agents_page
from dashboard.views.first_lines import five_lines
from dashboard.views.queries import number


def agents(request: PageRequest) -> HttpResponse:
    """Show agents; for htmx the next rows alone."""
    query = request.GET
    wanted = AgentFilter(
        text=query.get("q", "").strip(),
        status=query.get("status", ""),
        source_id=number(query, "source"),
        project_id=number(query, "project"),
        sort=query.get("sort", "activity"),
    )
    page = agents_page(user=request.user, wanted=wanted, after=query.get("after", ""))
    template = "agents/_rows.html" if request.htmx else "agents/agents.html"
    context = {"page": page, "section": "agents", "five_lines": five_lines(request)}
    return render(request, template, context)
