"""Documents that are written for others, in the form that their framework gives its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from checkpoints.connectors.documents.decoding import Unreadable, decode_object
from checkpoints.errors import PlanRefused


def encode(document: Mapping[str, Any], *, indent: int | None, is_ascii: bool = True) -> bytes:
    """Return a document as JSON. Raises PlanRefused for what JSON cannot hold."""
    try:
        text = json.dumps(document, indent=indent, ensure_ascii=is_ascii)
    except (TypeError, ValueError, RecursionError) as error:
        raise PlanRefused(
            f"the copy cannot be kept as JSON: {error}; nothing was written"
        ) from error
    try:
        return text.encode()
    except UnicodeEncodeError:
        return encode(document, indent=indent)


def require_readable(content: bytes, *, limit: int) -> None:
    """Raise PlanRefused for a copy that could not be read again."""
    if len(content) > limit:
        raise PlanRefused(f"the copy would hold more than {limit:,} bytes; nothing was written")
    try:
        decode_object(content)
    except Unreadable as error:
        raise PlanRefused(
            f"the copy could not be read again: {error}; nothing was written"
        ) from error
