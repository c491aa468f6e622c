"""What of a value is kept, and when two are the same."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

BUCKETS: Final = 16
NEAR_SHARE: Final = 0.1
"""Of its words a value may have changed this share, and be nearly the same."""
_TEXT: Final = re.compile(
    r"~(\d{1,6})([.!])([^~]{1,25})~([0-9a-f]{16})([0-9a-f]{16})([0-9a-f]{32})"
)


class Sketch(NamedTuple):
    """A value of any size in 90 characters.

    ``exact`` is its digest without what only says when and under which number it was asked for,
    ``loose`` one without ids, and of an error without numbers. ``total`` is the sum of its
    numbers, so that a count that goes on can be told from noise. ``buckets`` are sums over its
    ``words``: few of them differ where few words do.
    """

    words: int
    error: bool
    total: float
    exact: str
    loose: str
    buckets: str

    def __str__(self) -> str:
        mark = "!" if self.error else "."
        digests = f"{self.exact}{self.loose}{self.buckets}"
        return f"~{min(self.words, 999_999)}{mark}{self.total!r}~{digests}"

    def near(self, other: Sketch) -> bool:
        """Whether all but a tenth of the words are the same; of a short value all must be."""
        if self.error and other.error and self.loose == other.loose:
            return True
        return self.changed(other) <= 2 * int(NEAR_SHARE * min(self.words, other.words, 30))

    def changed(self, other: Sketch) -> int:
        """How many buckets differ; a word that was replaced changes one or two."""
        mine, theirs = self.buckets, other.buckets
        return sum(
            mine[place : place + 2] != theirs[place : place + 2]
            for place in range(0, 2 * BUCKETS, 2)
        )


def parsed(text: str) -> Sketch | None:
    """Return the sketch that a text is, None if it is none."""
    found = _TEXT.fullmatch(text) if text[:1] == "~" else None
    if not found:
        return None
    try:
        total = float(found[3])
    except ValueError:
        return None
    return Sketch(int(found[1]), found[2] == "!", total, found[4], found[5], found[6])
