"""Parameters that loops and chains understand themselves, as operators give them."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

logger = logging.getLogger("checkpoints")


def meaningful(
    parameters: Mapping[str, Any], meanings: Mapping[str, Callable[[object], bool]]
) -> dict[str, Any]:
    """Return the parameters without those whose value means nothing, for they would end an agent.

    ``meanings`` says by name whether a value means something; other names may hold anything.
    """
    known = meanings.keys() & parameters.keys()
    wrong = {name for name in known if not meanings[name](parameters[name])}
    for name in wrong:
        logger.error("%s cannot be %r; it was left as it is", name, parameters[name])
    return {name: value for name, value in parameters.items() if name not in wrong}


def is_amount(value: object) -> bool:
    """Whether it is a finite number from 0 on."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and 0 <= value < math.inf  # type: ignore[operator]


def is_limit(value: object) -> bool:
    """Whether it is an amount, or None for no limit."""
    return value is None or is_amount(value)
