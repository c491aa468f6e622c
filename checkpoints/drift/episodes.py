"""What one checkpoint tells of an agent, and the episodes in which it drifts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from checkpoints.drift.signals import Signal, SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call of a tool: its name, and sketches of its arguments and of what it returned."""

    tool: str
    arguments: str = ""
    result: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one checkpoint, or one report between two, tells of an agent.

    ``metrics`` are in whatever unit the agent reports. ``failed`` is None where nothing is known.
    ``state`` is given where its schema is to be watched. ``damage`` says why the checkpoint
    cannot be read. ``rests`` says that the thread waits for somebody or has ended, so that
    nothing is to be expected of it for now.
    """

    at: datetime
    thread_id: str = "main"
    checkpoint_id: str | None = None
    step_name: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    failed: bool | None = None
    state: Mapping[str, Any] | None = None
    calls: Sequence[ToolCall] = ()
    damage: str | None = None
    deployment: str | None = None
    run_id: str | None = None
    rests: bool = False


class Severity(StrEnum):
    """How soon somebody should look, lowest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """A signal of an episode, and where in the agent's history it began and was found."""

    signal: Signal
    thread_id: str
    onset_at: datetime
    found_at: datetime
    onset_checkpoint: str | None = None
    found_checkpoint: str | None = None
    step_name: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {
            **{f.name: getattr(self, f.name) for f in dataclasses.fields(self)},
            "signal": self.signal.to_dict(),
            "onset_at": self.onset_at.isoformat(),
            "found_at": self.found_at.isoformat(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild it from :meth:`to_dict`."""
        return cls(
            **{
                **values,
                "signal": Signal.from_dict(values["signal"]),
                "onset_at": datetime.fromisoformat(values["onset_at"]),
                "found_at": datetime.fromisoformat(values["found_at"]),
            }
        )


def _is_strong(signal: Signal) -> bool:
    """Whether it is far past its threshold. A silence always is, sooner or later."""
    return signal.kind is not SignalKind.STALL and signal.score >= 2 * signal.threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """Signals of one agent that belong together; one alert, however many metrics tell of it.

    ``number`` counts an agent's episodes from 1. ``onset_checkpoint`` is the earliest of its
    contributions' onsets.
    """

    number: int
    contributions: tuple[Contribution, ...]

    @property
    def first(self) -> Contribution:
        """The contribution whose onset is the earliest."""
        return min(self.contributions, key=lambda one: one.onset_at)

    @property
    def onset_at(self) -> datetime:
        return self.first.onset_at

    @property
    def onset_checkpoint(self) -> str | None:
        return self.first.onset_checkpoint

    @property
    def severity(self) -> Severity:
        """High for what cannot be read or goes round in circles, or when three agree."""
        kinds = {one.signal.kind for one in self.contributions}
        if kinds & {SignalKind.CORRUPTION, SignalKind.LOOP} or len(self.contributions) > 2:
            return Severity.HIGH
        strong = any(_is_strong(one.signal) for one in self.contributions)
        return Severity.MEDIUM if strong or len(self.contributions) > 1 else Severity.LOW

    def __str__(self) -> str:
        return "; ".join(str(one.signal) for one in self.contributions)
