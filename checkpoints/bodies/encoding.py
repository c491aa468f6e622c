"""Values as MessagePack bytes, and exactly back.

The encoder does its work in one pass without looking at each value from Python. What MessagePack
cannot carry becomes an extension that holds the tagged value (``checkpoints.bodies.tags``). A value
that the fast pass refuses is walked once more, to carry it the slow way or to name its path.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import orjson
import ormsgpack

from checkpoints.bodies.tags import UNREADABLE, Refused, Walker, arguments, rebuilt
from checkpoints.errors import CorruptCheckpoint, UnsupportedState

TAGGED = 1
"""The code of the extension type whose payload is ``[tag, argument, …]``."""

_OPTIONS = (
    ormsgpack.OPT_PASSTHROUGH_BIG_INT
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_TUPLE
    | ormsgpack.OPT_PASSTHROUGH_UUID
)
_BINARY_CODES = (b"\xc4", b"\xc5", b"\xc6")


def encode(value: Any, *steps: object) -> bytes:
    """Return ``value`` as MessagePack.

    Raises UnsupportedState naming the value's path, which begins with ``steps``.
    """
    data = encode_loosely(value, *steps)
    return settled(value, data, *steps, binary=may_hold_binary(data))[0]


def encode_loosely(value: Any, *steps: object) -> bytes:
    """Like :func:`encode`, but a bytearray may become bytes; :func:`settled` mends that."""
    try:
        return ormsgpack.packb(value, default=_tagged, option=_OPTIONS)
    except (TypeError, ValueError, RecursionError):
        return _encode_slowly(value, steps)


def may_hold_binary(data: bytes) -> bool:
    """Say whether the header of binary data may stand in an encoding; often only text looks so."""
    return any(code in data for code in _BINARY_CODES)


def settled(value: Any, data: bytes, *steps: object, binary: bool) -> tuple[bytes, bool]:
    """Return the exact encoding of a value, and whether it does hold binary data.

    ``binary`` says whether it may; nothing is looked at where it cannot.
    """
    kinds = _kinds(value) if binary else frozenset()
    if kinds is None or kinds - {bytes, set, frozenset}:
        return _encode_slowly(value, steps), True
    return data, bytes in kinds


def decode(data: bytes) -> Any:
    """Return what :func:`encode` was given. Raises CorruptCheckpoint for anything else."""
    try:
        return ormsgpack.unpackb(data, ext_hook=_rebuilt)
    except UNREADABLE as error:
        raise CorruptCheckpoint(f"the body is not an encoded state: {error}") from error


def _tagged(value: Any) -> ormsgpack.Ext:
    """Tag a value of the fast pass; one more within it is left to the slow one, which counts."""
    plain = arguments(value, list, _order)
    return ormsgpack.Ext(TAGGED, ormsgpack.packb(plain, default=_too_deep, option=_OPTIONS))


def _too_deep(_value: Any) -> Any:
    raise Refused("tagged within tagged")


def _order(item: Any) -> bytes:
    return ormsgpack.packb(item, default=_too_deep, option=_OPTIONS)


def _encode_slowly(value: Any, steps: tuple[object, ...]) -> bytes:
    try:
        return _packed(_WALKER.walk(value, len(steps)))
    except Refused as error:
        error.steps.extend(reversed(steps))
        raise UnsupportedState(
            f"{error.path}: {error}; nothing was saved", path=error.path
        ) from None


def _packed(plain: Any) -> bytes:
    return ormsgpack.packb(plain)


_WALKER = Walker(
    wrap=lambda tagged: ormsgpack.Ext(TAGGED, _packed(tagged)),
    order=_packed,
    natively=frozenset({bytes, float}),
)


def _kinds(value: Any) -> Set[type] | None:
    """Return the types in a value that JSON lacks, None where that cannot be told.

    Among them may be a bytearray, which the fast pass would make bytes.
    """
    found: set[type] = set()

    def look(item: Any) -> Any:
        found.add(type(item))
        return list(item) if isinstance(item, (set, frozenset)) else None

    try:
        orjson.dumps(value, default=look)
    except TypeError:
        return None
    return found


def _rebuilt(code: int, payload: bytes) -> Any:
    if code != TAGGED:
        raise ValueError(f"extension type {code} is not known")
    tag, *given = ormsgpack.unpackb(payload, ext_hook=_rebuilt)
    return rebuilt(tag, *given)
