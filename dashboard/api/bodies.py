"""JSON bodies, read strictly: bounded, UTF-8, no repeated keys, no numbers that JSON has not."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from django.http import HttpRequest
from ninja.parser import Parser

import checkpoints
from checkpoints.bodies.limits import check_json

MEDIA_TYPE = "application/json"


class BodyRefused(Exception):
    """A body that is not read; nothing was stored."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class StrictParser(Parser):
    """What the API reads bodies with. Django bounds their size by its settings."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Return the body's value. Raises BodyRefused."""
        if "Transfer-Encoding" in request.headers:
            raise BodyRefused("length_required", "Send the body whole, with a Content-Length.")
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise BodyRefused("unsupported_encoding", "Send the body without a content encoding.")
        if request.content_type != MEDIA_TYPE:
            raise BodyRefused("unsupported_media_type", f"Send the body as {MEDIA_TYPE}.")
        return parse_json(request.body)


def parse_json(data: bytes) -> Any:
    """Return the value of a JSON text within the limits. Raises BodyRefused."""
    try:
        check_json(data)
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant
        )
    except checkpoints.CorruptCheckpoint as error:
        raise BodyRefused("too_complex", f"{error}.") from error
    except (ValueError, RecursionError) as error:
        raise BodyRefused("malformed_json", f"The body is not valid JSON: {error}.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise BodyRefused("duplicate_key", f"The key {key!r} stands twice in one object.")
        values[key] = value
    return values


def _refuse_constant(name: str) -> NoReturn:
    raise BodyRefused("malformed_json", f"{name} is not a number that JSON has.")
