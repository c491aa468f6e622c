"""When a person last proved who they are, and where they do so once more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect

from dashboard.access import LoginTooOld, require_recent_login

NEW_WAYS_IN = {"account_set_password", "mfa_activate_totp", "mfa_add_webauthn"}
"""Pages by which an old session could make itself a way to confirm who it is."""


class RecentLoginMiddleware:
    """Tells the request's person when they logged in; who did so too long ago confirms it.

    What they were about to do is not done: they come back to the page and do it there.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request of a person whose last proof is known."""
        if SESSION_KEY in request.session and request.user.is_authenticated:
            request.user.authenticated_at = _last_proof(request)
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponse | None:
        """Let nobody add a way in from a session that was left open."""
        match = request.resolver_match
        if match is None or match.url_name not in NEW_WAYS_IN or not request.user.is_authenticated:
            return None
        try:
            require_recent_login(request.user, timezone.now())
        except LoginTooOld as error:
            return _lead(request, error)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Lead a person whose login is too old to where they confirm it."""
        return _lead(request, exception) if isinstance(exception, LoginTooOld) else None


def _last_proof(request: HttpRequest) -> datetime | None:
    records = get_authentication_records(request, request.user)
    moments = [record["at"] for record in records]
    return datetime.fromtimestamp(max(moments), UTC) if moments else None


def _lead(request: HttpRequest, error: LoginTooOld) -> HttpResponse:
    messages.warning(request, str(error))
    address = f"{reverse('confirm-login')}?{urlencode({'next': _page(request)})}"
    if request.headers.get("HX-Request"):
        return HttpResponseClientRedirect(address)
    return HttpResponseRedirect(address)


def _page(request: HttpRequest) -> str:
    """Return the page from which the request came: of a form, the one that it stood on."""
    shown = request.headers.get("HX-Current-URL")
    if request.method in ("GET", "HEAD") and shown is None:
        return request.get_full_path()
    origin = f"{request.scheme}://{request.get_host()}"
    address = shown or request.headers.get("Referer", "")
    return address.removeprefix(origin) if address.startswith(f"{origin}/") else reverse("overview")
