"""SQLite's JSONB, decoded and written without SQLite: versions below 3.45 know nothing of it.

An element is a header and a payload. The low half of the first byte is the type, the high half the
payload's size, or says in how many bytes behind it the size stands. Numbers are text. What is read
comes from others: every size is checked against what is there, depth and number of values have
limits.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from checkpoints.bodies.limits import MAX_DEPTH, MAX_NODES, check_size
from checkpoints.errors import CorruptCheckpoint

NULL, TRUE, FALSE, INT, INT5, FLOAT, FLOAT5 = range(7)
TEXT, TEXTJ, TEXT5, TEXTRAW, ARRAY, OBJECT = range(7, 13)
_TEXTS: Final = frozenset({TEXT, TEXTJ, TEXT5, TEXTRAW})
_CONSTANTS: Final = {NULL: None, TRUE: True, FALSE: False}
_INLINE = 11
"""The largest size that stands in the first byte itself."""
_WIDTHS: Final = {12: 1, 13: 2, 14: 4, 15: 8}
MAX_DIGITS = 4_000
"""The longest number that is read: Python refuses longer ones."""
_NUMBERS: Final = {
    INT: re.compile(rb"-?(?:0|[1-9][0-9]*)"),
    INT5: re.compile(rb"[+-]?(?:0[xX][0-9a-fA-F]+|[0-9]+)"),
    FLOAT: re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"),
    FLOAT5: re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"),
}
_WELL_FORMED: Final = {
    TEXT: re.compile(r'[^"\\\x00-\x1f]*+'),
    TEXTJ: re.compile(r'(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+'),
    TEXT5: re.compile(
        r"(?:[^\\]|\\(?:[\"'\\/bfnrtv\n\u2028\u2029]|\r\n?|0(?![0-9])"
        r"|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}))*+"
    ),
    TEXTRAW: re.compile(r".*+", re.DOTALL),
}
_ESCAPE = re.compile(r"\\(?:u(.{4})|x(..)|(\r\n|.))", re.DOTALL)
_LETTERS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}
_CONTINUATIONS: Final = frozenset({"\n", "\r", "\r\n", "\u2028", "\u2029"})
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_HALF_PAIR = re.compile("[\ud800-\udfff]")


class Element(NamedTuple):
    """Where an element lies: its type, its first byte, its payload's first, and its end."""

    kind: int
    start: int
    payload: int
    end: int


def decode(data: bytes) -> Any:
    """Return what a JSONB value holds.

    Halves of surrogate pairs become replacement characters; of two equal keys the last counts, as
    where CrewAI reads. Raises CorruptCheckpoint for damaged bytes and for values past the limits.
    """
    check_size(len(data))
    return _Decoder(data).value(only_element(data), 0)


def only_element(data: bytes) -> Element:
    """Return the one element that a whole value is. Raises CorruptCheckpoint."""
    element = element_at(data, 0, len(data))
    if element.end != len(data):
        raise _damaged(f"{len(data) - element.end} bytes follow its end")
    return element


def element_at(data: bytes, start: int, end: int) -> Element:
    """Return the element that begins at a byte and must end by another."""
    if start >= end:
        raise _damaged("it ends where a value should begin")
    first = data[start]
    kind, size = first & 0x0F, first >> 4
    payload = start + 1
    if size > _INLINE:
        payload += _WIDTHS[size]
        if payload > end:
            raise _damaged("it ends within a size")
        size = int.from_bytes(data[start + 1 : payload], "big")
    if kind > OBJECT:
        raise _damaged(f"it has an element of the reserved type {kind}")
    if payload + size > end:
        raise _damaged(f"an element of {size:,} bytes does not fit in what is left")
    return Element(kind, start, payload, payload + size)


def fields(data: bytes) -> Iterator[tuple[str, Element]]:
    """Yield the keys of an object and where their values lie, without decoding those.

    Raises CorruptCheckpoint when the value is no object.
    """
    root = only_element(data)
    if root.kind != OBJECT:
        raise _damaged("it is no object")
    decoder, position = _Decoder(data), root.payload
    while position < root.end:
        key = element_at(data, position, root.end)
        value = element_at(data, key.end, root.end)
        decoder.count()
        yield decoder.key(key), value
        position = value.end


def value_of(data: bytes, element: Element) -> Any:
    """Decode one element of a value. Raises CorruptCheckpoint."""
    return _Decoder(data).value(element, 1)


