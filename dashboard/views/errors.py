"""Pages and problems for requests that came to nothing: what happened and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.access import Hidden
from dashboard.middleware.requests import API_PREFIX, request_id
from dashboard.problems import Problem, problem_response
from dashboard.selectors.errors import NotFound


@dataclass(frozen=True, slots=True)
class _Page:
    status: HTTPStatus
    code: str
    text: str


_TOO_LARGE = _Page(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "too_large",
    "What was sent is larger than this page takes; nothing was changed.",
)
_BAD = _Page(
    HTTPStatus.BAD_REQUEST,
    "bad_request",
    "The request could not be understood; nothing was changed. Open the page anew and try again.",
)
_HOST = _Page(
    HTTPStatus.BAD_REQUEST,
    "unknown_host",
    "This dashboard does not answer under this host name. An administrator can add the name to "
    "HOLDFAST_ALLOWED_HOSTS.",
)
_CSRF = _Page(
    HTTPStatus.FORBIDDEN,
    "csrf_failed",
    "This form is too old or came from elsewhere; nothing was changed. Open the page anew and try "
    "again.",
)
_FORBIDDEN = _Page(HTTPStatus.FORBIDDEN, "forbidden", "You may not do this; nothing was changed.")
_NOT_FOUND = _Page(
    HTTPStatus.NOT_FOUND,
    "not_found",
    "Nothing is at this address. Check it, or start from the overview.",
)
_BROKEN = _Page(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "server_error",
    "Something went wrong here, and what you asked for was not done. Try again; if it goes wrong "
    "again, tell an administrator the error id, which is in the log.",
)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that breaks the rules of HTTP or is too large."""
    known: dict[type[Exception], _Page] = {RequestDataTooBig: _TOO_LARGE, DisallowedHost: _HOST}
    return _answer(request, known.get(type(exception), _BAD))


def csrf_failure(request: HttpRequest, reason: str) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer a form without its token."""
    return _answer(request, _CSRF)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that this person may not make."""
    return _answer(request, _FORBIDDEN, str(exception))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request for what is not there."""
    ours = isinstance(exception, (NotFound, Hidden))
    return _answer(request, _NOT_FOUND, str(exception) if ours else "")


@login_not_required
def not_offered(request: HttpRequest, page: str) -> HttpResponse:  # noqa: ARG001 - from the address
    """Answer for account pages that need e-mail or let strangers in. Raises NotFound."""
    raise NotFound(
        "Accounts are made by an administrator, and Holdfast sends no e-mail. Ask an administrator "
        "for an account or a new password."
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a request that failed through our fault."""
    return _answer(request, _BROKEN)


def _answer(request: HttpRequest, page: _Page, text: str = "") -> HttpResponse:
    problem = Problem(
        status=page.status,
        code=page.code,
        title=page.status.phrase,
        detail=text or page.text,
        error_id=request_id(request),
    )
    if request.path.startswith(API_PREFIX):
        return problem_response(problem)
    return render(request, "errors/error.html", {"problem": problem}, status=page.status)
