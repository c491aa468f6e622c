"""How readily a detector speaks."""

from __future__ import annotations

from typing import Final

WORDS: Final = {"low": 0.25, "medium": 0.5, "high": 0.75}


def level(sensitivity: float | str) -> float:
    """Return a sensitivity as a number from 0 to 1.

    Raises:
        ValueError: It is neither such a number nor one of the words.

    """
    if isinstance(sensitivity, str) and sensitivity in WORDS:
        return WORDS[sensitivity]
    number = isinstance(sensitivity, (int, float)) and not isinstance(sensitivity, bool)
    if number and 0 <= float(sensitivity) <= 1:
        return float(sensitivity)
    raise ValueError(
        f"A sensitivity is a number from 0 to 1, or low, medium or high; {sensitivity!r} is not. "
        "The detector was not made."
    )


def scaled(threshold: float, sensitivity: float) -> float:
    """Return a threshold that was found at the sensitivity of 0.5 for another one.

    It doubles at 0 and halves at 1.
    """
    return float(threshold * 2 ** (1 - 2 * sensitivity))