@dataclass(slots=True)
class _Decoder:
    data: bytes
    nodes: int = field(default=0)

    def count(self) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise CorruptCheckpoint(
                f"the body holds more than {MAX_NODES:,} values; it is not decoded"
            )

    def value(self, element: Element, depth: int) -> Any:
        self.count()
        if element.kind == OBJECT:
            return self._object(element, depth + 1)
        if element.kind == ARRAY:
            return self._array(element, depth + 1)
        if element.kind in _TEXTS:
            return self._text(element)
        if element.kind in _CONSTANTS:
            return self._constant(element)
        return self._number(element)

    def key(self, element: Element) -> str:
        if element.kind not in _TEXTS:
            raise _damaged("an object has a key that is no text")
        return self._text(element)

    def _object(self, element: Element, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        name: str | None = None
        for item in self._items(element, depth):
            if name is None:
                name = self.key(item)
            else:
                found[name] = self.value(item, depth)
                name = None
        if name is not None:
            raise _damaged("an object has a key without a value")
        return found

    def _array(self, element: Element, depth: int) -> list[Any]:
        return [self.value(item, depth) for item in self._items(element, depth)]

    def _items(self, element: Element, depth: int) -> Iterator[Element]:
        if depth > MAX_DEPTH:
            raise CorruptCheckpoint(
                f"the body nests deeper than {MAX_DEPTH} levels; it is not decoded"
            )
        position = element.payload
        while position < element.end:
            item = element_at(self.data, position, element.end)
            yield item
            position = item.end

    def _constant(self, element: Element) -> bool | None:
        if element.end != element.payload:
            raise _damaged("a constant has a payload")
        return _CONSTANTS[element.kind]

    def _text(self, element: Element) -> str:
        try:
            text = self.data[element.payload : element.end].decode()
        except UnicodeDecodeError as error:
            raise _damaged("a text is no UTF-8") from error
        if not _WELL_FORMED[element.kind].fullmatch(text):
            raise _damaged("a text holds what its type does not allow")
        has_escapes = element.kind in (TEXTJ, TEXT5) and "\\" in text
        return _unescaped(text) if has_escapes else text

    def _number(self, element: Element) -> int | float:
        digits = self.data[element.payload : element.end]
        if len(digits) > MAX_DIGITS:
            raise _damaged(f"a number has {len(digits):,} digits")
        if not _NUMBERS[element.kind].fullmatch(digits):
            raise _damaged("a number is none")
        if element.kind in (FLOAT, FLOAT5):
            return float(digits)
        return int(digits, 16 if b"x" in digits.lower() else 10)


def _unescaped(text: str) -> str:
    """Return a text with JSON's and JSON5's escapes replaced."""
    plain = _ESCAPE.sub(_letter, text)
    joined = _PAIR.sub(_joined, plain)
    return _HALF_PAIR.sub("\ufffd", joined)


def _letter(found: re.Match[str]) -> str:
    unicode, byte, letter = found.groups()
    if unicode or byte:
        return chr(int(unicode or byte, 16))
    return "" if letter in _CONTINUATIONS else _LETTERS.get(letter, letter)


def _joined(found: re.Match[str]) -> str:
    return found[0].encode("utf-16", "surrogatepass").decode("utf-16")


def encode(value: Any) -> bytes:
    """Return a value of JSON's types as JSONB, as SQLite would write it.

    Raises ValueError or TypeError for what JSON cannot hold.
    """
    if value is None or isinstance(value, bool):
        return bytes([{None: NULL, True: TRUE, False: FALSE}[value]])
    if isinstance(value, str):
        return _encoded_text(value)
    if isinstance(value, int):
        return framed(INT, str(value).encode())
    if isinstance(value, float):
        return _encoded_float(value)
    if isinstance(value, Mapping):
        parts = (encode(str(key)) + encode(item) for key, item in value.items())
        return framed(OBJECT, b"".join(parts))
    if isinstance(value, (list, tuple)):
        return framed(ARRAY, b"".join(map(encode, value)))
    raise TypeError(f"a {type(value).__name__} cannot be kept as JSON")


def framed(kind: int, payload: bytes) -> bytes:
    """Return an element: the shortest header that fits, and the payload."""
    size = len(payload)
    if size <= _INLINE:
        return bytes([size << 4 | kind]) + payload
    code, width = next((c, w) for c, w in _WIDTHS.items() if size < 1 << 8 * w)
    return bytes([code << 4 | kind]) + size.to_bytes(width, "big") + payload


def replaced(data: bytes, changes: Mapping[str, Any]) -> bytes:
    """Return an object with some of its fields set; what they do not name stays byte for byte.

    Raises CorruptCheckpoint when the value is no object, else what :func:`encode` raises.
    """
    kept = [
        encode(name) + data[value.start : value.end]
        for name, value in fields(data)
        if name not in changes
    ]
    added = [encode(name) + encode(value) for name, value in changes.items()]
    return framed(OBJECT, b"".join(kept + added))


def _encoded_text(value: str) -> bytes:
    if _WELL_FORMED[TEXT].fullmatch(value):
        return framed(TEXT, value.encode())
    return framed(TEXTJ, json.dumps(value, ensure_ascii=False)[1:-1].encode())


def _encoded_float(value: float) -> bytes:
    if not math.isfinite(value):
        raise ValueError("JSON has no number for infinity or for what is none")
    return framed(FLOAT, json.dumps(value).encode())


def _damaged(why: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(f"the body is not valid JSONB: {why}")
