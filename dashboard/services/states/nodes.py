"""A value of a state as a person looks at it: type, size, a preview, children. Pure.

Values that only other code could build come as ``{"__type__": name, "value": …}`` and are shown
under that name; nothing is built from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from dashboard.services.states.places import Place, Places, Step

Path = tuple[Step, ...]

TYPE, VALUE = "__type__", "value"
PREVIEW_CHARACTERS = 200
PREVIEW_ITEMS = 5
_JSON_NAMES = {
    "NoneType": "null",
    "bool": "boolean",
    "int": "integer",
    "float": "number",
    "str": "text",
    "dict": "object",
    "list": "list",
    "set": "set",
    "tuple": "tuple",
    "bytes": "bytes",
}


class NoSuchStep(LookupError):
    """The value has no such child, or another one at that position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One value, by its keys (``path``) and by its address (``places``).

    ``size`` counts children, characters or bytes; None where nothing is counted. ``described``
    marks a value that could not be rebuilt; ``cut`` that the preview is not all.
    """

    key: Step
    path: Path
    places: Places
    type_name: str
    preview: str
    size: int | None
    has_children: bool
    described: bool
    cut: bool


def node(value: Any, path: Path, places: Places) -> Node:
    """Describe the value that lies at ``path``, which ``places`` address."""
    preview, cut = _preview(value)
    return Node(
        key=path[-1] if path else "",
        path=path,
        places=places,
        type_name=_type_name(value),
        preview=preview,
        size=_size(value),
        has_children=bool(_is_container(value) and len(value)),
        described=_is_described(value),
        cut=cut,
    )


def children(value: Any, parent: Node, *, start: int, limit: int) -> tuple[Node, ...]:
    """Describe up to ``limit`` children of a value, from the one at ``start``."""
    shown = islice(_items(value), start, start + limit)
    return tuple(
        node(child, (*parent.path, key), (*parent.places, Place.of(position, key)))
        for position, (key, child) in enumerate(shown, start)
    )


def step_into(value: Any, place: Place) -> tuple[Step, Any]:
    """Return a child and its key. Raises NoSuchStep."""
    for key, child in islice(_items(value), place.position, place.position + 1):
        if Place.of(place.position, key) == place:
            return key, child
    raise NoSuchStep(place)


def whole_text(value: Any) -> str:
    """Return a leaf in full, as text."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex(" ")
    return value if isinstance(value, str) else repr(value)


def _items(value: Any) -> Iterator[tuple[Step, Any]]:
    if isinstance(value, Mapping):
        return ((_key(key), child) for key, child in value.items())
    if isinstance(value, (set, frozenset)):
        return enumerate(sorted(value, key=repr))
    if _is_container(value):
        return enumerate(value)
    return iter(())


def _key(key: Any) -> Step:
    return key if isinstance(key, (str, int)) and not isinstance(key, bool) else repr(key)


def _is_container(value: Any) -> bool:
    if isinstance(value, (str, bytes, bytearray)):
        return False
    return isinstance(value, (Mapping, Sequence, set, frozenset))


def _is_described(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {TYPE, VALUE}


def _type_name(value: Any) -> str:
    if _is_described(value):
        return str(value[TYPE])
    name = type(value).__name__
    return _JSON_NAMES.get(name, name)


def _size(value: Any) -> int | None:
    if isinstance(value, (str, bytes, bytearray)) or _is_container(value):
        return len(value)
    return None


def _preview(value: Any) -> tuple[str, bool]:
    """Return a short text for a value, and whether it leaves something out."""
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, (bytes, bytearray)):
        return _cut(
            bytes(value[:PREVIEW_CHARACTERS]).hex(" "), longer=len(value) > PREVIEW_CHARACTERS
        )
    if _is_container(value):
        return _summary(value)
    return _cut(repr(value) if isinstance(value, float) else _literal(value))


def _literal(value: Any) -> str:
    return {None: "null", True: "true", False: "false"}[value] if _is_word(value) else str(value)


def _is_word(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _cut(text: str, *, longer: bool = False) -> tuple[str, bool]:
    if len(text) <= PREVIEW_CHARACTERS:
        return text, longer
    return text[:PREVIEW_CHARACTERS], True


def _summary(value: Any) -> tuple[str, bool]:
    """Name the first keys of an object, count the items of a list."""
    if not value:
        return "empty", False
    if not isinstance(value, Mapping):
        return f"{len(value):,} item{'' if len(value) == 1 else 's'}", False
    names = ", ".join(str(key) for key in islice(value, PREVIEW_ITEMS))
    shown, _ = _cut(names)
    return (f"{shown}, …" if len(value) > PREVIEW_ITEMS else shown), False
