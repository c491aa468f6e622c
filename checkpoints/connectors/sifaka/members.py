"""The members of a JSON object as they stand in a file, also in one that was cut short.

Sifaka keeps all chains in one object. Its members are told apart by brackets and quotes alone, so
that one that cannot be read costs none of the others and none is built before it is asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from checkpoints.bodies.limits import MAX_DEPTH
from checkpoints.connectors.documents import Unreadable

MAX_TOKENS = 2_000_000
"""Brackets, commas, colons and texts that a file may have: some 20,000 checkpoints."""
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},:]', re.DOTALL)
_OPENING, _CLOSING = b"[{", b"]}"


@dataclass(frozen=True, slots=True)
class Member:
    """A member: its key, and where its value's bytes lie."""

    key: str
    start: int
    end: int


@dataclass(slots=True)
class Members:
    """What was found: ``cut`` says that the object has no end, ``rest`` that more follows it."""

    found: list[Member] = field(default_factory=list)
    cut: bool = True
    rest: bool = False


@dataclass(slots=True)
class _Scan:
    content: bytes
    members: Members = field(default_factory=Members)
    depth: int = 0
    key: str | None = None
    start: int | None = None

    def run(self) -> Members:
        for number, token in enumerate(_TOKEN.finditer(self.content)):
            if number > MAX_TOKENS:
                raise Unreadable("too_large", "the file holds too many values; it is not read")
            if self._take(token):
                self.members.cut = False
                self.members.rest = bool(self.content[token.end() :].strip())
                break
        return self.members

    def _take(self, token: re.Match[bytes]) -> bool:
        """Take one token into account; say whether the object ends with it."""
        sign = self.content[token.start()]
        if sign in _OPENING:
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise Unreadable(
                    "undecodable", f"the file nests deeper than {MAX_DEPTH} levels; it is not read"
                )
        elif sign in _CLOSING:
            self.depth -= 1
            if self.depth == 0:
                self._close(token.start())
                return True
        elif self.depth == 1:
            self._within(sign, token)
        return False

    def _within(self, sign: int, token: re.Match[bytes]) -> None:
        if sign == ord(","):
            self._close(token.start())
        elif sign == ord(":"):
            self.start = token.end() if self.start is None else self.start
        elif self.key is None:
            with suppress(ValueError):
                self.key = str(json.loads(token[0]))

    def _close(self, end: int) -> None:
        if self.key is not None and self.start is not None:
            self.members.found.append(Member(self.key, self.start, end))
        self.key = self.start = None


def members_of(content: bytes) -> Members:
    """Return the members of the object in a file. Raises Unreadable when it holds none."""
    if not content.strip():
        raise Unreadable("zero_length", "the file is empty")
    if not content.lstrip().startswith(b"{"):
        kind = "undecodable"
        raise Unreadable(kind, "the file does not hold a JSON object")
    return _Scan(content).run()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a JSONL file: its number, and where its bytes lie."""

    number: int
    start: int
    end: int


def lines_of(content: bytes) -> Iterator[Line]:
    """Yield the lines that hold something. Raises Unreadable when none does."""
    if not content.strip():
        raise Unreadable("zero_length", "the file is empty")
    start = 0
    for number, text in enumerate(content.split(b"\n"), 1):
        if text.strip():
            yield Line(number, start, start + len(text))
        start += len(text) + 1
