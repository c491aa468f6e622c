"""Each request has an id; it is in every log line, on error pages and in the answer."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import structlog
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

API_PREFIX = "/api/"
ID_HEADER = "X-Request-ID"
_ID_BYTES = 8


class RequestMiddleware:
    """Makes the id. One that the client sends is not trusted, or it could forge log lines."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request with its id bound to the log.

        It stays bound until the next request of this thread: Django logs the answer afterwards.
        """
        request_id = secrets.token_hex(_ID_BYTES)
        request.META["HOLDFAST_REQUEST_ID"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = self.get_response(request)
        response[ID_HEADER] = request_id
        return response


class QueryMiddleware:
    """Refuses addresses of pages that hold a NUL, which PostgreSQL takes in no text."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request. Raises BadRequest; the API answers for itself."""
        texts = (text for name, values in request.GET.lists() for text in (name, *values))
        if not request.path.startswith(API_PREFIX) and any("\0" in text for text in texts):
            raise BadRequest("The address holds a NUL character; open the page without it.")
        return self.get_response(request)


def request_id(request: HttpRequest) -> str:
    """Return the id of a request, as the log has it."""
    return str(request.META.get("HOLDFAST_REQUEST_ID", ""))
