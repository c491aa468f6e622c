"""Answers probes before anything else looks at the request.

Probes come to an address, not a host name, without a cookie and often without TLS, so they are
answered before the checks that pages need.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from dashboard.middleware.headers import protect
from dashboard.services.health import look

LIVE, READY = "/healthz", "/readyz"
METHODS = ("GET", "HEAD")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""What later middleware sets on pages."""


class HealthMiddleware:
    """``/healthz``: the process answers. ``/readyz``: all that it needs does too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a probe, or pass the request on."""
        if request.path not in (LIVE, READY):
            return self.get_response(request)
        response = _answer(request)
        for name, value in HEADERS.items():
            response[name] = value
        protect(response)
        add_never_cache_headers(response)
        return response


def _answer(request: HttpRequest) -> HttpResponse:
    if request.method not in METHODS:
        return HttpResponseNotAllowed(METHODS)
    return JsonResponse({"status": "alive"}) if request.path == LIVE else _ready()


def _ready() -> HttpResponse:
    checks = look(now=timezone.now())
    ready = all(check.passed for check in checks)
    body = {
        "status": "ready" if ready else "not ready",
        "checks": {check.name: check.message for check in checks},
        "missing": [check.name for check in checks if not check.passed],
    }
    return JsonResponse(body, status=HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)
