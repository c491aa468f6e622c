"""Values out of query strings; what makes no sense is answered as not found, never as a crash."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import QueryDict

from dashboard.numbers import LONGEST
from dashboard.selectors.errors import NotFound


class BadQuery(NotFound):
    """The address asks for something that cannot be."""


def number(query: QueryDict, name: str) -> int | None:
    """Return a whole number, or None when it is absent."""
    text = query.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > LONGEST:
        raise BadQuery(f"{name!r} must be a whole number; open the page without it.")
    return int(text)


def moment(query: QueryDict, name: str) -> datetime | None:
    """Return a time given as milliseconds since 1970, or None when it is absent."""
    milliseconds = number(query, name)
    if milliseconds is None:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise BadQuery(f"{name!r} is no time; open the page without it.") from error
