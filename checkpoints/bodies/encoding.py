"""States as canonical JSON bytes, and exactly back.

What JSON can carry is written as itself, in its own order. What it cannot is written as
``{"$hf": [tag, …]}``: tuples, sets, bytes, dates and times, decimals, UUIDs, integers beyond 64
bits, NaN and infinities, strings with lone surrogates, mappings with keys that are not strings.
Anything else is refused with the path of the value, because a guess would not read back equal.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NoReturn
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from checkpoints.errors import CorruptCheckpoint, UnsupportedState

TAG = "$hf"
MAX_DEPTH = 200
"""Levels of nesting; orjson itself stops at 254, and each tagged value takes two."""

_TAG_BYTES = b'"$hf"'
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1


class _Refused(Exception):
    """A value that cannot be kept; collects the path on its way out."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.steps: list[object] = []


def encode(state: Any) -> bytes:
    """Return ``state`` as canonical JSON. Raises UnsupportedState naming the value's path."""
    try:
        return orjson.dumps(_tag(state, 0))
    except _Refused as error:
        path = "$" + "".join(f"[{step!r}]" for step in reversed(error.steps))
        raise UnsupportedState(f"{path}: {error}; nothing was saved", path=path) from None


def decode(data: bytes) -> Any:
    """Return what :func:`encode` was given. Raises CorruptCheckpoint for anything else."""
    try:
        value = orjson.loads(data)
        return _untag(value) if _TAG_BYTES in data else value
    except (
        ValueError,
        TypeError,
        LookupError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise CorruptCheckpoint(f"the body is not an encoded state: {error}") from error


def _tag(value: Any, depth: int) -> Any:
    """Return ``value`` with everything that JSON cannot carry replaced by its tagged form."""
    kind = type(value)
    if kind is str:
        return value if value.isascii() else _tag_text(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if _INT_MIN <= value <= _INT_MAX else {TAG: ["int", hex(value)]}
    if kind is float:
        return value if math.isfinite(value) else {TAG: ["float", str(value)]}
    if depth >= MAX_DEPTH:
        raise _Refused(f"nested deeper than {MAX_DEPTH} levels")
    if kind is dict:
        return _tag_mapping(value, depth)
    if kind is list:
        return _tag_items(value, depth)
    tagger = _TAGGERS.get(kind)
    if tagger is None:
        raise _Refused(f"a value of type {kind.__module__}.{kind.__qualname__} cannot be kept")
    return {TAG: tagger(value, depth)}


def _tag_text(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        return {TAG: ["str", _base64(value.encode("utf-8", "surrogatepass"))]}
    return value


def _tag_mapping(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    if TAG in value or not all(type(key) is str and _is_utf8(key) for key in value):
        pairs = [[_tag_key(key), _step(key, item, depth + 2)] for key, item in value.items()]
        return {TAG: ["map", pairs]}
    return {key: _step(key, item, depth) for key, item in value.items()}


def _tag_key(key: Any) -> Any:
    try:
        return _tag(key, MAX_DEPTH - 2)
    except _Refused as error:
        error.steps.append(key)
        raise


def _tag_items(values: Any, depth: int) -> list[Any]:
    return [_step(index, item, depth) for index, item in enumerate(values)]


def _step(step: object, value: Any, depth: int) -> Any:
    try:
        return _tag(value, depth + 1)
    except _Refused as error:
        error.steps.append(step)
        raise


def _is_utf8(text: str) -> bool:
    return text.isascii() or isinstance(_tag_text(text), str)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _tag_datetime(value: datetime, _depth: int) -> list[Any]:
    zone = value.tzinfo
    if isinstance(zone, ZoneInfo):
        if zone.key is None:
            raise _Refused("a datetime in a time zone without a name cannot be kept")
        return [
            "datetime",
            value.replace(tzinfo=None).isoformat(),
            value.fold,
            zone.key,
        ]
    return ["datetime", value.isoformat(), value.fold]


def _tag_set(value: Any, depth: int) -> list[Any]:
    items = _tag_items(value, depth + 2)
    return [type(value).__name__, sorted(items, key=orjson.dumps)]


_TAGGERS: dict[type, Callable[[Any, int], list[Any]]] = {
    tuple: lambda value, depth: ["tuple", _tag_items(value, depth + 2)],
    set: _tag_set,
    frozenset: _tag_set,
    bytes: lambda value, _: ["bytes", _base64(value)],
    bytearray: lambda value, _: ["bytearray", _base64(bytes(value))],
    datetime: _tag_datetime,
    date: lambda value, _: ["date", value.isoformat()],
    time: lambda value, _: ["time", value.isoformat(), value.fold],
    timedelta: lambda value, _: [
        "timedelta",
        [value.days, value.seconds, value.microseconds],
    ],
    Decimal: lambda value, _: ["decimal", str(value)],
    UUID: lambda value, _: ["uuid", value.hex],
}


def _untag(value: Any) -> Any:
    """Return the value that :func:`_tag` was given."""
    if type(value) is list:
        return [_untag(item) for item in value]
    if type(value) is not dict:
        return value
    if TAG in value:
        name, *rest = value[TAG]
        return _UNTAGGERS.get(name, _unknown_tag)(*rest)
    return {key: _untag(item) for key, item in value.items()}


def _unknown_tag(*_: object) -> NoReturn:
    raise ValueError("a tag of a newer version")


def _untag_datetime(text: str, fold: int, zone: str | None = None) -> datetime:
    value = datetime.fromisoformat(text).replace(fold=fold)
    return value if zone is None else value.replace(tzinfo=ZoneInfo(zone))


_UNTAGGERS: dict[str, Callable[..., Any]] = {
    "int": lambda text: int(text, 16),
    "float": float,
    "str": lambda text: base64.b64decode(text).decode("utf-8", "surrogatepass"),
    "map": lambda pairs: {_untag(key): _untag(item) for key, item in pairs},
    "tuple": lambda items: tuple(_untag(item) for item in items),
    "set": lambda items: {_untag(item) for item in items},
    "frozenset": lambda items: frozenset(_untag(item) for item in items),
    "bytes": base64.b64decode,
    "bytearray": lambda text: bytearray(base64.b64decode(text)),
    "datetime": _untag_datetime,
    "date": date.fromisoformat,
    "time": lambda text, fold: time.fromisoformat(text).replace(fold=fold),
    "timedelta": lambda parts: timedelta(*parts),
    "decimal": Decimal,
    "uuid": lambda text: UUID(hex=text),
}
