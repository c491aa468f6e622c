"""Ids that sort by the time they were made."""

from __future__ import annotations

import secrets
import threading
import time
from uuid import UUID

from checkpoints.forks import renew_in_children

_VERSION_7 = 7 << 76
_VARIANT = 2 << 62
_RANDOM_BITS = 74
_LOW_BITS = 62


class _Sequence:
    """Milliseconds and random bits that only grow within a process.

    Within one millisecond, and while the clock stands behind what it once said, the random part is
    counted up (RFC 9562, section 6.2, method 2).
    """

    def __init__(self) -> None:
        self._last = 0
        self.after_fork()
        renew_in_children(self)

    def after_fork(self) -> None:
        """Take a lock that no other thread of the parent holds, and part from its numbers."""
        self._lock = threading.RLock()  # a signal's handler may save while an id is made
        self._last += secrets.randbits(_LOW_BITS)

    def next(self) -> int:
        milliseconds = time.time_ns() // 1_000_000
        fresh = milliseconds << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        with self._lock:
            behind = self._last >> _RANDOM_BITS >= milliseconds
            self._last = made = self._last + 1 + secrets.randbits(32) if behind else fresh
            return made


_sequence = _Sequence()


def new_id() -> str:
    """Return a UUID of version 7 (RFC 9562, section 5.7) above all that this process made before.

    48 bits of milliseconds since 1970, then random bits.
    """
    number = _sequence.next()
    high, low = number >> _LOW_BITS, number & (1 << _LOW_BITS) - 1
    milliseconds, random = high >> 12, high & 0xFFF
    return str(UUID(int=milliseconds << 80 | _VERSION_7 | random << 64 | _VARIANT | low))
