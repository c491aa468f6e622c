"""Values that do harm when anything of theirs is run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NoReturn


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise AssertionError("code of a value was run")


class Hostile:
    """Raises whatever is asked of it."""

    __str__ = __repr__ = __eq__ = __hash__ = __len__ = __iter__ = __bool__ = _refuse
    __getattr__ = __format__ = __lt__ = __float__ = __int__ = __reduce__ = _refuse


class HostileText(str):
    __slots__ = ()
    __str__ = __repr__ = __eq__ = __hash__ = __len__ = __iter__ = split = lower = _refuse


class HostileDict(dict[str, Any]):
    __iter__ = __len__ = __getitem__ = items = keys = values = get = _refuse


class HostileList(list[Any]):
    __iter__ = __len__ = __getitem__ = _refuse


class HostileMapping(Mapping[str, Any]):
    def __getitem__(self, key: str) -> NoReturn:
        raise RuntimeError("no")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no")

    def __len__(self) -> int:
        raise RuntimeError("no")


class HostileZone(tzinfo):
    def utcoffset(self, _: datetime | None) -> timedelta:
        raise RuntimeError("no")

    dst = utcoffset

    def tzname(self, _: datetime | None) -> str:
        raise RuntimeError("no")


VALUES: list[Any] = [
    None,
    math.nan,
    math.inf,
    -math.inf,
    10**5000,
    "",
    "\ud800",
    b"\xff\x00",
    Hostile(),
    HostileText("x"),
    HostileDict(a=1),
    HostileList([1, 2]),
    HostileMapping(),
    {1: 2, None: 3, (1, 2): 4, math.nan: 5, 10**5000: 6},
    {1, 2, 3},
    object(),
    _refuse,
    "{" * 5000,
    "[" * 15_000,
]

TIMES: list[Any] = [
    None,
    math.nan,
    math.inf,
    -1e300,
    10**400,
    "yesterday",
    Hostile(),
    datetime.max.replace(tzinfo=UTC),
    datetime.min.replace(tzinfo=UTC),
    datetime(2026, 1, 1, tzinfo=HostileZone()),
    True,
]


def nested(depth: int) -> Any:
    """Return a list in a list in a list."""
    value: Any = []
    for _ in range(depth):
        value = [value, {"x": value}] if depth < 20 else [value]
    return value


def cyclic() -> Any:
    """Return a mapping that holds itself."""
    value: dict[str, Any] = {"a": 1}
    value["self"] = value
    value["list"] = [value, value]
    return value
