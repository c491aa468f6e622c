"""The API's description as a page without scripts, so that the strict content policy holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard.api.app import api
from dashboard.api.descriptions import EVERYWHERE
from dashboard.problems import CODES, CONTENT_TYPE

Text = tuple[str, ...]
"""A text in pieces: every second one is code."""
ORDER = (
    *("operations", "sources", "storage", "policies", "drills", "drift"),
    *("notifications", "audit", "agents", "checkpoints", "reports"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A body or an answer as it looks."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer by its status: what it looks like, or the problems by their codes."""

    status: str
    schema: str
    said: tuple[Text, ...]
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path."""

    name: str
    tag: str
    method: str
    path: str
    summary: str
    description: tuple[Text, ...]
    parameters: tuple[dict[str, Any], ...]
    takes: tuple[str, ...]
    bodies: tuple[Example, ...]
    answers: tuple[Answer, ...]
    problems: tuple[Answer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a body or an answer looks like; ``fields`` are names, types and whether required."""

    name: str
    description: Text
    values: tuple[str, ...]
    fields: tuple[tuple[str, str, bool], ...]


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Show every endpoint and every schema."""
    schema = api.get_openapi_schema()
    endpoints = sorted(_endpoints(schema), key=lambda one: ORDER.index(one.tag))
    context = {
        "info": schema["info"],
        "parts": [(tag, list(found)) for tag, found in groupby(endpoints, lambda one: one.tag)],
        "everywhere": [(code, pieces(CODES[code].meaning)) for code in EVERYWHERE],
        "shapes": [
            _shape(name, described)
            for name, described in sorted(schema["components"]["schemas"].items())
        ],
        "command": _command(request.build_absolute_uri(reverse("api:create_operation"))),
    }
    return render(request, "api/docs.html", context)


def pieces(text: str) -> Text:
    """Return a text cut where code begins and ends."""
    return tuple(" ".join(text.split()).replace("``", "`").split("`"))


def _command(address: str) -> str:
    body = json.dumps({"kind": "restore", "checkpoint": 81, "dry_run": True})
    return (
        f"curl {address} \\\n"
        '  -H "Authorization: Bearer $HOLDFAST_TOKEN" \\\n'
        f"  -H 'Content-Type: application/json' -d '{body}'"
    )


def _endpoints(schema: Mapping[str, Any]) -> Iterable[Endpoint]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield _endpoint(method, path, operation)


def _endpoint(method: str, path: str, operation: Mapping[str, Any]) -> Endpoint:
    body = _content(operation.get("requestBody", {}))
    answers = [_answer(status, answer) for status, answer in operation["responses"].items()]
    return Endpoint(
        name=operation["operationId"],
        tag=operation["tags"][0],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=tuple(pieces(part) for part in operation["description"].split("\n\n")),
        parameters=tuple(_parameter(one) for one in operation.get("parameters", ())),
        takes=tuple(_schema_names(body.get("schema", {}))),
        bodies=_examples(body),
        answers=tuple(one for one in answers if not one.said),
        problems=tuple(one for one in answers if one.said),
    )


def _parameter(described: Mapping[str, Any]) -> dict[str, Any]:
    return {**described, "type": _type(described["schema"])}


def _answer(status: int, described: Mapping[str, Any]) -> Answer:
    content = _content(described)
    is_problem = CONTENT_TYPE in described.get("content", {})
    lines = described["description"].splitlines() if is_problem else ()
    return Answer(
        status=str(status),
        schema=next(_schema_names(content.get("schema", {})), ""),
        said=tuple(pieces(line) for line in lines),
        examples=() if is_problem else _examples(content),
    )


def _content(holder: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(iter(holder.get("content", {}).values()), {})
    return found


def _examples(content: Mapping[str, Any]) -> tuple[Example, ...]:
    named = {name: one["value"] for name, one in content.get("examples", {}).items()}
    if "example" in content:
        named["Example"] = content["example"]
    return tuple(
        Example(name=name, text=json.dumps(value, indent=2, ensure_ascii=False))
        for name, value in named.items()
    )


def _schema_names(schema: Mapping[str, Any]) -> Iterator[str]:
    """Return the names of the schemas that one refers to, itself or by its choices."""
    references = [schema, *schema.get("oneOf", ())]
    return (str(one["$ref"]).rpartition("/")[2] for one in references if "$ref" in one)


def _shape(name: str, described: Mapping[str, Any]) -> Shape:
    required = described.get("required", ())
    return Shape(
        name=name,
        description=pieces(described.get("description", "")),
        values=tuple(described.get("enum", ())),
        fields=tuple(
            (field, _type(schema), field in required)
            for field, schema in described.get("properties", {}).items()
        ),
    )


def _type(schema: Mapping[str, Any]) -> str:
    """Return a schema's type in words: ``string (date-time) or null``, ``array of StoredOut``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if options := schema.get("anyOf", schema.get("oneOf")):
        return " or ".join(_type(option) for option in options)
    if "const" in schema:
        return f'"{schema["const"]}"'
    name = str(schema.get("type", "any"))
    if name == "array" and "items" in schema:
        return f"array of {_type(schema['items'])}"
    return f"{name} ({schema['format']})" if "format" in schema else name
