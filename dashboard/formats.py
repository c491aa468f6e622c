"""How values are written for people: ages, sizes, counts, short ids. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

UNKNOWN = "–"
_AGES = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"))
_SIZES = ("bytes", "KB", "MB", "GB", "TB", "PB")
_LONGEST_ID = 20
_LONGEST_NAME = 80
_LONGEST_PATH = 400


def age(then: datetime, now: datetime) -> str:
    """Return how long ago ``then`` was, in one unit: ``12 s ago``, ``in 3 min``, ``now``."""
    seconds = round((now - then).total_seconds())
    if abs(seconds) < 2:
        return "now"
    text = _span(abs(seconds))
    return f"in {text}" if seconds < 0 else f"{text} ago"


def _span(seconds: int) -> str:
    for limit, size, name in _AGES:
        if seconds < limit:
            return f"{seconds // size} {name}"
    return f"{seconds // 86400} d"


def duration(seconds: float) -> str:
    """Return a length of time: ``0.42 s``, ``3 min``."""
    return f"{seconds:.2g} s" if seconds < 10 else _span(round(seconds))


def size(count: int | None) -> str:
    """Return bytes in decimal units, ``–`` when unknown: ``912 bytes``, ``4.1 MB``."""
    if count is None:
        return UNKNOWN
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_SIZES) - 1:
        value, unit = value / 1000, unit + 1
    if unit == 0:
        return "1 byte" if count == 1 else f"{count} bytes"
    return f"{value:.1f} {_SIZES[unit]}" if value < 99.95 else f"{value:.0f} {_SIZES[unit]}"


def exact_size(count: int | None) -> str:
    """Return bytes to the last one: ``4,113,210 bytes``."""
    return "size not known" if count is None else f"{count:,} bytes"


def short(identifier: str) -> str:
    """Return an id cut in the middle, so that both its time and its tail can be told apart."""
    if len(identifier) <= _LONGEST_ID:
        return identifier
    return f"{identifier[:8]}…{identifier[-6:]}"


def sentence(text: str) -> str:
    """Return a message with the one full stop that ends it; empty stays empty."""
    told = text.strip()
    if not told or told.endswith(("!", "?", "…")):
        return told
    return f"{told.rstrip('.')}."


def cause(error: object) -> str:
    """Return in words what a checkpoint's metadata say of an error: its type and its message."""
    if not isinstance(error, Mapping) or "type" not in error:
        return str(error or "")
    return ": ".join(str(part) for part in (error["type"], error.get("message")) if part)


def figure(value: object) -> str:
    """Return a measured number without what binary fractions leave behind: 0.41, 143."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def path_text(path: Iterable[str | int]) -> str:
    """Return a path as it would be written in code: ``messages[3].content``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.isidentifier():
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text or "the whole state"


def cut(text: str, longest: int = _LONGEST_NAME) -> str:
    """Return a text of at most ``longest`` characters; an ellipsis stands for the rest."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def short_path_text(path: Iterable[str | int]) -> str:
    """Return a path for reading alone: long names in it, and its tail, are cut."""
    steps = (step if isinstance(step, int) else cut(step) for step in path)
    return cut(path_text(steps), _LONGEST_PATH)
