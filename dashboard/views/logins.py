"""The link that logs the first person in."""

from __future__ import annotations

from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET

from dashboard.services.login import use_link


@login_not_required
@require_GET
def login_link(request: HttpRequest, token: str) -> HttpResponse:
    """Log the link's person in and lead them to set a password, which they may skip.

    The one GET that changes anything: it is opened from a terminal, and works once.
    """
    if request.user.is_authenticated:
        return redirect("overview")
    user = use_link(token=token, now=timezone.now())
    login(request, user)
    return redirect("account_set_password")
