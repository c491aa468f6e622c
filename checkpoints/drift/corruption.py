"""Checkpoints whose bytes are not what was saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Self

from checkpoints.drift import times
from checkpoints.drift.signals import At, Evidence, Signal, SignalKind
from checkpoints.errors import CorruptCheckpoint

_LONGEST: Final = 300


def damage_of(read: Callable[[], object]) -> str | None:
    """Read a checkpoint and say why it cannot be, None where it can.

    Only a digest, a format or a chain that does not hold is damage. A store that does not answer
    tells nothing of its checkpoints: its error is raised as it is.
    """
    try:
        read()
    except CorruptCheckpoint as error:
        return str(error) or "it is damaged"
    return None


class CorruptionDetector:
    """Says when a checkpoint is damaged: once for each row of damaged ones."""

    def __init__(self) -> None:
        self._index = -1
        self._damaged = False

    def update(self, damage: str | None, at: At | None = None) -> Signal | None:
        """Take why a checkpoint cannot be read, or None; signal if the one before could be."""
        self._index += 1
        before, self._damaged = self._damaged, damage is not None
        if damage is None or before:
            return None
        told = damage[:_LONGEST] if type(damage) is str and damage else "it is damaged"
        return Signal(
            kind=SignalKind.CORRUPTION,
            metric="integrity",
            onset=self._index,
            index=self._index,
            score=1.0,
            threshold=1.0,
            onset_at=times.kept(at),
            at=times.kept(at),
            evidence=Evidence(
                words=f"a checkpoint cannot be read: {told}",
                baseline_n=self._index,
                window=(self._index, self._index),
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all that it remembers as JSON types."""
        return {"index": self._index, "damaged": self._damaged}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Go on exactly where the one of :meth:`to_dict` stood."""
        made = cls()
        made._index, made._damaged = values["index"], values["damaged"]
        return made
