"""Counting a manager's steps and seconds against its triggers."""

from __future__ import annotations

from collections.abc import Callable

from checkpoints.triggers import Trigger


class Timing:
    """Knows when the next save and the next refresh are due."""

    def __init__(self, save: Trigger, *, refresh: Trigger, monotonic: Callable[[], float]) -> None:
        self.saves = save != Trigger()
        self._clock = monotonic
        self._steps = 0
        now = monotonic()
        self._save = save.counting_from(step=0, now=now)
        self._refresh = refresh.counting_from(step=0, now=now)

    def step(self) -> None:
        """Count a step."""
        self._steps += 1

    def due(self, *, after: int = 0) -> bool:
        """Return whether anything is due, after so many more steps."""
        return self._save.due(self._steps + after, self._clock()) or self.refresh_due()

    def refresh_due(self) -> bool:
        """Return whether the uptime asks for a refresh."""
        return self._refresh.due(0, self._clock())

    def saved(self) -> None:
        """Count anew to the next save."""
        self._save.count_from(self._steps, self._clock())

    def refreshed(self) -> None:
        """Count the uptime anew."""
        self._refresh.count_from(0, self._clock())
