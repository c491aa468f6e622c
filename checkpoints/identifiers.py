"""Ids that sort by the time they were made."""

from __future__ import annotations

import secrets
import time
from uuid import UUID

_VERSION_7 = 7 << 76
_VARIANT = 2 << 62


def new_id() -> str:
    """Return a UUID of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, then random."""
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(74)
    value = milliseconds << 80 | _VERSION_7 | random >> 62 << 64 | _VARIANT | random & (1 << 62) - 1
    return str(UUID(int=value))
