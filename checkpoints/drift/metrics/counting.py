"""How much a field of a state holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from checkpoints.drift.metrics.messages import opened

MOST_FIELDS: Final = 256
"""Fields of a mapping that are looked at."""


def counted(value: Any) -> int | None:
    """Return how many entries a collection has, None for what is none.

    Of a mapping of collections, as DreamOS keeps its memory, what they hold together counts.
    """
    inner = opened(value)
    if isinstance(inner, Mapping):
        parts = list(inner.values())[:MOST_FIELDS]
        if parts and all(isinstance(part, (list, tuple, Mapping)) for part in parts):
            return sum(len(part) for part in parts)
        return len(inner)
    return len(inner) if isinstance(inner, (list, tuple, set, frozenset)) else None
