"""The API's description as a page without scripts, so that the strict content policy holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.api.app import api


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path."""

    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[dict[str, Any], ...]
    takes: str
    answers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a body or an answer looks like; ``fields`` are names, types and whether required."""

    name: str
    description: str
    values: tuple[str, ...]
    fields: tuple[tuple[str, str, bool], ...]


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Show every endpoint and every schema."""
    schema = api.get_openapi_schema()
    context = {
        "info": schema["info"],
        "endpoints": [
            _endpoint(method, path, operation)
            for path, methods in schema["paths"].items()
            for method, operation in methods.items()
        ],
        "shapes": [
            _shape(name, described)
            for name, described in sorted(schema["components"]["schemas"].items())
        ],
    }
    return render(request, "api/docs.html", context)


def _endpoint(method: str, path: str, operation: dict[str, Any]) -> Endpoint:
    return Endpoint(
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        parameters=tuple(operation.get("parameters", ())),
        takes=_schema_name(operation.get("requestBody", {})),
        answers=tuple(
            (str(code), _schema_name(answer)) for code, answer in operation["responses"].items()
        ),
    )


def _schema_name(holder: dict[str, Any]) -> str:
    """Return the name of the schema that a body or an answer refers to."""
    content = holder.get("content", {}).get("application/json", {})
    return str(content.get("schema", {}).get("$ref", "")).rpartition("/")[2]


def _shape(name: str, described: dict[str, Any]) -> Shape:
    required = described.get("required", ())
    return Shape(
        name=name,
        description=described.get("description", ""),
        values=tuple(described.get("enum", ())),
        fields=tuple(
            (field, _type(schema), field in required)
            for field, schema in described.get("properties", {}).items()
        ),
    )


def _type(schema: dict[str, Any]) -> str:
    """Return a schema's type in words: ``string (date-time) or null``, ``array of StoredOut``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if options := schema.get("anyOf", schema.get("oneOf")):
        return " or ".join(_type(option) for option in options)
    name = str(schema.get("type", "any"))
    if name == "array" and "items" in schema:
        return f"array of {_type(schema['items'])}"
    return f"{name} ({schema['format']})" if "format" in schema else name
