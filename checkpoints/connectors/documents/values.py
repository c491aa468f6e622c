"""Single values of a document that others wrote, each with nothing where it is not what it should
be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from checkpoints.connectors.documents.folder import Entry


def text_of(value: Any) -> str | None:
    """Return a text that is not empty."""
    return value if isinstance(value, str) and value else None


def map_of(value: Any) -> Mapping[str, Any]:
    """Return a map; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def count_of(value: Any) -> int:
    """Return how many items a list or a map has."""
    return len(value) if isinstance(value, (list, dict)) else 0


def number_of(value: Any) -> float | None:
    """Return a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def numbers_of(values: Mapping[str, Any]) -> dict[str, float]:
    """Return those of some values that are finite numbers."""
    found = ((name, number_of(value)) for name, value in values.items())
    return {name: number for name, number in found if number is not None}


def time_of(value: Any) -> datetime | None:
    """Return an ISO 8601 time as it is written, with its zone or without one."""
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def utc_of(moment: datetime | None) -> datetime | None:
    """Return a time in UTC, taking one without a zone for UTC; ``None`` for one out of range."""
    if moment is None:
        return None
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        return None


def modified_at(entry: Entry) -> datetime:
    """Return when a file was last written."""
    return datetime.fromtimestamp(entry.stamp.modified_ns / 1e9, UTC)
