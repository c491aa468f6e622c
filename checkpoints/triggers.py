"""When to save: every so many steps, every so many seconds, or either. Pure: reads no clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

_STEPS: Final = "every_steps (a manager's checkpoint_frequency)"
_SECONDS: Final = "every_seconds (a manager's checkpoint_interval or refresh_after)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Due every ``every_steps`` steps, every ``every_seconds`` seconds, whichever comes first.

    With neither it is never due. Raises ValueError for what is not above 0 (or not finite),
    TypeError for what is not a number.
    """

    every_steps: int | None = None
    every_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.every_steps is not None:
            _check(_STEPS, self.every_steps, int, "a whole number of steps")
        if self.every_seconds is not None:
            _check(_SECONDS, self.every_seconds, (int, float), "a number of seconds")

    def counting_from(self, *, step: int, now: float) -> Due:
        """Begin to count at a step and a time, in seconds of a monotonic clock."""
        return Due(self, step=step, now=now)


class Due:
    """Counts steps and seconds since the last save.

    Times are seconds of a monotonic clock, which does not jump when the system's clock is set.
    A pause, however long, makes one save due, not one for each interval in it.
    """

    __slots__ = ("_at", "_every_seconds", "_every_steps", "_step")

    def __init__(self, trigger: Trigger, *, step: int, now: float) -> None:
        self._every_steps = math.inf if trigger.every_steps is None else trigger.every_steps
        self._every_seconds = math.inf if trigger.every_seconds is None else trigger.every_seconds
        self.count_from(step, now)

    def count_from(self, step: int, now: float) -> None:
        """Count anew: a checkpoint was saved or restored."""
        self._step = step
        self._at = now

    def due(self, step: int, now: float) -> bool:
        """Whether a save is due at a step and a time.

        A step or a time before the last save (a restore, a clock that was set anew) is counted
        from: it neither makes a save due nor holds the next ones up.
        """
        if step < self._step or now < self._at:
            self.count_from(min(step, self._step), min(now, self._at))
        return step - self._step >= self._every_steps or now - self._at >= self._every_seconds


def _check(name: str, value: float, types: type | tuple[type, ...], what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, types):
        raise TypeError(f"{name} is {what}, not {value!r}")
    if not 0 < value < math.inf:
        raise ValueError(f"{name} is {what} above 0, not {value!r}; leave it out for never")
