"""What became of everything that was reported."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Items by what became of them, since this reporter was made.

    ``sent``: the dashboard has them. ``waiting``: in memory. ``spooled``: on disk. ``dropped``:
    given up for want of room. ``refused``: the dashboard would not take them. ``retries`` counts
    requests that had to be made again, ``spool_errors`` writes that the disk did not take.
    """

    sent: int = 0
    waiting: int = 0
    spooled: int = 0
    dropped: int = 0
    refused: int = 0
    retries: int = 0
    spool_errors: int = 0

    def to_dict(self) -> dict[str, int]:
        """Return the counters as JSON types."""
        return asdict(self)


class Tally:
    """The counters while they grow; several threads add to them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, name: str, count: int = 1) -> None:
        """Add to the counter of this name; ``queued`` counts what no thread has taken up yet."""
        with self._lock:
            self._counts[name] += count

    def __getitem__(self, name: str) -> int:
        return self._counts[name]

    def after_fork(self) -> None:
        """Take a lock that no other thread holds; what was queued is the parent's."""
        self._lock = threading.Lock()
        self._counts["queued"] = 0
