"""What no database keeps in a text: a NUL, and half of a surrogate pair."""

from __future__ import annotations

import re

UNKEPT = re.compile(r"[\x00\ud800-\udfff]")


def written_out(text: str) -> str:
    """Return a text in which each of them stands as Python writes it."""
    return UNKEPT.sub(lambda match: repr(match.group())[1:-1], text)
