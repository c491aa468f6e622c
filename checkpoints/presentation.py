"""States as JSON that people and programs can read: types are shown, never guessed at."""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

INT_LIMIT = 2**53


def presentable(value: Any) -> Any:
    """Return ``value`` as plain JSON types.

    What JSON cannot carry becomes ``{"__type__": name, "value": …}``; bytes are base64. This is
    for reading; ``checkpoints.bodies`` has the encoding that reads back exactly.
    """
    if value is None or isinstance(value, (bool, str)):
        return value if not isinstance(value, str) else _text(value)
    if isinstance(value, int):
        return value if abs(value) <= INT_LIMIT else _typed("int", str(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else _typed("float", str(value))
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, list):
        return [presentable(item) for item in value]
    if isinstance(value, (tuple, set, frozenset)):
        return _typed(type(value).__name__, [presentable(item) for item in value])
    if isinstance(value, (bytes, bytearray)):
        return _typed(type(value).__name__, base64.b64encode(value).decode("ascii"))
    return _typed(type(value).__name__, _text(str(value)))


def one_line(text: str) -> str:
    """Return text without control characters, so that a hostile name cannot forge a line."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def summarised(steps: Sequence[str], most: int = 8) -> str:
    """Return steps that run again as people read them: each name once, with how often.

    ``most`` names are given, the commonest first, when there are more than that.
    """
    counts = Counter(steps)
    if len(steps) <= most:
        return ", ".join(steps)
    names = [f"{name} × {count}" if count > 1 else name for name, count in counts.most_common(most)]
    more = f" and {len(counts) - most} others" if len(counts) > most else ""
    return f"{len(steps)} steps: {', '.join(names)}{more}"


def _typed(name: str, value: Any) -> dict[str, Any]:
    return {"__type__": name, "value": value}


def _mapping(value: Mapping[Any, Any]) -> Any:
    if all(isinstance(key, str) for key in value):
        return {_text(key): presentable(item) for key, item in value.items()}
    pairs = [[presentable(key), presentable(item)] for key, item in value.items()]
    return _typed("dict", pairs)


def _text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode() if not text.isascii() else text
