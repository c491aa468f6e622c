"""What a detector takes as a number."""

from __future__ import annotations

from math import isfinite
from typing import Any

LIMIT = 1e150
"""Squares of larger numbers would overflow; what is beyond is held to be this."""


def number(value: Any, metric: str) -> float | None:
    """Return a value as a float, None where it is not a number or infinite.

    Raises:
        TypeError: It is a text or another thing that no arithmetic takes.

    """
    if isinstance(value, (str, bytes, bytearray)) or not hasattr(value, "__float__"):
        raise TypeError(
            f"{metric} is measured in numbers; this is {type(value).__name__} "
            f"({str(value)[:40]!r}). Nothing was learnt from it; convert it with float()."
        )
    try:
        found = float(value)
    except OverflowError:
        return LIMIT if value > 0 else -LIMIT
    if not isfinite(found):
        return None
    return min(max(found, -LIMIT), LIMIT)
