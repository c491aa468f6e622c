"""Values and paths as short texts, on one line each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from checkpoints.diffs import Path
from checkpoints.presentation import one_line, presentable

LONGEST: Final = 160
"""Letters of a value that are shown."""
_DESCRIBED = frozenset({"__type__", "value"})
_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})
_ITEMS = 20
_DEPTH = 6


def shortened(value: Any) -> str:
    """Return a value as JSON on one line, cut to a length that a list can show."""
    text = one_line(json.dumps(presentable(_outline(value, _DEPTH)), ensure_ascii=False))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def path_text(path: Path) -> str:
    """Return a path as people write it: ``messages[3].content``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return one_line(text.removeprefix(".")) or "the whole state"


def _outline(value: Any, depth: int) -> Any:
    """Return as much of a value as could be shown: large ones are not written out to be cut."""
    if isinstance(value, (str, bytes, bytearray)):
        return value[:LONGEST]
    if isinstance(value, Mapping):
        if depth == 0:
            return "…"
        if value.keys() == _DESCRIBED:
            return _outline_described(value, depth)
        return {key: _outline(item, depth - 1) for key, item in islice(value.items(), _ITEMS)}
    if isinstance(value, (list, tuple, set, frozenset)):
        return "…" if depth == 0 else [_outline(item, depth - 1) for item in islice(value, _ITEMS)]
    return value


def _outline_described(value: Mapping[str, Any], depth: int) -> Any:
    """Return a described value under its class's name, without the fields that are empty."""
    inner = value["value"]
    if isinstance(inner, Mapping):
        inner = {key: item for key, item in inner.items() if item not in _EMPTY}
    return {str(value["__type__"]).rpartition(".")[2]: _outline(inner, depth - 1)}


def question_text(value: Any) -> str:
    """Return what an interrupt asks, taken out of what LangGraph wraps it in."""
    inner = value
    while isinstance(inner, Mapping) and "value" in inner:
        inner = inner["value"]
    if isinstance(inner, (list, tuple)) and len(inner) == 1:
        return question_text(inner[0])
    return one_line(inner)[:LONGEST] if isinstance(inner, str) else shortened(inner)
