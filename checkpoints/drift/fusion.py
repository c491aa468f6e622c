"""Joining signals into one episode per agent, and what several metrics say only together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from checkpoints.drift.episodes import Contribution, Episode

FLOOR: Final = 0.55
"""Share of its own threshold below which a metric says nothing."""
POWER: Final = 2.0
"""Pressures are added as powers: one at 0.9 of its threshold counts for two at 0.64."""
TOGETHER: Final = 1.45
"""What pressures that are added must come to. Metrics of one agent rise and fall
together, so two that have just reached the threshold of a single series do not suffice."""
QUIET: Final = 30
"""Observations without a further signal after which an episode is over: that is the agent now."""
MOST_CONTRIBUTIONS: Final = 32


def agreement(pressures: Sequence[float]) -> float:
    """Return how much several metrics say together, 1 being enough; 0 for fewer than two.

    A pressure is the share of a single series' usual threshold that a metric has reached; to
    speak alone it must reach more.
    """
    speaking = [pressure for pressure in pressures if pressure >= FLOOR]
    if len(speaking) < 2:
        return 0.0
    total: float = sum(pressure**POWER for pressure in speaking) ** (1 / POWER)
    return total / TOGETHER


class Fusion:
    """Keeps the one episode of an agent that is open."""

    def __init__(self) -> None:
        self._number = 0
        self._quiet = 0
        self.episode: Episode | None = None

    def pass_by(self) -> None:
        """Count an observation; an episode of which nothing was heard for long is over."""
        self._quiet += 1
        if self._quiet > QUIET:
            self.close()

    def add(self, found: Sequence[Contribution]) -> Episode | None:
        """Open an episode, or let the open one gain; return it unless there was nothing to add."""
        if not found:
            return None
        self._quiet = 0
        if self.episode is None:
            self._number += 1
            self.episode = Episode(number=self._number, contributions=())
        joined = _joined(self.episode.contributions, found)
        self.episode = Episode(number=self._number, contributions=joined)
        return self.episode

    def close(self) -> None:
        """End the open episode."""
        self.episode = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        episode = self.episode
        told = [one.to_dict() for one in episode.contributions] if episode else None
        return {"number": self._number, "quiet": self._quiet, "contributions": told}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild it from :meth:`to_dict`."""
        made = cls()
        made._number, made._quiet = values["number"], values["quiet"]
        if values["contributions"] is not None:
            told = tuple(map(Contribution.from_dict, values["contributions"]))
            made.episode = Episode(number=made._number, contributions=told)
        return made


def _joined(
    before: Sequence[Contribution], found: Sequence[Contribution]
) -> tuple[Contribution, ...]:
    """Return both; of many the first stay, since they say where it began."""
    return (*before, *found)[:MOST_CONTRIBUTIONS]
