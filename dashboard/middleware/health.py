"""Answers probes before anything else looks at the request.

Probes come to an address, not a host name, without a cookie and often without TLS, so they are
answered before the checks that pages need.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from dashboard.services.health import look

LIVE, READY = "/healthz", "/readyz"


class HealthMiddleware:
    """``/healthz``: the process answers. ``/readyz``: all that it needs does too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a probe, or pass the request on."""
        if request.path == LIVE:
            return JsonResponse({"status": "alive"})
        if request.path == READY:
            return _ready()
        return self.get_response(request)


def _ready() -> HttpResponse:
    checks = look(now=timezone.now())
    ready = all(check.passed for check in checks)
    body = {
        "status": "ready" if ready else "not ready",
        "checks": {check.name: check.message for check in checks},
        "missing": [check.name for check in checks if not check.passed],
    }
    return JsonResponse(body, status=HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)
