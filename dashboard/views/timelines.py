"""An agent's timeline: the page, its rows, what is new, and what is drawn."""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render

from dashboard.requests import PageRequest
from dashboard.selectors import timelines
from dashboard.selectors.lanes import Span, drawing
from dashboard.selectors.timelines import RowFilter
from dashboard.views.drawings import as_json
from dashboard.views.queries import moment, number


def agent(request: PageRequest, agent_id: int, _slug: str = "") -> HttpResponse:
    """Show an agent by its main or latest thread."""
    return _timeline(request, agent_id, None)


def thread(request: PageRequest, agent_id: int, _slug: str, thread_id: int) -> HttpResponse:
    """Show one thread."""
    return _timeline(request, agent_id, thread_id)


def rows(request: PageRequest, agent_id: int, _slug: str, thread_id: int) -> HttpResponse:
    """Show a page of a thread's rows."""
    listing = timelines.timeline_rows(
        user=request.user,
        agent_pk=agent_id,
        thread_pk=thread_id,
        wanted=_filter(request),
        after=request.GET.get("after", ""),
    )
    context = {"listing": listing, "rows_url": request.path}
    return render(request, "timelines/_rows.html", context)


def news(request: PageRequest, agent_id: int, _slug: str, thread_id: int) -> HttpResponse:
    """Say how many rows came since the newest that the page shows."""
    found = timelines.news(
        user=request.user,
        agent_pk=agent_id,
        thread_pk=thread_id,
        since_pk=number(request.GET, "since") or 0,
        head_pk=number(request.GET, "head"),
    )
    return render(request, "timelines/_news.html", {"news": found})


def new_rows(request: PageRequest, agent_id: int, _slug: str, thread_id: int) -> HttpResponse:
    """Show the rows that came since."""
    listing = timelines.new_rows(
        user=request.user,
        agent_pk=agent_id,
        thread_pk=thread_id,
        since_pk=number(request.GET, "since") or 0,
    )
    return render(request, "timelines/_new_rows.html", {"listing": listing})


def lanes(request: PageRequest, agent_id: int, _slug: str, thread_id: int) -> JsonResponse:
    """Answer what the timeline draws."""
    found = drawing(
        user=request.user,
        agent_pk=agent_id,
        thread_pk=thread_id,
        span=Span(since=moment(request.GET, "from"), until=moment(request.GET, "to")),
        siblings=request.GET.get("siblings") == "yes",
    )
    return JsonResponse(as_json(found))


def _timeline(request: PageRequest, agent_id: int, thread_id: int | None) -> HttpResponse:
    page = timelines.timeline_page(
        user=request.user,
        agent_pk=agent_id,
        thread_pk=thread_id,
        wanted=_filter(request),
        after=request.GET.get("after", ""),
    )
    return render(request, "timelines/timeline.html", {"page": page, "section": "agents"})


def _filter(request: PageRequest) -> RowFilter:
    query = request.GET
    return RowFilter(
        kind=query.get("kind", ""),
        status=query.get("status", ""),
        text=query.get("q", "").strip(),
        since=moment(query, "from"),
        until=moment(query, "to"),
    )
