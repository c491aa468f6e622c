"""Errors of the API as RFC 9457 wants them, with a stable code for programs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, JsonResponse

CONTENT_TYPE = "application/problem+json"


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
