"""What a format cannot carry, as a tag and arguments that it can, and back.

A tagged value is ``[tag, argument, …]``: ``["tuple", [1, 2]]``, ``["decimal", "1.10"]``. How a
format marks such a list as tagged is its own matter. Types that are not known here are refused
with the path of the value, because a guess would not read back equal.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NoReturn
from uuid import UUID
from zoneinfo import ZoneInfo

MAX_DEPTH = 200
"""Levels of nesting that are kept; each tagged value takes two of them."""

KEY_DEPTH = 10
"""Levels that a key of a mapping may nest."""

_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1
Order = Callable[[Any], bytes]
Items = Callable[[Iterable[Any]], list[Any]]


UNREADABLE = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RecursionError,
    OSError,
)
"""What reading forged tags may end in: a time zone's name is looked up as a file."""


class Refused(Exception):
    """A value that cannot be kept; collects the path on its way out."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.steps: list[object] = []

    @property
    def path(self) -> str:
        """Where the value stands, as ``$['plan'][0]``."""
        return "$" + "".join(f"[{step!r}]" for step in reversed(self.steps))


@dataclass(frozen=True, slots=True)
class Walker:
    """Replaces, throughout a value, what a format cannot carry.

    ``wrap`` marks a tagged list, ``order`` sorts the items of sets, ``natively`` names the types
    beyond JSON's that the format carries itself.
    """

    wrap: Callable[[list[Any]], Any]
    order: Order
    natively: frozenset[type] = frozenset()

    def walk(self, value: Any, depth: int = 0) -> Any:
        """Return ``value`` made of what the format carries. Raises Refused."""
        kind = type(value)
        if value is None or kind is bool or kind in self.natively or _is_plain_number(value):
            return value
        if kind is str:
            return self._text(value)
        if depth >= MAX_DEPTH:
            raise Refused(f"nested deeper than {MAX_DEPTH} levels")
        if kind is dict:
            return self._mapping(value, depth)
        if kind is list:
            return self._items(value, depth)
        return self.wrap(arguments(value, lambda items: self._items(items, depth + 2), self.order))

    def _text(self, value: str) -> Any:
        if is_utf8(value):
            return value
        return self.wrap(["str", _base64(value.encode("utf-8", "surrogatepass"))])

    def _mapping(self, value: dict[Any, Any], depth: int) -> Any:
        if all(type(key) is str and key != TAG and is_utf8(key) for key in value):
            return dict(zip(value, self._steps(value.items(), depth), strict=True))
        keys = [self._key(key) for key in value]
        items = self._steps(value.items(), depth + 2)
        return self.wrap(["map", [list(pair) for pair in zip(keys, items, strict=True)]])

    def _key(self, key: Any) -> Any:
        return self._steps([(key, key)], MAX_DEPTH - KEY_DEPTH)[0]

    def _items(self, values: Iterable[Any], depth: int) -> list[Any]:
        return self._steps(enumerate(values), depth)

    def _steps(self, pairs: Iterable[tuple[object, Any]], depth: int) -> list[Any]:
        """Walk values that stand at named places; a refusal learns the place on its way out."""
        walked = []
        for step, item in pairs:
            try:
                walked.append(self.walk(item, depth + 1))
            except Refused as error:
                error.steps.append(step)
                raise
        return walked


TAG = "$hf"
"""The key that marks a tagged value in readable JSON; a mapping that has it is tagged itself."""


def _is_plain_number(value: Any) -> bool:
    kind = type(value)
    if kind is int:
        return bool(_INT_MIN <= value <= _INT_MAX)
    return kind is float and math.isfinite(value)


def is_utf8(text: str) -> bool:
    """Say whether a text has no lone surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def arguments(value: Any, items: Items, order: Order) -> list[Any]:
    """Return the tag and the arguments of a value; ``items`` prepares those of a container."""
    kind = type(value)
    tagger = _TAGGERS.get(kind)
    if tagger is None:
        raise Refused(f"a value of type {kind.__module__}.{kind.__qualname__} cannot be kept")
    return tagger(value, items, order)


def rebuilt(tag: str, *given: Any) -> Any:
    """Return the value of a tag and its arguments. Raises ValueError for an unknown tag."""
    return _UNTAGGERS.get(tag, _unknown_tag)(*given)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _set(value: Any, items: Items, order: Order) -> list[Any]:
    return [type(value).__name__, sorted(items(value), key=order)]


def _datetime(value: datetime, _items: Items, _order: Order) -> list[Any]:
    zone = value.tzinfo
    if not isinstance(zone, ZoneInfo):
        return ["datetime", value.isoformat(), value.fold]
    if zone.key is None:
        raise Refused("a datetime in a time zone without a name cannot be kept")
    return ["datetime", value.replace(tzinfo=None).isoformat(), value.fold, zone.key]


_TAGGERS: dict[type, Callable[[Any, Items, Order], list[Any]]] = {
    int: lambda value, *_: ["int", hex(value)],
    float: lambda value, *_: ["float", str(value)],
    tuple: lambda value, items, _: ["tuple", items(value)],
    set: _set,
    frozenset: _set,
    bytes: lambda value, *_: ["bytes", _base64(value)],
    bytearray: lambda value, *_: ["bytearray", _base64(bytes(value))],
    datetime: _datetime,
    date: lambda value, *_: ["date", value.isoformat()],
    time: lambda value, *_: ["time", value.isoformat(), value.fold],
    timedelta: lambda value, *_: ["timedelta", [value.days, value.seconds, value.microseconds]],
    Decimal: lambda value, *_: ["decimal", str(value)],
    UUID: lambda value, *_: ["uuid", value.hex],
}


def _unknown_tag(*_: object) -> NoReturn:
    raise ValueError("a tag of a newer version")


def _rebuilt_datetime(text: str, fold: int, zone: str | None = None) -> datetime:
    value = datetime.fromisoformat(text).replace(fold=fold)
    return value if zone is None else value.replace(tzinfo=ZoneInfo(zone))


_UNTAGGERS: dict[str, Callable[..., Any]] = {
    "int": lambda text: int(text, 16),
    "float": float,
    "str": lambda text: base64.b64decode(text).decode("utf-8", "surrogatepass"),
    "map": lambda pairs: {key: item for key, item in pairs},  # noqa: C416 - refuses odd pairs
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "bytes": base64.b64decode,
    "bytearray": lambda text: bytearray(base64.b64decode(text)),
    "datetime": _rebuilt_datetime,
    "date": date.fromisoformat,
    "time": lambda text, fold: time.fromisoformat(text).replace(fold=fold),
    "timedelta": lambda parts: timedelta(*parts),
    "decimal": Decimal,
    "uuid": lambda text: UUID(hex=text),
}
