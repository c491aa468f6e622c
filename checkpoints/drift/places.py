"""Where in an agent's history something was: the last checkpoints, by their count."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, Self

from checkpoints.drift.episodes import Observation

KEPT: Final = 256
"""Observations whose place is remembered; an onset further back is put at the oldest of them."""

LONGEST_STEP: Final = 200
"""Characters of a step's name that are kept."""


class Place(NamedTuple):
    """One observation: its number in the agent's history from 0 on, its time, what it was of."""

    number: int
    at: datetime
    thread_id: str
    checkpoint_id: str | None
    step_name: str | None


class Places:
    """Counts an agent's observations and remembers the last of them."""

    def __init__(self) -> None:
        self._places: deque[Place] = deque(maxlen=KEPT)
        self._known: set[tuple[str, str | None]] = set()
        self.count = 0

    def add(self, told: Observation) -> Place:
        """Count an observation."""
        step = told.step_name[:LONGEST_STEP] if told.step_name else None
        place = Place(self.count, told.at, told.thread_id, told.checkpoint_id, step)
        self._append(place)
        self.count += 1
        return place

    def has(self, told: Observation) -> bool:
        """Return whether this checkpoint was counted lately."""
        return (
            told.checkpoint_id is not None and (told.thread_id, told.checkpoint_id) in self._known
        )

    def find(self, index: float) -> Place:
        """Return the place of an index, or the nearest one that is remembered."""
        oldest = self._places[0].number
        return self._places[min(max(0, int(index) - oldest), len(self._places) - 1)]

    @property
    def last(self) -> Place | None:
        """The newest one."""
        return self._places[-1] if self._places else None

    def _append(self, place: Place) -> None:
        if len(self._places) == KEPT:
            gone = self._places[0]
            self._known.discard((gone.thread_id, gone.checkpoint_id))
        self._places.append(place)
        if place.checkpoint_id is not None:
            self._known.add((place.thread_id, place.checkpoint_id))

    def to_list(self) -> list[list[Any]]:
        """Return the places as JSON types."""
        return [[p.number, p.at.isoformat(), *p[2:]] for p in self._places]

    @classmethod
    def from_list(cls, values: Sequence[Sequence[Any]]) -> Self:
        """Rebuild them from :meth:`to_list`."""
        made = cls()
        for number, at, thread_id, checkpoint_id, step_name in values:
            made._append(
                Place(number, datetime.fromisoformat(at), thread_id, checkpoint_id, step_name)
            )
            made.count = number + 1
        return made
