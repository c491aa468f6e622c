"""States as JSON that people can read, and exactly back.

What JSON can carry is written as itself, in its own order; what it cannot is written as
``{"$hf": [tag, …]}``.
"""

from __future__ import annotations

from typing import Any

import orjson

from checkpoints.bodies.tags import TAG, UNREADABLE, Refused, Walker, rebuilt
from checkpoints.errors import CorruptCheckpoint, UnsupportedState

_WALKER = Walker(wrap=lambda tagged: {TAG: tagged}, order=orjson.dumps)


def to_json(state: Any) -> Any:
    """Return ``state`` as JSON types. Raises UnsupportedState naming the value's path."""
    try:
        return _WALKER.walk(state)
    except Refused as error:
        raise UnsupportedState(
            f"{error.path}: {error}; nothing was saved", path=error.path
        ) from None


def from_json(value: Any) -> Any:
    """Return what :func:`to_json` was given. Raises CorruptCheckpoint for anything else."""
    try:
        return _untag(value)
    except UNREADABLE as error:
        raise CorruptCheckpoint(f"the body is not an encoded state: {error}") from error


def _untag(value: Any) -> Any:
    if type(value) is list:
        return [_untag(item) for item in value]
    if type(value) is not dict:
        return value
    if TAG in value:
        tag, *given = value[TAG]
        return rebuilt(tag, *_untag(given))
    return {key: _untag(item) for key, item in value.items()}
