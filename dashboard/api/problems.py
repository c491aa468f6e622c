"""Each error of the API: its stable code, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

import checkpoints
from dashboard.access import LoginTooOld
from dashboard.api.bodies import BodyRefused
from dashboard.api.operation_schemas import place_of
from dashboard.middleware.requests import request_id
from dashboard.problems import CODES, Problem, problem_response
from dashboard.services.drift import DriftRefused
from dashboard.services.drills import DrillRefused
from dashboard.services.ingest import ContentConflict, UnusableRecord
from dashboard.services.notifications import NotificationRefused
from dashboard.services.operations import OperationRefused
from dashboard.services.orders import OrderInvalid
from dashboard.services.retention import RetentionRefused
from dashboard.services.sources import SourceRefused
from dashboard.services.storage import QuotaRefused
from dashboard.services.tokens import ScopeMissing, TokenRefused

NUL = "\x00"
Handler = Callable[[HttpRequest, Any], HttpResponse]
UNKNOWN_CALLER = (
    "Send a token as 'Authorization: Bearer hf_…'; one is made on the page Settings, API tokens. "
    "Nothing was done."
)
NOT_THERE = "There is no such thing here. Look for it in the lists; nothing was changed."


def handle_errors(api: NinjaAPI) -> None:
    """Have ``api`` answer every known error as a problem."""
    handlers: dict[type[Exception], Handler] = {
        AuthenticationError: lambda request, _: _refuse(request, UNKNOWN_CALLER),
        TokenRefused: lambda request, error: _refuse(request, str(error)),
        ScopeMissing: _answers("scope_missing"),
        LoginTooOld: _answers("login_too_old"),
        PermissionDenied: _answers("forbidden"),
        ContentConflict: _answers("content_conflict"),
        Http404: _answers("not_found"),
        ObjectDoesNotExist: lambda request, _: problem(request, "not_found", NOT_THERE),
        OperationRefused: _refused,
        RetentionRefused: _answers("refused"),
        DriftRefused: _answers("refused"),
        DrillRefused: _answers("refused"),
        NotificationRefused: _answers("refused"),
        QuotaRefused: _answers("refused"),
        SourceRefused: _answers("refused"),
        OrderInvalid: _unusable,
        UnusableRecord: _unusable,
        ValidationError: _invalid,
        RequestDataTooBig: _too_large,
        HttpError: _http_error,
    }
    for error, handler in handlers.items():
        api.add_exception_handler(error, handler)


def problem(request: HttpRequest, code: str, detail: str, *, field: str = "") -> HttpResponse:
    """Return the answer with a code. Raises KeyError for one that is not listed."""
    status = CODES[code].status
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


def not_allowed(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """Return ninja's answer to a method that an address does not know as a problem."""
    methods = answer["Allow"]
    detail = f"This address takes {methods}, not {request.method}. Nothing was done."
    response = problem(request, "method_not_allowed", detail)
    response["Allow"] = methods
    return response


def unusable_parameter(request: HttpRequest) -> str:
    """Return the name of a parameter in the address that no database takes, empty for none."""
    given = request.GET.lists()
    return next((name or "?" for name, values in given if NUL in "".join(values)), "")


def _answers(code: str) -> Handler:
    return lambda request, error: problem(request, code, str(error) or CODES[code].meaning)


def _refuse(request: HttpRequest, detail: str) -> HttpResponse:
    response = problem(request, "unauthorized", detail)
    response["WWW-Authenticate"] = 'Bearer realm="holdfast"'
    return response


def _refused(request: HttpRequest, error: OperationRefused) -> HttpResponse:
    field = "reason" if error.code == "reason_missing" else ""
    return problem(request, _code(error), str(error), field=field)


def _code(error: OperationRefused) -> str:
    """Return a refusal's code; what the store itself refused is told by its cause."""
    causes = {
        checkpoints.TransientStoreError: "store_busy",
        checkpoints.CorruptCheckpoint: "corrupt",
    }
    found = (code for kind, code in causes.items() if isinstance(error.__cause__, kind))
    return next(found, error.code)


def _unusable(request: HttpRequest, error: UnusableRecord | OrderInvalid) -> HttpResponse:
    return invalid_field(request, error.field, str(error))


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0]
    message = str(first["msg"]).removeprefix("Value error, ")
    return invalid_field(request, _place(first["loc"]), message)


def invalid_field(request: HttpRequest, field: str, message: str) -> HttpResponse:
    """Return the answer to a request with something wrong in one place."""
    detail = f"{field or 'The body'}: {message.rstrip('.')}. Nothing was changed."
    return problem(request, "invalid", detail, field=field)


def _place(steps: tuple[str | int, ...]) -> str:
    """Return the place in the body as ``checkpoints[3].step``, without ninja's own two steps.

    Of an order the kind is left out too, by which the one that it must look like was found.
    """
    inner = 3 if steps[:2] == ("body", "order") else 2
    return place_of(steps[inner:] if steps[:1] == ("body",) else steps[1:])


def _too_large(request: HttpRequest, _: RequestDataTooBig) -> HttpResponse:
    return problem(
        request,
        "too_large",
        "The body is larger than this installation takes; nothing was stored. Report records, not "
        "states, and fewer at a time.",
    )


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Answer what ninja itself refuses; a body that could not be read says why."""
    cause = error.__cause__
    if isinstance(cause, BodyRefused):
        return problem(request, cause.code, f"{cause} Nothing was changed.")
    forbidden = error.status_code == HTTPStatus.FORBIDDEN
    code = "csrf_failed" if forbidden else "bad_request"
    return problem(request, code, f"{error}. Nothing was done.")
