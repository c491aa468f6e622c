"""The link that logs the first person in, and confirming who one is."""

from __future__ import annotations

from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET

from dashboard.services.login import LinkRefused, use_link

RETURN_TO = "page-after-login-link"


@login_not_required
@require_GET
def login_link(request: HttpRequest, token: str) -> HttpResponse:
    """Log the link's person in and lead them on: back, or to set a password, which they may skip.

    The one GET that changes anything: it is opened from a terminal, and works once.
    """
    try:
        user = use_link(token=token, now=timezone.now())
    except LinkRefused:
        if request.user.is_authenticated:
            return redirect("overview")
        raise
    login(request, user)
    record_authentication(request, user, method="login_link")
    return redirect(request.session.pop(RETURN_TO, "account_set_password"))


@require_GET
def confirm(request: HttpRequest) -> HttpResponse:
    """Lead a person to where they confirm who they are, or say how they get a new login link."""
    page = _safe(request, request.GET.get("next", ""))
    methods = get_adapter().get_reauthentication_methods(request.user)
    if methods:
        return redirect(f"{methods[0]['url']}?{urlencode({'next': page})}")
    request.session[RETURN_TO] = page
    return render(request, "account/confirm_by_link.html", {"page": page})


def _safe(request: HttpRequest, address: str) -> str:
    """Return an address of this dashboard; anything else becomes the overview."""
    here = {request.get_host()}
    safe = url_has_allowed_host_and_scheme(address, here, require_https=request.is_secure())
    return address if safe else reverse("overview")
