"""What counts as a number."""

from __future__ import annotations

import math
from typing import Any, Final

LARGEST: Final = 1e18
"""Beyond it lies no measurement of an agent, but an id, a hash or a mistake."""


def number(value: Any) -> float | None:
    """Return a finite number as a float; None for anything else, truth values too."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not -LARGEST <= value <= LARGEST or math.isnan(value):
        return None
    return float(value)
