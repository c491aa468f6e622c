"""Looks into values of any kind without running anything of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

_NAME_OF: Final = type.__dict__["__name__"].__get__
_NUMBERS: Final = frozenset({int, float})
_LISTS: Final = frozenset({list, tuple, set, frozenset})
_TEXTS: Final = frozenset({str, bytes, bytearray})
LONGEST_KEY: Final = 80
"""Characters of a key that are looked at."""


def kind_of(value: Any) -> str:
    """Return what a value is: null, boolean, number, text, mapping, list, or its class's name."""
    made = type(value)
    if value is None:
        return "null"
    if made is bool:
        return "boolean"
    for kinds, name in ((_NUMBERS, "number"), (_TEXTS, "text"), (_LISTS, "list")):
        if made in kinds:
            return name
    if issubclass(made, Mapping):
        return "mapping"
    if issubclass(made, (list, tuple)):
        return "list"
    return f"a {_NAME_OF(made)[:LONGEST_KEY]}"


def items_of(value: Any, most: int) -> list[tuple[str, Any]]:
    """Return the first items of a mapping with keys as text; nothing where it cannot be read."""
    if issubclass(type(value), dict):
        found = islice(dict.items(value), most)
        return [(key_text(key), item) for key, item in found]
    try:
        return [(key_text(key), item) for key, item in islice(value.items(), most)]
    except Exception:  # noqa: BLE001 - a mapping of somebody else's may do anything
        return []


def elements_of(value: Any, most: int) -> list[Any]:
    """Return the first elements of a list, tuple or set."""
    for kind in (list, tuple, set, frozenset):
        if issubclass(type(value), kind):
            return list(islice(kind.__iter__(value), most))
    return []


def key_text(key: Any) -> str:
    """Return a key as a bounded text."""
    made = type(key)
    if made is str:
        return str(key[:LONGEST_KEY])
    if made is int or made is bool or made is float:
        return number_text(key)[:LONGEST_KEY]
    return kind_of(key)


def number_text(value: float) -> str:
    """Return a number as a text; one of any length, which ``str`` refuses to write."""
    if type(value) is int and value.bit_length() > 256:
        return hex(value >> (value.bit_length() - 256)) + f"~{value.bit_length()}"
    return repr(value)
