"""Headers of every answer that neither Django nor the content security policy sets."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers

_POLICY = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
)


def protect(response: HttpResponse) -> None:
    """Keep an answer out of other sites' pages and from using the device."""
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Permissions-Policy"] = _POLICY


class HeadersMiddleware:
    """Keeps answers out of caches and out of other sites' pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request and add the headers."""
        response = self.get_response(request)
        protect(response)
        if not request.path.startswith(f"/{settings.STATIC_URL.strip('/')}/"):
            add_never_cache_headers(response)
        return response
