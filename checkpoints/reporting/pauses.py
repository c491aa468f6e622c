"""How long to wait before the next try."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_RETRY_AFTER = 3600.0


class Pauses:
    """Pauses in seconds: drawn below a bound that doubles with each failure ("full jitter")."""

    def __init__(self, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._failures = 0

    def reset(self) -> None:
        """Begin anew: a request went through."""
        self._failures = 0

    def next(self, *, told: float | None = None, patiently: bool = False) -> float:
        """Return the next pause: at least what the dashboard ``told``.

        ``patiently`` takes the longest: only a person can put right what is wrong.
        """
        bound = min(self._longest, self._first * 2.0 ** min(self._failures, 30))
        self._failures += 1
        if patiently:
            return self._longest * (0.5 + _chance() / 2)
        if told is not None:
            return told + self._first * _chance()
        return bound * _chance()


def retry_after_seconds(value: str | None, *, now: datetime) -> float | None:
    """Return what a Retry-After header asks for, in seconds or as a date; None for neither.

    A date that no calendar holds is neither.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER)


def _chance() -> float:
    return random.random()  # noqa: S311 - spreads requests, hides nothing
