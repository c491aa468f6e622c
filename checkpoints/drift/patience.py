"""Letting a weak spike wait that only one of an agent's metrics shows, until another agrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from checkpoints.drift.episodes import Contribution
from checkpoints.drift.signals import Pattern

WAIT: Final = 10
"""Observations for which a weak signal waits; then it is dropped."""
FEW: Final = 3
"""An agent with fewer metrics has nobody who could agree: nothing waits there."""
MORE: Final = {Pattern.SPIKE: 0.1}
"""By how much more than its threshold a score is strong alone, at the usual sensitivity; other
patterns are as soon as they pass it. A spike is one point, and an agent's metrics have heavy tails.
"""
AGREES: Final = 0.6
"""Pressure of another metric that makes a new signal certain enough."""
LASTS: Final = 3
"""Points in a row that stay away after a spike: it was the beginning of something else."""
CONFIRMS: Final = 0.7
"""Pressure of another metric that makes a signal certain enough that waits."""


class Patience:
    """Holds back the weak signal of a single metric."""

    def __init__(self) -> None:
        self._waiting: Contribution | None = None
        self._since = 0

    @property
    def waiting(self) -> Contribution | None:
        """The signal that is held back, if one is."""
        return self._waiting

    def released(
        self,
        found: Sequence[Contribution],
        *,
        pressures: Mapping[str, float],
        number: int,
        most: float,
        lasted: int = 0,
    ) -> list[Contribution]:
        """Return what is certain enough of what was found now, and of what waits.

        ``pressures`` are those of all metrics, ``number`` counts observations, ``most`` is how
        much of the usual surplus is asked for: 1 at the usual sensitivity, 0 at the highest.
        ``lasted`` says for how many points in a row what waits has not gone back.
        """
        waiting = self._waiting if number - self._since <= WAIT else None
        metrics = {one.signal.metric for one in found}
        if not found:
            if waiting is None:
                return []
            agrees = _others(pressures, {waiting.signal.metric}) >= CONFIRMS
            return self._release(waiting, ()) if agrees or lasted >= LASTS else []
        second = waiting is not None and waiting.signal.metric not in metrics
        agreed = second or len(metrics) > 1 or _others(pressures, metrics) >= AGREES
        if agreed or any(_is_strong(one, most) for one in found):
            return self._release(waiting, found)
        self._waiting, self._since = found[0], number
        return []

    def _release(
        self, waiting: Contribution | None, found: Sequence[Contribution]
    ) -> list[Contribution]:
        self._waiting = None
        return [*([waiting] if waiting is not None else []), *found]

    def forget(self) -> None:
        """Drop what waits."""
        self._waiting = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        waiting = self._waiting.to_dict() if self._waiting else None
        return {"waiting": waiting, "since": self._since}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild it from :meth:`to_dict`."""
        made = cls()
        made._since = values["since"]
        if values["waiting"] is not None:
            made._waiting = Contribution.from_dict(values["waiting"])
        return made


def _others(pressures: Mapping[str, float], metrics: set[str]) -> float:
    return max((value for name, value in pressures.items() if name not in metrics), default=0.0)


def _is_strong(one: Contribution, most: float) -> bool:
    more = MORE.get(one.signal.pattern, 0.0) * most
    return one.signal.score >= one.signal.threshold * (1 + more)
