"""Each error of the API: its status, its stable code, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from dashboard.api.bodies import BodyRefused
from dashboard.middleware.requests import request_id
from dashboard.problems import Problem, problem_response
from dashboard.services.ingest import ContentConflict, UnusableRecord
from dashboard.services.tokens import ScopeMissing, TokenRefused

Handler = Callable[[HttpRequest, Any], HttpResponse]
UNKNOWN_CALLER = (
    "Send a token as 'Authorization: Bearer hf_…'; one is made on the page Settings, API tokens. "
    "Nothing was done."
)


def handle_errors(api: NinjaAPI) -> None:
    """Have ``api`` answer every known error as a problem."""
    handlers: dict[type[Exception], Handler] = {
        AuthenticationError: lambda request, _: _refuse(request, UNKNOWN_CALLER),
        TokenRefused: lambda request, error: _refuse(request, str(error)),
        ScopeMissing: _answers(HTTPStatus.FORBIDDEN, "scope_missing"),
        PermissionDenied: _answers(HTTPStatus.FORBIDDEN, "forbidden"),
        ContentConflict: _answers(HTTPStatus.CONFLICT, "content_conflict"),
        Http404: _answers(HTTPStatus.NOT_FOUND, "not_found"),
        UnusableRecord: _unusable,
        ValidationError: _invalid,
        RequestDataTooBig: _too_large,
        HttpError: _http_error,
    }
    for error, handler in handlers.items():
        api.add_exception_handler(error, handler)


def _problem(
    request: HttpRequest, status: HTTPStatus, code: str, detail: str, *, field: str = ""
) -> HttpResponse:
    return problem_response(
        Problem(
            status=status,
            code=code,
            title=status.phrase,
            detail=detail,
            error_id=request_id(request),
            field=field,
        )
    )


def _answers(status: HTTPStatus, code: str) -> Handler:
    return lambda request, error: _problem(request, status, code, str(error) or status.phrase)


def _refuse(request: HttpRequest, detail: str) -> HttpResponse:
    response = _problem(request, HTTPStatus.UNAUTHORIZED, "unauthorized", detail)
    response["WWW-Authenticate"] = 'Bearer realm="holdfast"'
    return response


def _unusable(request: HttpRequest, error: UnusableRecord) -> HttpResponse:
    return _invalid_field(request, error.field, str(error))


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0]
    message = str(first["msg"]).removeprefix("Value error, ")
    return _invalid_field(request, _place(first["loc"]), message)


def _invalid_field(request: HttpRequest, field: str, message: str) -> HttpResponse:
    return _problem(
        request,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid",
        f"{field or 'The body'}: {message}. Nothing was stored.",
        field=field,
    )


def _place(steps: tuple[str | int, ...]) -> str:
    """Return the place in the body as ``checkpoints[3].step``, without ninja's own two steps."""
    text = ""
    for step in steps[2:] if steps[:1] == ("body",) else steps[1:]:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def _too_large(request: HttpRequest, _: RequestDataTooBig) -> HttpResponse:
    return _problem(
        request,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too_large",
        "The body is larger than this installation takes; nothing was stored. Report records, not "
        "states, and fewer at a time.",
    )


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Answer what ninja itself refuses; a body that could not be read says why."""
    cause = error.__cause__
    if isinstance(cause, BodyRefused):
        return _problem(
            request, HTTPStatus(cause.status), cause.code, f"{cause} Nothing was stored."
        )
    status = HTTPStatus(error.status_code)
    code = "csrf_failed" if status is HTTPStatus.FORBIDDEN else "bad_request"
    return _problem(request, status, code, f"{error}. Nothing was done.")
