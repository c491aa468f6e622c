"""Acting on what a query finds: first what it finds, then what is done with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from dashboard.forms import new_key
from dashboard.requests import PageRequest
from dashboard.selectors.queries import FIELDS, BadWord
from dashboard.selectors.selections import MOST, selection_page
from dashboard.services import retention
from dashboard.services.retention import RetentionRefused

SECTION = "storage"
REFUSALS = 50


def query(request: PageRequest) -> HttpResponse:
    """Show what a query finds: how much, where, and the newest of it."""
    return _page(request, request.GET.get("q", ""))


@require_POST
def prune(request: PageRequest) -> HttpResponse:
    """Draft a prune of what was seen, for each source one; nothing goes yet."""

    def act(**seen: Any) -> Any:
        key = request.POST.get("idempotency_key", "") or new_key()
        return retention.draft_prunes(**seen, idempotency_key=key)

    def answer(drafted: retention.Drafted) -> HttpResponse:
        if len(drafted.drafts) == 1 and not drafted.refused:
            return redirect("operation", drafted.drafts[0].pk)
        return _page(request, request.POST.get("q", ""), drafted=drafted)

    return _act(request, act, answer)


@require_POST
def pin(request: PageRequest) -> HttpResponse:
    """Pin what was seen."""
    return _act(request, _with_reason(request, retention.pin), _told(request, "pinned"))


@require_POST
def unpin(request: PageRequest) -> HttpResponse:
    """Unpin what was seen."""
    return _act(request, _with_reason(request, retention.unpin), _told(request, "unpinned"))


@require_POST
def read_back(request: PageRequest) -> HttpResponse:
    """Read what was seen, and say what cannot be read."""
    return _act(request, retention.read_back, _told(request, "read back as they were saved"))


def _with_reason(request: PageRequest, act: Callable[..., Any]) -> Callable[..., Any]:
    reason = request.POST.get("reason", "")[:1000]
    return lambda **seen: act(**seen, reason=reason)


def _told(request: PageRequest, what: str) -> Callable[[retention.Done], HttpResponse]:
    def answer(done: retention.Done) -> HttpResponse:
        return _page(request, request.POST.get("q", ""), done=done, what=what)

    return answer


def _act(
    request: PageRequest,
    act: Callable[..., Any],
    answer: Callable[[Any], HttpResponse],
) -> HttpResponse:
    """Act on what was seen; where that is refused, show it again with the reason."""
    text = request.POST.get("q", "")
    try:
        found = act(
            user=request.user,
            text=text,
            digest=request.POST.get("digest", ""),
            now=timezone.now(),
        )
    except (RetentionRefused, BadWord) as error:
        messages.error(request, str(error))
        place = f"{reverse('bulk')}?{urlencode({'q': text[:2000]})}"
        return redirect(place)
    return answer(found)


def _page(request: PageRequest, text: str, **more: Any) -> HttpResponse:
    page = selection_page(user=request.user, text=text, now=timezone.now())
    done: retention.Done | None = more.get("done")
    context = {
        "page": page,
        "fields": FIELDS,
        "most": MOST,
        "idempotency_key": new_key(),
        "api": _request_of(text),
        "section": SECTION,
        "refusals": done.refused[:REFUSALS] if done else (),
        **more,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if page.problem else HTTPStatus.OK
    return render(request, "bulk/bulk.html", context, status=status)


def _request_of(text: str) -> str:
    """Return the request to the API that drafts the same prune."""
    body = {"kind": "prune", "query": text[:2000], "dry_run": True}
    return f"POST /api/v1/operations\n{json.dumps(body, ensure_ascii=False)}"
