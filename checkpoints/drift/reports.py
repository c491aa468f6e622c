"""What a look for drift brought up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from checkpoints.drift.episodes import Episode
from checkpoints.drift.signals import Signal

OWN: Final = "a check of the agent's own found drift"
"""What a report says where an overriding method answered no more than True."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """False when nothing was found; otherwise the signals that were, and reasons in words.

    ``episode`` holds the signals with where each began; ``reasons`` come from checks of the
    agent's own.
    """

    signals: tuple[Signal, ...] = ()
    reasons: tuple[str, ...] = ()
    episode: Episode | None = None

    @classmethod
    def of(cls, found: Any) -> Self:
        """Return a report of whatever a ``detect_drift`` answers.

        That may be a report, a truth value, words, a signal, a list of words and signals, or None.
        """
        if isinstance(found, cls):
            return found
        if isinstance(found, (Signal, str)):
            return cls._of_list([found])
        if isinstance(found, Iterable):
            return cls._of_list(list(found))
        return cls(reasons=(OWN,)) if found else cls()

    @classmethod
    def _of_list(cls, found: Sequence[Any]) -> Self:
        words = tuple(str(one) for one in found if one and not isinstance(one, Signal))
        return cls(signals=tuple(one for one in found if isinstance(one, Signal)), reasons=words)

    def __or__(self, other: Any) -> Self:
        """Join it with what a check of the agent's own found: ``super().detect_drift() | mine``."""
        more = DriftReport.of(other)
        return replace(
            self,
            signals=self.signals + more.signals,
            reasons=self.reasons + more.reasons,
            episode=self.episode or more.episode,
        )

    def __bool__(self) -> bool:
        return bool(self.signals or self.reasons)

    def __str__(self) -> str:
        return "; ".join([*map(str, self.signals), *self.reasons]) or "no drift"
