"""Names of stores that are made for a trial and removed whole: nothing else may ever be."""

from __future__ import annotations

import re
from secrets import token_hex

from checkpoints.errors import PermanentStoreError

_NAME = "holdfast_selftest_"
_BYTES = 8


def new_scratch_name() -> str:
    """Return a name that was never used before."""
    return f"{_NAME}{token_hex(_BYTES)}"


def require_scratch(name: str) -> None:
    """Raise PermanentStoreError unless a store's name is one that is made here."""
    if not re.fullmatch(f"{_NAME}[0-9a-f]{{{2 * _BYTES}}}", name):
        raise PermanentStoreError(
            f"the store {name!r} is not there for a trial; it was kept as it is"
        )
