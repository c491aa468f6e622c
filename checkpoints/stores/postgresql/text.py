"""Any text, kept by PostgreSQL: NUL and lone surrogates, which it refuses, are escaped."""

from __future__ import annotations

import re
from typing import Any

from psycopg import Connection
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from psycopg.types.string import (
    StrBinaryDumper,
    StrDumper,
    TextBinaryLoader,
    TextLoader,
)

_REFUSED = re.compile("[\0\x01\ud800-\udfff]")
_ESCAPED = re.compile("\x01([0-9a-f]{4})")


def escaped(text: str) -> str:
    """Return a text without what PostgreSQL refuses; no two texts become the same."""
    return _REFUSED.sub(lambda found: f"\x01{ord(found[0]):04x}", text)


def restored(text: str) -> str:
    """Return the text that was escaped."""
    if "\x01" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


class _Dumper(StrDumper):
    def dump(self, obj: str) -> Any:
        return super().dump(escaped(obj))


class _BinaryDumper(StrBinaryDumper):
    def dump(self, obj: str) -> Any:
        return super().dump(escaped(obj))


class _Loader(TextLoader):
    def load(self, data: Any) -> str:
        return restored(str(super().load(data)))


class _BinaryLoader(TextBinaryLoader):
    def load(self, data: Any) -> str:
        return restored(str(super().load(data)))


def adapt(connection: Connection[Any]) -> None:
    """Have a connection keep any text, and every integer as one of eight bytes."""
    adapters = connection.adapters
    for text in (_Dumper, _BinaryDumper):
        adapters.register_dumper(str, text)
    for integer in (Int8Dumper, Int8BinaryDumper):
        adapters.register_dumper(int, integer)
    for loader in (_Loader, _BinaryLoader):
        adapters.register_loader("text", loader)
