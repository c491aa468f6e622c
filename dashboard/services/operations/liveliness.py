"""Whether an agent looks as if it were still writing."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

GAPS_OF_SILENCE = 3
SHORTEST_SILENCE = timedelta(seconds=30)


def looks_alive(saved_at: Sequence[datetime], now: datetime) -> bool:
    """Return whether the last save is less than three of the usual gaps ago.

    ``saved_at`` are the times of the last saves, newest first. A silence under 30 seconds never
    counts, so that an agent which saves many times a second is not called dead at once.
    """
    if not saved_at:
        return False
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(saved_at)]
    usual = timedelta(seconds=statistics.median(gaps)) if gaps else timedelta()
    return now - saved_at[0] < max(usual * GAPS_OF_SILENCE, SHORTEST_SILENCE)
