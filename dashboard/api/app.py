"""The API: what programs may ask."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from dashboard.api import (
    audit,
    drift,
    drills,
    notifications,
    objectives,
    operations,
    policies,
    pushes,
    quotas,
    reads,
    reports,
    sources,
    storage,
)
from dashboard.api.bodies import StrictParser
from dashboard.api.descriptions import describe
from dashboard.api.problems import (
    handle_errors,
    invalid_field,
    not_allowed,
    unusable_parameter,
)


class Api(NinjaAPI):
    """Ninja's, with every answer that is an error as a problem, and a description with examples."""

    def get_openapi_schema(self, **values: Any) -> OpenAPISchema:
        """Return the description, with problems and examples."""
        return describe(super().get_openapi_schema(**values))

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """Return the endpoint's own name, which stays where its module may not."""
        return operation.view_func.__name__

    def _get_urls(self) -> list[URLResolver | URLPattern]:
        found = super()._get_urls()
        for pattern in found:
            if isinstance(pattern, URLPattern):
                pattern.callback = _guarded(pattern.callback)
        return found


def _guarded(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Return the view, kept from what no database takes, with all its errors as problems."""

    def answer(request: HttpRequest, *args: Any, **values: Any) -> HttpResponse:
        if field := unusable_parameter(request):
            return invalid_field(request, field, "holds a NUL")
        response = view(request, *args, **values)
        unknown_method = response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
        return not_allowed(request, response) if unknown_method else response

    answer.csrf_exempt = getattr(view, "csrf_exempt", False)  # type: ignore[attr-defined]
    return answer


api = Api(
    title="Holdfast",
    version="1",
    description="Report what agents do, read what the dashboard knows, and operate on stores.",
    urls_namespace="api",
    parser=StrictParser(),
    docs_url=None,
)
_PARTS = (pushes, reports, reads, operations, policies, sources, storage, quotas)
for _part in (*_PARTS, notifications, drift, drills, objectives, audit):
    api.add_router("", _part.router)
handle_errors(api)
