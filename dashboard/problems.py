"""Errors of the API as RFC 9457 wants them, with a stable code for programs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple

from django.http import HttpResponse, JsonResponse

CONTENT_TYPE = "application/problem+json"


class Code(NamedTuple):
    """What a stable code says: the status it comes with, and when."""

    status: HTTPStatus
    meaning: str


CODES: Mapping[str, Code] = {
    "bad_request": Code(HTTPStatus.BAD_REQUEST, "The request breaks the rules of HTTP."),
    "unknown_host": Code(
        HTTPStatus.BAD_REQUEST, "The host name is none that the dashboard answers under."
    ),
    "unauthorized": Code(
        HTTPStatus.UNAUTHORIZED, "No token and no login, or a token that is not valid now."
    ),
    "scope_missing": Code(HTTPStatus.FORBIDDEN, "The token may not do this with its scopes."),
    "forbidden": Code(HTTPStatus.FORBIDDEN, "The role in the project is too small."),
    "login_too_old": Code(
        HTTPStatus.FORBIDDEN, "A person logged in too long ago to remove anything: log in again."
    ),
    "csrf_failed": Code(
        HTTPStatus.FORBIDDEN, "A person's browser sent no CSRF token, or another one."
    ),
    "not_found": Code(
        HTTPStatus.NOT_FOUND, "There is no such thing, or it lies in a project of others."
    ),
    "method_not_allowed": Code(
        HTTPStatus.METHOD_NOT_ALLOWED, "The address knows other methods; `Allow` names them."
    ),
    "content_conflict": Code(
        HTTPStatus.CONFLICT, "A known checkpoint was reported with another sha256."
    ),
    "refused": Code(HTTPStatus.CONFLICT, "It cannot be done as things stand; the detail says why."),
    "corrupt": Code(
        HTTPStatus.CONFLICT, "The checkpoint is not what was saved, so that nothing is done by it."
    ),
    "plan_stale": Code(HTTPStatus.CONFLICT, "The store has changed since the plan was made."),
    "plan_expired": Code(
        HTTPStatus.CONFLICT, "The plan is older than 15 minutes, or waited a day for approval."
    ),
    "plan_mismatch": Code(HTTPStatus.CONFLICT, "The `plan_hash` is not that of the plan."),
    "key_reused": Code(
        HTTPStatus.CONFLICT, "The idempotency key came with another request before."
    ),
    "name_not_typed": Code(
        HTTPStatus.CONFLICT, "More than 10 removals: `typed` must be the name in `name_to_type`."
    ),
    "not_your_draft": Code(HTTPStatus.CONFLICT, "Only who made a draft can confirm it."),
    "second_person_needed": Code(HTTPStatus.CONFLICT, "Who asked for something cannot approve it."),
    "wrong_state": Code(
        HTTPStatus.CONFLICT, "The operation is not, or no longer, where this can be done."
    ),
    "length_required": Code(HTTPStatus.LENGTH_REQUIRED, "The body came without its length."),
    "too_large": Code(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is larger than this installation takes."
    ),
    "unsupported_encoding": Code(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body came compressed; send it as it is."
    ),
    "unsupported_media_type": Code(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body is not `application/json`."
    ),
    "invalid": Code(
        HTTPStatus.UNPROCESSABLE_ENTITY, "A field is wrong, missing or unknown; `field` names it."
    ),
    "reason_missing": Code(HTTPStatus.UNPROCESSABLE_ENTITY, "Nobody said why."),
    "malformed_json": Code(HTTPStatus.UNPROCESSABLE_ENTITY, "The body is not valid JSON."),
    "duplicate_key": Code(HTTPStatus.UNPROCESSABLE_ENTITY, "A key stands twice in one object."),
    "too_complex": Code(
        HTTPStatus.UNPROCESSABLE_ENTITY, "The body nests too deep or holds too many values."
    ),
    "server_error": Code(
        HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here; the log has the `error_id`."
    ),
    "store_busy": Code(
        HTTPStatus.SERVICE_UNAVAILABLE, "The store is busy or away: try again later."
    ),
}
"""Every code that the API answers. One that is not listed cannot be answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong. ``field`` names the place in the request, ``error_id`` that in the log."""

    status: int
    code: str
    title: str
    detail: str
    error_id: str
    field: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the problem's members; the field only where there is one."""
        values = dataclasses.asdict(self)
        values["status"] = int(self.status)
        if not self.field:
            del values["field"]
        return {"type": f"urn:holdfast:problem:{self.code}", **values}


def problem_response(problem: Problem) -> HttpResponse:
    """Return the problem as an answer."""
    return JsonResponse(problem.to_dict(), status=problem.status, content_type=CONTENT_TYPE)
