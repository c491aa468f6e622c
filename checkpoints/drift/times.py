"""Times as detectors take them: of any clock, of any quality."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from checkpoints.drift.signals import At

_START: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - what has no zone is taken as UTC
_FAR: Final = 1e15
_START_UTC: Final = _START.replace(tzinfo=UTC)


def seconds(at: Any) -> float | None:
    """Return a time in seconds, of 1970 for a datetime; None for what is no finite time.

    A datetime without a zone is taken as UTC.
    """
    kind = type(at)
    if kind is datetime:
        return _since_start(at)
    if kind is not float and kind is not int:
        return None
    return float(at) if -_FAR <= at <= _FAR else None


def _since_start(at: datetime) -> float | None:
    try:
        return float((at - (_START if at.tzinfo is None else _START_UTC)).total_seconds())
    except Exception:  # noqa: BLE001 - a zone of somebody else's may do anything
        return None


def kept(at: Any) -> At | None:
    """Return a time that can be stored as JSON and read back, None for what is none."""
    return at if seconds(at) is not None else None


def dump(at: At | None) -> str | float | None:
    """Return a time as a JSON type."""
    return at.isoformat() if isinstance(at, datetime) else at


def load(value: str | float | None) -> At | None:
    """Return the time that :func:`dump` was given."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def spoken(length: float) -> str:
    """Say a length of time, given in seconds."""
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if length >= 2 * size:
            return f"{length / size:.3g} {unit}"
    return f"{length:.3g} s"
