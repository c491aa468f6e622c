"""Where a value lies in a state, short enough for an address whatever its keys are.

A place is a child's position in its parent with a digest of its key: the digest tells whether the
state at that position is still the one that the address was made for. In an address a place is
``12-9f3a1c2b``, and places on the way down are joined by full stops.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Self

Step = str | int
DIGEST_BYTES = 4
LONGEST_PATH = 64
_PLACE = re.compile(r"([0-9]{1,15})-([0-9a-f]{8})", re.ASCII)


class NoPlace(ValueError):
    """A text is not the address of a place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A child of a value: the how-manieth from 0, and the digest of its key."""

    position: int
    digest: str

    @classmethod
    def of(cls, position: int, key: Step) -> Self:
        """Return the place of the child at ``position`` under ``key``."""
        text = repr(key).encode("utf-8", "surrogatepass")
        return cls(
            position=position, digest=hashlib.blake2b(text, digest_size=DIGEST_BYTES).hexdigest()
        )


Places = tuple[Place, ...]


def places_text(places: Places) -> str:
    """Return the way to a value for an address; empty for the whole state."""
    return ".".join(f"{place.position}-{place.digest}" for place in places)


def read_places(text: str) -> Places:
    """Read the way to a value out of an address. Raises NoPlace."""
    parts = text.split(".", LONGEST_PATH) if text else []
    if len(parts) > LONGEST_PATH:
        raise NoPlace(text)
    return tuple(_read(part) for part in parts)


def _read(text: str) -> Place:
    found = _PLACE.fullmatch(text)
    if found is None:
        raise NoPlace(text)
    return Place(position=int(found[1]), digest=found[2])
